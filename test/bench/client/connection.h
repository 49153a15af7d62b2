/* One connection: messages out and in, credits, logon. [MS-SMB2] 2.1, 2.2 */
#pragma once
#include "protect.h"

enum command {
  NEGOTIATE = 0, SESSION_SETUP = 1, TREE_CONNECT = 3, CREATE = 5, CLOSE = 6, FLUSH = 7, READ = 8, WRITE = 9,
  LOCK = 10, ECHO_ = 13, QUERY_DIRECTORY = 14, QUERY_INFO = 16, SET_INFO = 17,
};

#define STATUS_PENDING 0x103u
#define NO_MORE_FILES 0x80000006u
#define NAME_NOT_FOUND 0xc0000034u

/* Requests of one connection under way at most. */
#define OUTSTANDING 4096

struct slot;

struct reply {
  unsigned command;
  uint32_t status;
  uint64_t message_id;
  uint8_t *message; /* the header and all behind it */
  size_t length;
};

struct connection {
  int fd, number;
  enum { OPEN, SIGNED, SEALED } protection; /* of what is sent next and what comes in */
  unsigned dialect;
  struct keys keys;
  uint64_t session_id, message_id;
  uint32_t tree_id;
  int credits;
  uint8_t hash[64];
  uint8_t *in, *out, *start; /* start: of the message being written */
  size_t in_size, in_used, in_at, out_size, out_used, out_at;
  int waits_for_room;
  struct slot *waiting[OUTSTANDING]; /* by message id */
};

struct logon {
  const char *host, *port, *user, *password, *share;
  const char *protection; /* plain hmac cmac gmac gcm */
};

void connect_to(struct connection *c, const struct logon *logon);

/* Begins a request of `size` bytes, all zero but the header; returns its first byte. */
uint8_t *begin(struct connection *c, enum command command, size_t size, unsigned charge);
/* Protects it and puts it into the output; `size` may be less than begun with. Returns the message id. */
uint64_t end(struct connection *c, size_t size);
/* Sends what can be sent; 0 when the socket is full. */
int push(struct connection *c);
/* Reads what is there; 0 at the end of the stream. */
int pull(struct connection *c);
/* Takes the next whole, verified answer out of the input, if there is one. */
int next(struct connection *c, struct reply *reply);
/* For requests outside measurements: sends what was begun and waits for its final answer. */
struct reply call(struct connection *c, size_t size);

static inline void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
static inline void put32(uint8_t *p, uint32_t v) { __builtin_memcpy(p, &v, 4); }
static inline void put64(uint8_t *p, uint64_t v) { __builtin_memcpy(p, &v, 8); }
static inline unsigned u16(const uint8_t *p) { return (unsigned)(p[0] | p[1] << 8); }
static inline uint32_t u32(const uint8_t *p) { uint32_t v; __builtin_memcpy(&v, p, 4); return v; }
static inline uint64_t u64(const uint8_t *p) { uint64_t v; __builtin_memcpy(&v, p, 8); return v; }
/* Writes ASCII as UTF-16; returns the bytes. */
size_t put_name(uint8_t *p, const char *name);
