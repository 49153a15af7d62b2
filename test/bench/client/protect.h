/* Keys, signatures and seals of one client session. [MS-SMB2] 3.1.4, [MS-NLMP] 3.3.2 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum signing { SIGN_NONE, SIGN_HMAC, SIGN_CMAC, SIGN_GMAC };

struct keys {
  enum signing signing;
  uint8_t sign[16], seal[16], open[16];
  uint64_t nonce;
  void *mac, *signer, *sealer, *opener; /* OpenSSL contexts, made on first use */
};

/* Ends the program with a message; nothing wrong is ever counted as work. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

void nt_hash(const char *password, uint8_t hash[16]);
void rc4(const uint8_t key[16], uint8_t *bytes, size_t length);
void hmac_md5(const uint8_t key[16], const void *data, size_t length, uint8_t out[16]);
void random_bytes(void *out, size_t length);
/* Updates the pre-authentication hash. [MS-SMB2] 3.1.4.4.1 */
void preauth(uint8_t hash[64], const void *message, size_t length);
/* Derives the keys of a dialect from the session key. [MS-SMB2] 3.1.4.2 */
void derive(struct keys *keys, unsigned dialect, const uint8_t session_key[16], const uint8_t hash[64]);
/* Writes the signature of the message into its header. */
void sign(struct keys *keys, uint8_t *message, size_t length);
/* Whether the server's signature is right. */
int verify(struct keys *keys, uint8_t *message, size_t length);
/* Writes the 52 bytes in front of the message and seals it in place. */
void seal(struct keys *keys, uint64_t session_id, uint8_t *message, size_t length);
/* Opens in place what stands behind the transform header; 0 when the tag is wrong. */
int open_seal(struct keys *keys, uint8_t *transform, size_t length);
