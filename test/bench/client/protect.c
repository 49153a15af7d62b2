#include "protect.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

/* MD4, which OpenSSL 3 offers only with its legacy provider. RFC 1320 */
static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void md4_block(uint32_t state[4], const uint8_t block[64]) {
  static const uint8_t order[3][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                       {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
                                       {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}};
  static const uint8_t shift[3][4] = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};
  static const uint32_t add[3] = {0, 0x5a827999, 0x6ed9eba1};
  uint32_t x[16], a = state[0], b = state[1], c = state[2], d = state[3];
  memcpy(x, block, 64);
  for (int i = 0; i < 48; i++) {
    int round = i / 16;
    uint32_t f = round == 0 ? (b & c) | (~b & d) : round == 1 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
    uint32_t t = rotate(a + f + x[order[round][i % 16]] + add[round], shift[round][i % 4]);
    a = d, d = c, c = b, b = t;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

void nt_hash(const char *password, uint8_t hash[16]) {
  uint8_t block[64] = {0};
  size_t length = strlen(password);
  if (length > 27) die("the password is longer than this client takes");
  for (size_t i = 0; i < length; i++) block[2 * i] = (uint8_t)password[i];
  block[2 * length] = 0x80;
  block[56] = (uint8_t)(16 * length), block[57] = (uint8_t)(16 * length >> 8);
  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  md4_block(state, block);
  memcpy(hash, state, 16);
}

void rc4(const uint8_t key[16], uint8_t *bytes, size_t length) {
  uint8_t s[256], i = 0, j = 0;
  for (int k = 0; k < 256; k++) s[k] = (uint8_t)k;
  for (int k = 0; k < 256; k++) {
    j = (uint8_t)(j + s[k] + key[k % 16]);
    uint8_t t = s[k];
    s[k] = s[j], s[j] = t;
  }
  j = 0;
  for (size_t k = 0; k < length; k++) {
    j = (uint8_t)(j + s[++i]);
    uint8_t t = s[i];
    s[i] = s[j], s[j] = t;
    bytes[k] ^= s[(uint8_t)(s[i] + s[j])];
  }
}

void hmac_md5(const uint8_t key[16], const void *data, size_t length, uint8_t out[16]) {
  if (HMAC(EVP_md5(), key, 16, data, length, out, NULL) == NULL) die("HMAC-MD5 failed");
}

void random_bytes(void *out, size_t length) {
  if (RAND_bytes(out, (int)length) != 1) die("no random bytes");
}

void preauth(uint8_t hash[64], const void *message, size_t length) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha512(), NULL);
  EVP_DigestUpdate(context, hash, 64);
  EVP_DigestUpdate(context, message, length);
  EVP_DigestFinal_ex(context, hash, NULL);
  EVP_MD_CTX_free(context);
}

/* SP800-108 in counter mode with HMAC-SHA256 */
static void kdf(const uint8_t key[16], const char *label, const void *context, size_t size, uint8_t out[16]) {
  uint8_t input[128] = {0, 0, 0, 1}, digest[32];
  size_t at = 4, label_size = strlen(label) + 1;
  memcpy(input + at, label, label_size);
  at += label_size + 1;
  memcpy(input + at, context, size);
  at += size;
  memcpy(input + at, "\0\0\0\x80", 4);
  HMAC(EVP_sha256(), key, 16, input, at + 4, digest, NULL);
  memcpy(out, digest, 16);
}

static EVP_MAC_CTX *mac_of(const char *name, const char *parameter, char *value, const uint8_t key[16]) {
  EVP_MAC_CTX *context = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, name, NULL));
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(parameter, value, 0), OSSL_PARAM_construct_end()};
  if (context == NULL || !EVP_MAC_init(context, key, 16, parameters)) die("no %s", name);
  return context;
}

static EVP_CIPHER_CTX *gcm_of(const uint8_t key[16], int seals) {
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  if (!EVP_CipherInit_ex(context, EVP_aes_128_gcm(), NULL, key, NULL, seals)) die("no AES-GCM");
  return context;
}

void derive(struct keys *keys, unsigned dialect, const uint8_t session_key[16], const uint8_t hash[64]) {
  if (dialect < 0x300) {
    memcpy(keys->sign, session_key, 16);
  } else if (dialect < 0x311) {
    kdf(session_key, "SMB2AESCMAC", "SmbSign", 8, keys->sign);
    kdf(session_key, "SMB2AESCCM", "ServerIn ", 10, keys->seal);
    kdf(session_key, "SMB2AESCCM", "ServerOut", 10, keys->open);
  } else {
    kdf(session_key, "SMBSigningKey", hash, 64, keys->sign);
    kdf(session_key, "SMBC2SCipherKey", hash, 64, keys->seal);
    kdf(session_key, "SMBS2CCipherKey", hash, 64, keys->open);
  }
  if (keys->signing == SIGN_HMAC) keys->mac = mac_of("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", keys->sign);
  if (keys->signing == SIGN_CMAC) keys->mac = mac_of("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC", keys->sign);
  if (keys->signing == SIGN_GMAC) keys->signer = gcm_of(keys->sign, 1);
  keys->sealer = gcm_of(keys->seal, 1);
  keys->opener = gcm_of(keys->open, 0);
}

static void tag_of(struct keys *keys, const uint8_t *message, size_t length, uint8_t tag[32]) {
  if (keys->signing == SIGN_GMAC) {
    uint8_t nonce[12] = {0};
    int size;
    memcpy(nonce, message + 24, 8);
    nonce[8] = (message[16] & 1) | (message[12] == 0x0c ? 2 : 0);
    EVP_CIPHER_CTX *context = keys->signer;
    EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce);
    EVP_EncryptUpdate(context, NULL, &size, message, (int)length);
    EVP_EncryptFinal_ex(context, tag, &size);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag);
    return;
  }
  size_t size;
  EVP_MAC_init(keys->mac, NULL, 0, NULL);
  EVP_MAC_update(keys->mac, message, length);
  EVP_MAC_final(keys->mac, tag, &size, 32);
}

void sign(struct keys *keys, uint8_t *message, size_t length) {
  uint8_t tag[32];
  message[16] |= 8;
  memset(message + 48, 0, 16);
  tag_of(keys, message, length, tag);
  memcpy(message + 48, tag, 16);
}

int verify(struct keys *keys, uint8_t *message, size_t length) {
  uint8_t tag[32], received[16];
  if ((message[16] & 8) == 0) return 0;
  memcpy(received, message + 48, 16);
  memset(message + 48, 0, 16);
  tag_of(keys, message, length, tag);
  memcpy(message + 48, received, 16);
  return memcmp(tag, received, 16) == 0;
}

void seal(struct keys *keys, uint64_t session_id, uint8_t *message, size_t length) {
  uint8_t *transform = message - 52;
  uint32_t size = (uint32_t)length;
  int done;
  memset(transform, 0, 52);
  memcpy(transform, "\xfdSMB", 4);
  keys->nonce++;
  memcpy(transform + 20, &keys->nonce, 8);
  memcpy(transform + 36, &size, 4);
  transform[42] = 1;
  memcpy(transform + 44, &session_id, 8);
  EVP_CIPHER_CTX *context = keys->sealer;
  EVP_EncryptInit_ex(context, NULL, NULL, NULL, transform + 20);
  EVP_EncryptUpdate(context, NULL, &done, transform + 20, 32);
  EVP_EncryptUpdate(context, message, &done, message, (int)length);
  EVP_EncryptFinal_ex(context, message + length, &done);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, transform + 4);
}

int open_seal(struct keys *keys, uint8_t *transform, size_t length) {
  uint8_t *message = transform + 52;
  int done;
  EVP_CIPHER_CTX *context = keys->opener;
  EVP_DecryptInit_ex(context, NULL, NULL, NULL, transform + 20);
  EVP_DecryptUpdate(context, NULL, &done, transform + 20, 32);
  EVP_DecryptUpdate(context, message, &done, message, (int)(length - 52));
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, transform + 4);
  return EVP_DecryptFinal_ex(context, message, &done) > 0;
}
