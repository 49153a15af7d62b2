#include "connection.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRANSFORM 52

size_t put_name(uint8_t *p, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < n; i++) put16(p + 2 * i, (uint8_t)name[i]);
  return 2 * n;
}

static uint8_t *room(uint8_t *buffer, size_t *size, size_t wanted) {
  if (wanted <= *size) return buffer;
  *size = wanted < 65536 ? 65536 : wanted * 2;
  if ((buffer = realloc(buffer, *size)) == NULL) die("no memory");
  return buffer;
}

uint8_t *begin(struct connection *c, enum command command, size_t size, unsigned charge) {
  if (c->credits < (int)charge) die("a request without credits");
  if (c->out_at == c->out_used) c->out_at = c->out_used = 0;
  size_t front = 4 + (c->protection == SEALED ? TRANSFORM : 0);
  c->out = room(c->out, &c->out_size, c->out_used + front + size);
  uint8_t *m = c->start = c->out + c->out_used + front;
  memset(m, 0, size < 512 ? size : 512);
  memcpy(m, "\xfeSMB", 4);
  put16(m + 4, 64);
  put16(m + 6, c->dialect == 0 ? 0 : charge);
  put16(m + 12, command);
  put16(m + 14, charge + (c->credits < 512 ? 64 : 0));
  put64(m + 24, c->message_id);
  put32(m + 36, c->tree_id);
  put64(m + 40, c->session_id);
  c->credits -= (int)charge;
  c->message_id += charge;
  return m;
}

uint64_t end(struct connection *c, size_t size) {
  uint8_t *m = c->start, *frame = c->out + c->out_used;
  uint64_t id = u64(m + 24);
  if (c->protection == SIGNED) sign(&c->keys, m, size);
  if (c->protection == SEALED) seal(&c->keys, c->session_id, m, size);
  size_t whole = (size_t)(m + size - frame) - 4;
  frame[0] = 0, frame[1] = (uint8_t)(whole >> 16), frame[2] = (uint8_t)(whole >> 8), frame[3] = (uint8_t)whole;
  c->out_used += 4 + whole;
  return id;
}

int push(struct connection *c) {
  while (c->out_at < c->out_used) {
    ssize_t n = send(c->fd, c->out + c->out_at, c->out_used - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n < 0) die("send: %s", strerror(errno));
    c->out_at += (size_t)n;
  }
  return 1;
}

int pull(struct connection *c) {
  if (c->in_at == c->in_used) c->in_at = c->in_used = 0;
  size_t held = c->in_used - c->in_at, wanted = 262144;
  if (held >= 4) {
    const uint8_t *f = c->in + c->in_at;
    size_t whole = 4 + ((size_t)f[1] << 16 | (size_t)f[2] << 8 | f[3]);
    if (whole > held + wanted) wanted = whole - held;
  }
  if (c->in_used + wanted > c->in_size) {
    memmove(c->in, c->in + c->in_at, held);
    c->in_at = 0, c->in_used = held;
    c->in = room(c->in, &c->in_size, held + wanted);
  }
  ssize_t n = recv(c->fd, c->in + c->in_used, c->in_size - c->in_used, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
  if (n < 0) die("receive: %s", strerror(errno));
  c->in_used += (size_t)n;
  return n > 0;
}

int next(struct connection *c, struct reply *reply) {
  uint8_t *f = c->in + c->in_at;
  size_t held = c->in_used - c->in_at;
  if (held < 4) return 0;
  size_t length = (size_t)f[1] << 16 | (size_t)f[2] << 8 | f[3];
  if (held < 4 + length) return 0;
  c->in_at += 4 + length;
  uint8_t *m = f + 4;
  if (length < 64) die("a message of %zu bytes", length);
  if (memcmp(m, "\xfdSMB", 4) == 0) {
    if (!open_seal(&c->keys, m, length)) die("a seal is broken");
    m += TRANSFORM, length -= TRANSFORM;
  } else if (c->protection == SEALED) {
    die("an answer is not sealed");
  } else if (c->protection == SIGNED && u32(m + 8) != STATUS_PENDING && !verify(&c->keys, m, length)) {
    die("a signature is wrong");
  }
  if (memcmp(m, "\xfeSMB", 4) != 0 || length < 64 || (m[16] & 1) == 0) die("not an SMB2 answer");
  if (u32(m + 20) != 0) die("a compound answer that was not asked for");
  c->credits += (int)u16(m + 14);
  *reply = (struct reply){u16(m + 12), u32(m + 8), u64(m + 24), m, length};
  return 1;
}

struct reply call(struct connection *c, size_t size) {
  struct reply reply;
  uint64_t id = end(c, size);
  for (;;) {
    struct pollfd p = {c->fd, (short)(push(c) ? POLLIN : POLLIN | POLLOUT), 0};
    poll(&p, 1, -1);
    if ((p.revents & (POLLIN | POLLHUP)) && !pull(c)) die("the server closed the connection");
    while (next(c, &reply)) {
      if (reply.message_id != id) die("an answer to nothing");
      if (reply.status != STATUS_PENDING) return reply;
    }
  }
}

static void open_socket(struct connection *c, const struct logon *logon) {
  struct addrinfo *address, hints = {.ai_socktype = SOCK_STREAM};
  int one = 1;
  if (getaddrinfo(logon->host, logon->port, &hints, &address) != 0) die("no address for %s", logon->host);
  c->fd = socket(address->ai_family, SOCK_STREAM, 0);
  if (connect(c->fd, address->ai_addr, address->ai_addrlen) != 0) die("connect: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  freeaddrinfo(address);
}

/* [MS-SMB2] 2.2.3 */
static void negotiate(struct connection *c, unsigned dialect, int seals) {
  uint8_t *m = begin(c, NEGOTIATE, 512, 0), *b = m + 64;
  size_t size = 102;
  put16(b, 36), put16(b + 2, 1), put16(b + 4, 1);
  put32(b + 8, 0x04 | 0x02 | (dialect >= 0x300 ? 0x40 : 0)); /* large MTU, leasing, encryption */
  random_bytes(b + 12, 16);
  put16(b + 36, dialect);
  if (dialect == 0x311) {
    uint8_t *x = m + 104;
    put32(b + 28, 104), put16(b + 32, 3);
    put16(x, 1), put16(x + 2, 38), put16(x + 8, 1), put16(x + 10, 32), put16(x + 12, 1);
    random_bytes(x + 14, 32);
    put16(x + 48, 2), put16(x + 50, 4), put16(x + 56, 1), put16(x + 58, 2); /* AES-128-GCM */
    put16(x + 64, 8), put16(x + 66, 4), put16(x + 72, 1), put16(x + 74, 2); /* AES-GMAC */
    size = 104 + 76;
  }
  c->credits = 1, c->message_id = 1;
  put64(m + 24, 0);
  put16(m + 14, 64);
  preauth(c->hash, m, size);
  struct reply r = call(c, size);
  if (r.status != 0 || u16(r.message + 68) != dialect) die("NEGOTIATE: %08x", r.status);
  preauth(c->hash, r.message, r.length);
  c->dialect = dialect;
  if (seals && dialect != 0x311) die("this client seals with dialect 3.1.1 only");
}

/* Wraps an NTLM message for SPNEGO; returns the bytes written. RFC 4178 */
static size_t wrap(uint8_t *out, const uint8_t *token, size_t size, int is_first) {
  static const uint8_t first[] = {0x06, 0x06, 0x2b, 6, 1, 5, 5, 2}, mech[] = {0xa0, 0x0e, 0x30, 0x0c, 0x06, 0x0a, 0x2b,
    6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a};
  size_t octets = 4 + size, tagged = 4 + octets, sequence = tagged + (is_first ? sizeof mech : 0), choice = 4 + sequence;
  uint8_t *p = out;
#define HEAD(tag, n) *p++ = (tag), *p++ = 0x82, *p++ = (uint8_t)((n) >> 8), *p++ = (uint8_t)(n)
  if (is_first) {
    HEAD(0x60, sizeof first + 4 + choice);
    memcpy(p, first, sizeof first), p += sizeof first;
  }
  HEAD(is_first ? 0xa0 : 0xa1, choice);
  HEAD(0x30, sequence);
  if (is_first) memcpy(p, mech, sizeof mech), p += sizeof mech;
  HEAD(0xa2, octets);
  HEAD(0x04, size);
#undef HEAD
  memcpy(p, token, size);
  return (size_t)(p - out) + size;
}

static struct reply setup_leg(struct connection *c, const uint8_t *token, size_t size, int is_first) {
  uint8_t *m = begin(c, SESSION_SETUP, 88 + size + 64, 1), *b = m + 64;
  put16(b, 25);
  b[3] = 1;
  size_t blob = wrap(m + 88, token, size, is_first);
  put16(b + 12, 88), put16(b + 14, (unsigned)blob);
  preauth(c->hash, m, 88 + blob);
  return call(c, 88 + blob);
}

/* NTLMv2 with key exchange. [MS-NLMP] 3.3.2, 3.1.5.1.2 */
static void log_on(struct connection *c, const struct logon *logon) {
  /* 56, KEY_EXCH, 128, TARGET_INFO, EXTENDED_SESSIONSECURITY, ALWAYS_SIGN, NTLM, SEAL, SIGN, REQUEST_TARGET, UNICODE */
  const uint32_t flags = 0xe0888235;
  uint8_t negotiate_token[32] = "NTLMSSP", nt[16], key[16], proof[16], base[16], session[16], upper[256];
  put32(negotiate_token + 8, 1), put32(negotiate_token + 12, flags);
  struct reply r = setup_leg(c, negotiate_token, 32, 1);
  if (r.status != 0xc0000016) die("SESSION_SETUP: %08x", r.status);
  preauth(c->hash, r.message, r.length);
  c->session_id = u64(r.message + 40);
  const uint8_t *challenge = memmem(r.message, r.length, "NTLMSSP", 8);
  if (challenge == NULL) die("no challenge");
  uint8_t token[4096] = "NTLMSSP", *p = token + 72, input[2048];
  size_t info = u16(challenge + 40), user = put_name(upper, logon->user);
  for (size_t i = 0; i < user; i += 2) if (upper[i] >= 'a' && upper[i] <= 'z') upper[i] -= 32;
  if (info > 1024) die("a long target info");
  nt_hash(logon->password, nt);
  hmac_md5(nt, upper, user, key);
  memcpy(input, challenge + 24, 8);
  uint8_t *blob = input + 8;
  memset(blob, 0, 28 + info + 4);
  blob[0] = blob[1] = 1;
  random_bytes(blob + 16, 8);
  memcpy(blob + 28, challenge + u32(challenge + 44), info);
  for (const uint8_t *av = blob + 28; u16(av) != 0; av += 4 + u16(av + 2)) if (u16(av) == 7) memcpy(blob + 8, av + 4, 8);
  hmac_md5(key, input, 8 + 28 + info + 4, proof);
  hmac_md5(key, proof, 16, base);
  random_bytes(session, 16);
  put32(token + 8, 3);
  struct { size_t at, size; const void *from; } parts[] = {{12, 0, ""}, {20, 0, NULL}, {28, 0, ""}, {36, 0, NULL},
    {44, 0, ""}, {52, 16, session}};
  uint8_t answer[2048], name[256], wrapped[16];
  memcpy(answer, proof, 16), memcpy(answer + 16, blob, 28 + info + 4);
  parts[1].from = answer, parts[1].size = 16 + 28 + info + 4;
  parts[3].from = name, parts[3].size = put_name(name, logon->user);
  memcpy(wrapped, session, 16), rc4(base, wrapped, 16);
  parts[5].from = wrapped;
  for (size_t i = 0; i < 6; i++) {
    put16(token + parts[i].at, (unsigned)parts[i].size), put16(token + parts[i].at + 2, (unsigned)parts[i].size);
    put32(token + parts[i].at + 4, (uint32_t)(p - token));
    memcpy(p, parts[i].from, parts[i].size);
    p += parts[i].size;
  }
  put32(token + 60, flags);
  r = setup_leg(c, token, (size_t)(p - token), 0);
  if (r.status != 0) die("logon of %s: %08x", logon->user, r.status);
  derive(&c->keys, c->dialect, session, c->hash);
  if (c->dialect >= 0x300 && !verify(&c->keys, r.message, r.length)) die("the logon's answer is not signed");
}

void connect_to(struct connection *c, const struct logon *logon) {
  const char *p = logon->protection;
  int is_hmac = strcmp(p, "hmac") == 0, is_cmac = strcmp(p, "cmac") == 0, is_gcm = strcmp(p, "gcm") == 0;
  open_socket(c, logon);
  negotiate(c, is_hmac ? 0x210 : is_cmac ? 0x300 : 0x311, is_gcm);
  c->keys.signing = is_hmac ? SIGN_HMAC : is_cmac ? SIGN_CMAC : SIGN_GMAC;
  log_on(c, logon);
  /* [MS-SMB2] 3.2.5.5: TREE_CONNECT of dialect 3.1.1 is signed in any case. */
  c->protection = is_gcm ? SEALED : SIGNED;
  char path[256];
  snprintf(path, sizeof path, "\\\\%s\\%s", logon->host, logon->share);
  uint8_t *m = begin(c, TREE_CONNECT, 512, 1);
  size_t size = put_name(m + 72, path);
  put16(m + 64, 9), put16(m + 68, 72), put16(m + 70, (unsigned)size);
  struct reply r = call(c, 72 + size);
  if (r.status != 0) die("TREE_CONNECT: %08x", r.status);
  c->tree_id = u32(r.message + 36);
  if (strcmp(p, "plain") == 0) c->protection = OPEN;
  /* Credits for the deepest workload. */
  while (c->credits < 512) {
    put16(begin(c, ECHO_, 68, 1) + 64, 4);
    int before = c->credits;
    if (call(c, 68).status != 0 || c->credits <= before) die("no more credits than %d", before);
  }
}
