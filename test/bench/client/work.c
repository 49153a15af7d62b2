#include "work.h"

#include <stdio.h>
#include <string.h>

struct scene scene;

#define NT_FILE 0x40u /* FILE_NON_DIRECTORY_FILE */
#define ACCESS_READ 0x00120089u
#define ACCESS_WRITE 0x00120196u
#define ACCESS_DELETE 0x00110080u

const struct workload workloads[] = {
  {"echo", {SAY_ECHO}, 0, NAMES_NONE},
  {"read-1m", {READ_NEXT}, SEQUENTIAL_BYTES, NAMES_NONE},
  {"write-1m", {WRITE_NEXT}, SEQUENTIAL_BYTES, NAMES_NONE},
  {"read-4k", {READ_RANDOM}, RANDOM_BYTES, NAMES_NONE},
  {"write-4k", {WRITE_RANDOM}, RANDOM_BYTES, NAMES_NONE},
  {"create", {CREATE_NEW, WRITE_SMALL, CLOSE_FILE}, SMALL_BYTES, NAMES_NEW},
  {"open-query", {OPEN_FILE, QUERY_ALL, CLOSE_FILE}, 0, NAMES_KEPT},
  {"open-same", {OPEN_FILE, CLOSE_FILE}, 0, NAMES_SAME},
  {"open-leased", {OPEN_LEASED, QUERY_ALL, CLOSE_FILE}, 0, NAMES_KEPT},
  {"open-read", {OPEN_FILE, READ_SMALL, CLOSE_FILE}, SMALL_BYTES, NAMES_KEPT},
  {"rename", {OPEN_RENAME, RENAME, CLOSE_FILE}, 0, NAMES_MOVED},
  {"delete", {OPEN_DELETE, CLOSE_FILE}, 0, NAMES_GONE},
  {"list", {OPEN_LIST, LIST, CLOSE_FILE}, 0, NAMES_NONE},
  /* A document is looked for, opened, read, saved under a new name as office programs do, and the old one goes. */
  {"office",
   {OPEN_MISSING, OPEN_WINDOWS, QUERY_ALL, QUERY_VOLUME, READ_SMALL, READ_RANDOM, READ_RANDOM, CLOSE_FILE, OPEN_MISSING, CREATE_NEW,
    WRITE_SMALL, WRITE_RANDOM, WRITE_RANDOM, QUERY_ALL, CLOSE_FILE, OPEN_RENAME, RENAME, CLOSE_FILE, OPEN_WINDOWS, QUERY_ALL, CLOSE_FILE,
    OPEN_DELETE, CLOSE_FILE},
   2 * SMALL_BYTES + 4 * RANDOM_BYTES, NAMES_NEW},
  {NULL, {STEP_END}, 0, NAMES_NONE},
};

/* What stands at an offset; `generation` tells one phase's data from another's. */
static uint64_t word_at(uint64_t generation, uint64_t offset) {
  return (offset / 8 + 1) * 0x9e3779b97f4a7c15u + generation;
}

static void fill(uint8_t *p, uint64_t generation, uint64_t offset, size_t size) {
  for (size_t i = 0; i < size; i += 8) put64(p + i, word_at(generation, offset + i));
}

/* Every word of small pieces, one of each cache line of large ones. */
static void check(const uint8_t *p, uint64_t generation, uint64_t offset, size_t size) {
  if (scene.is_sparse) {
    for (size_t i = 0; i < size; i++) if (p[i] != 0) die("a hole holds data");
    return;
  }
  size_t pace = size > 65536 ? 64 : 8;
  for (size_t i = 0; i < size; i += pace)
    if (u64(p + i) != word_at(generation, offset + i)) die("wrong data at offset %llu", (unsigned long long)(offset + i));
  if (u64(p + size - 8) != word_at(generation, offset + size - 8)) die("wrong data at the end");
}

static uint64_t scattered(uint64_t seed, uint64_t count) {
  seed ^= seed >> 31, seed *= 0x9e3779b97f4a7c15u, seed ^= seed >> 29, seed *= 0xbf58476d1ce4e5b9u, seed ^= seed >> 32;
  return seed % count;
}

/* Files that stay, in each connection's folder. */
#define KEPT_COUNT 1000
#define OFFICE_COUNT 100

static int is_kept(const struct slot *s) { return s->work->names == NAMES_KEPT || s->work->names == NAMES_SAME; }
static unsigned kept_count(const struct slot *s) { return s->work->names == NAMES_SAME ? 1 : KEPT_COUNT; }

static void name_of(char name[64], const struct slot *s, const char *what) {
  unsigned number = is_kept(s) ? s->index % kept_count(s) : s->index;
  snprintf(name, 64, "b%03d\\%s%06u", s->connection->number, what, number);
}

struct creation {
  const char *name;
  uint32_t access, disposition, options;
  int as_windows;
};

/* [MS-SMB2] 2.2.13 */
static size_t create(uint8_t *m, const struct creation *how) {
  uint8_t *b = m + 64;
  size_t name = put_name(m + 120, how->name), size = 120 + (name == 0 ? 2 : name);
  put16(b, 57);
  put32(b + 4, 2);
  put32(b + 24, how->access);
  put32(b + 28, 0x80);
  put32(b + 32, 7);
  put32(b + 36, how->disposition);
  put32(b + 40, how->options);
  put16(b + 44, 120), put16(b + 46, (unsigned)name);
  if (!how->as_windows) return size;
  /* As Windows opens: lease, durable handle, maximal access, id on disk. [MS-SMB2] 2.2.13.2 */
  b[3] = 0xff;
  size = (size + 7) & ~(size_t)7;
  uint8_t *x = m + size;
  put32(b + 48, (uint32_t)size);
  static const struct { const char *tag; unsigned data; } contexts[] = {{"RqLs", 32}, {"DH2Q", 32}, {"MxAc", 0}, {"QFid", 0}};
  for (int i = 0; i < 4; i++) {
    unsigned whole = 24 + contexts[i].data;
    put32(x, i == 3 ? 0 : whole), put16(x + 4, 16), put16(x + 6, 4), put16(x + 10, contexts[i].data ? 24 : 0);
    put32(x + 12, contexts[i].data);
    memcpy(x + 16, contexts[i].tag, 4);
    if (i == 0) random_bytes(x + 24, 16), put32(x + 40, 7);
    if (i == 1) random_bytes(x + 40, 16);
    x += whole;
  }
  put32(b + 52, (uint32_t)((size_t)(x - m) - size));
  return (size_t)(x - m);
}

static size_t read_request(uint8_t *m, const uint8_t *file, uint64_t offset, unsigned length) {
  uint8_t *b = m + 64;
  put16(b, 49), b[2] = 0x50, put32(b + 4, length), put64(b + 8, offset), memcpy(b + 16, file, 16);
  return 64 + 49;
}

static size_t write_request(uint8_t *m, const uint8_t *file, uint64_t offset, unsigned length) {
  uint8_t *b = m + 64;
  put16(b, 49), put16(b + 2, 112), put32(b + 4, length), put64(b + 8, offset), memcpy(b + 16, file, 16);
  return 112 + length;
}

static size_t query_info(uint8_t *m, const uint8_t *file, int type, int class) {
  uint8_t *b = m + 64;
  put16(b, 41), b[2] = (uint8_t)type, b[3] = (uint8_t)class, put32(b + 4, 4096), memcpy(b + 24, file, 16);
  return 64 + 40;
}

static size_t rename_request(uint8_t *m, const uint8_t *file, const char *name) {
  uint8_t *b = m + 64;
  size_t size = put_name(m + 96 + 20, name);
  put16(b, 33), b[2] = 1, b[3] = 10, put32(b + 4, (uint32_t)(20 + size)), put16(b + 8, 96), memcpy(b + 16, file, 16);
  put32(m + 96 + 16, (uint32_t)size);
  return 96 + 20 + size;
}

static size_t list_request(uint8_t *m, const uint8_t *file) {
  uint8_t *b = m + 64;
  put16(b, 33), b[2] = 37, memcpy(b + 8, file, 16), put16(b + 24, 96), put16(b + 26, 2), put32(b + 28, 65536);
  put16(m + 96, '*');
  return 98;
}

static enum step step_of(const struct slot *s) { return s->work->steps[s->step]; }

unsigned charge_of(const struct slot *s) {
  enum step step = step_of(s);
  return step == READ_NEXT || step == WRITE_NEXT ? SEQUENTIAL_BYTES / 65536 : 1;
}

static uint8_t data_files[1024][16];

static uint64_t random_place(struct slot *s) {
  return scattered(s->index * 64ull + s->step + s->connection->number * 1000003ull, scene.data_bytes / RANDOM_BYTES) *
         RANDOM_BYTES;
}

static size_t write_body(struct slot *s, uint8_t *m, enum step step) {
  char name[64], other[64];
  struct connection *c = s->connection;
  const uint8_t *data_file = data_files[c->number];
  name_of(name, s, is_kept(s) ? "kept" : "file");
  name_of(other, s, "moved");
  switch (step) {
    case SAY_ECHO:
      put16(m + 64, 4);
      return 68;
    case READ_NEXT:
    case WRITE_NEXT:
      s->offset = (uint64_t)s->index * SEQUENTIAL_BYTES % scene.data_bytes;
      if (step == READ_NEXT) return read_request(m, data_file, s->offset, SEQUENTIAL_BYTES);
      fill(m + 112, scene.generation, s->offset, SEQUENTIAL_BYTES);
      return write_request(m, data_file, s->offset, SEQUENTIAL_BYTES);
    case READ_RANDOM:
    case WRITE_RANDOM:
      s->offset = random_place(s);
      if (step == READ_RANDOM) return read_request(m, data_file, s->offset, RANDOM_BYTES);
      fill(m + 112, scene.generation, s->offset, RANDOM_BYTES);
      return write_request(m, data_file, s->offset, RANDOM_BYTES);
    case WRITE_SMALL:
      fill(m + 112, s->index, 0, SMALL_BYTES);
      return write_request(m, s->file, 0, SMALL_BYTES);
    case READ_SMALL:
      return read_request(m, s->file, 0, SMALL_BYTES);
    case CREATE_NEW:
      return create(m, &(struct creation){name, ACCESS_READ | ACCESS_WRITE, 2, NT_FILE, 0});
    case OPEN_FILE:
    case OPEN_LEASED:
      return create(m, &(struct creation){name, ACCESS_READ, 1, NT_FILE, step == OPEN_LEASED});
    case OPEN_WINDOWS:
      if (s->step > 4) return create(m, &(struct creation){other, ACCESS_READ, 1, NT_FILE, 1});
      snprintf(name, sizeof name, "b%03d\\kept%06u", c->number, s->index % OFFICE_COUNT);
      return create(m, &(struct creation){name, ACCESS_READ, 1, NT_FILE, 1});
    case OPEN_MISSING:
      return create(m, &(struct creation){other, ACCESS_READ, 1, NT_FILE, 1});
    case OPEN_RENAME:
      return create(m, &(struct creation){name, ACCESS_DELETE, 1, NT_FILE, 0});
    case OPEN_DELETE:
      return create(m, &(struct creation){other, ACCESS_DELETE, 1, NT_FILE | 0x1000, 0});
    case OPEN_LIST:
      s->listed = 0, s->listed_sum = 0;
      return create(m, &(struct creation){scene.list_folder, 0x00100081, 1, 1, 0});
    case LIST:
      return list_request(m, s->file);
    case QUERY_ALL:
      return query_info(m, s->file, 1, 18);
    case QUERY_VOLUME:
      return query_info(m, s->file, 2, 3);
    case RENAME:
      return rename_request(m, s->file, other);
    default:
      put16(m + 64, 24), memcpy(m + 72, s->file, 16);
      return 88;
  }
}

static const enum command command_of[] = {
  [READ_NEXT] = READ, [WRITE_NEXT] = WRITE, [READ_RANDOM] = READ, [WRITE_RANDOM] = WRITE, [CREATE_NEW] = CREATE, [WRITE_SMALL] = WRITE,
  [READ_SMALL] = READ, [OPEN_FILE] = CREATE, [OPEN_LEASED] = CREATE, [OPEN_WINDOWS] = CREATE, [QUERY_ALL] = QUERY_INFO, [QUERY_VOLUME] = QUERY_INFO,
  [OPEN_RENAME] = CREATE, [RENAME] = SET_INFO, [OPEN_DELETE] = CREATE, [CLOSE_FILE] = CLOSE, [OPEN_LIST] = CREATE,
  [LIST] = QUERY_DIRECTORY, [OPEN_MISSING] = CREATE, [SAY_ECHO] = ECHO_,
};

uint64_t request(struct slot *s) {
  enum step step = step_of(s);
  size_t size = step == WRITE_NEXT ? SEQUENTIAL_BYTES + 128 : RANDOM_BYTES + 256;
  uint8_t *m = begin(s->connection, command_of[step], size, charge_of(s));
  return end(s->connection, write_body(s, m, step));
}

static const uint8_t *read_data(const struct reply *r, size_t size) {
  if (u32(r->message + 68) != size || r->message[66] + size > r->length) die("READ of %zu bytes brought %u", size, u32(r->message + 68));
  return r->message + r->message[66];
}

/* Adds up the numbers in the names of a listing, so that each must come once. [MS-FSCC] 2.4.8 */
static void count_entries(struct slot *s, const struct reply *r) {
  const uint8_t *p = r->message + u16(r->message + 66), *limit = r->message + r->length;
  for (;;) {
    unsigned size = u32(p + 60), number = 0;
    if (p + 104 + size > limit) die("an entry beyond the message");
    if (size > 4) {
      for (unsigned i = 0; i < size; i += 2) if (p[104 + i] >= '0' && p[104 + i] <= '9') number = number * 10 + p[104 + i] - '0';
      if (u64(p + 40) != SMALL_BYTES) die("a listed file has %llu bytes", (unsigned long long)u64(p + 40));
      s->listed++, s->listed_sum += (uint64_t)number * number + 1;
    }
    if (u32(p) == 0) return;
    p += u32(p);
  }
}

static void check_list_end(const struct slot *s) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < scene.list_entries; i++) sum += i * i + 1;
  if (s->listed != scene.list_entries || s->listed_sum != sum) die("the listing has %u entries of %u", s->listed, scene.list_entries);
}

static void check_answer(struct slot *s, const struct reply *r, enum step step) {
  const uint8_t *m = r->message;
  switch (r->command) {
    case CREATE:
      memcpy(s->file, m + 128, 16);
      if ((step == OPEN_FILE || step == OPEN_LEASED) && u64(m + 112) != SMALL_BYTES) die("an open file has %llu bytes", (unsigned long long)u64(m + 112));
      return;
    case READ:
      if (step == READ_SMALL) check(read_data(r, SMALL_BYTES), s->index % (is_kept(s) ? kept_count(s) : OFFICE_COUNT), 0, SMALL_BYTES);
      else if (step == READ_NEXT) check(read_data(r, SEQUENTIAL_BYTES), scene.generation, s->offset, SEQUENTIAL_BYTES);
      else read_data(r, RANDOM_BYTES);
      if (step == READ_RANDOM && s->work->names == NAMES_NONE) check(read_data(r, RANDOM_BYTES), scene.generation, s->offset, RANDOM_BYTES);
      return;
    case WRITE: {
      unsigned size = step == WRITE_NEXT ? SEQUENTIAL_BYTES : step == WRITE_SMALL ? SMALL_BYTES : RANDOM_BYTES;
      if (u32(m + 68) != size) die("WRITE took %u bytes of %u", u32(m + 68), size);
      return;
    }
    case QUERY_INFO:
      if (step == QUERY_ALL && u64(m + 72 + 48) != SMALL_BYTES) die("a queried file has %llu bytes", (unsigned long long)u64(m + 120));
      return;
    case QUERY_DIRECTORY:
      count_entries(s, r);
      return;
    default:
      return;
  }
}

int answered(struct slot *s, const struct reply *r) {
  enum step step = step_of(s);
  if (r->command != command_of[step]) die("an answer to another command");
  if (step == LIST && r->status == NO_MORE_FILES) {
    check_list_end(s);
  } else if (step == OPEN_MISSING) {
    if (r->status != NAME_NOT_FOUND) die("what is missing was answered %08x", r->status);
  } else {
    if (r->status != 0) die("%s, step %u, operation %u: status %08x", s->work->name, s->step, s->index, r->status);
    check_answer(s, r, step);
    if (step == LIST) return 0;
  }
  s->step++;
  return s->work->steps[s->step] == STEP_END;
}

/* --- outside measurements ------------------------------------------------------------------------------------------ */

static uint32_t open_as(struct connection *c, const struct creation *how, uint8_t file[16]) {
  uint8_t *m = begin(c, CREATE, 1024, 1);
  struct reply r = call(c, create(m, how));
  if (r.status == 0) memcpy(file, r.message + 128, 16);
  return r.status;
}

static void close_file(struct connection *c, const uint8_t file[16]) {
  uint8_t *m = begin(c, CLOSE, 88, 1);
  put16(m + 64, 24), memcpy(m + 72, file, 16);
  if (call(c, 88).status != 0) die("CLOSE failed");
}

static void make_folder(struct connection *c, const char *name) {
  uint8_t file[16];
  uint32_t status = open_as(c, &(struct creation){name, 0x00100081, 3, 1, 0}, file);
  if (status != 0) die("folder %s: %08x", name, status);
  close_file(c, file);
}

static void write_at(struct connection *c, const uint8_t file[16], uint64_t generation, uint64_t offset, unsigned size) {
  uint8_t *m = begin(c, WRITE, 128 + size, (size + 65535) / 65536);
  fill(m + 112, generation, offset, size);
  struct reply r = call(c, write_request(m, file, offset, size));
  if (r.status != 0) die("WRITE: %08x", r.status);
}

static void read_back(struct connection *c, uint64_t offset, unsigned size) {
  uint8_t *m = begin(c, READ, 128, (size + 65535) / 65536);
  struct reply r = call(c, read_request(m, data_files[c->number], offset, size));
  if (r.status != 0) die("READ: %08x", r.status);
  check(read_data(&r, size), scene.generation, offset, size);
}

/* Files `from`… of 1 KiB; those that are there already are from an earlier run. */
static void make_files(struct connection *c, const char *pattern, unsigned count) {
  char name[64];
  uint8_t file[16];
  snprintf(name, sizeof name, pattern, count - 1);
  if (open_as(c, &(struct creation){name, ACCESS_READ, 1, NT_FILE, 0}, file) == 0) {
    close_file(c, file);
    return;
  }
  for (unsigned i = 0; i < count; i++) {
    snprintf(name, sizeof name, pattern, i);
    if (open_as(c, &(struct creation){name, ACCESS_WRITE, 5, NT_FILE, 0}, file) != 0) die("cannot make %s", name);
    write_at(c, file, i, 0, SMALL_BYTES);
    close_file(c, file);
  }
}

static void set_size(struct connection *c, const uint8_t file[16], uint64_t size) {
  uint8_t *m = begin(c, SET_INFO, 128, 1), *b = m + 64;
  put16(b, 33), b[2] = 1, b[3] = 20, put32(b + 4, 8), put16(b + 8, 96), memcpy(b + 16, file, 16), put64(m + 96, size);
  if (call(c, 104).status != 0) die("cannot set the size of the data file");
}

/* [MS-SMB2] 2.2.26: 64 locks of one byte in each request, far beyond the data. */
static void lock_many(struct connection *c, const uint8_t file[16], unsigned count) {
  for (unsigned done = 0; done < count;) {
    unsigned some = count - done < 64 ? count - done : 64;
    uint8_t *m = begin(c, LOCK, 64 + 24 + 64 * 24, 1), *b = m + 64;
    memset(b, 0, 24 + 64 * 24);
    put16(b, 48), put16(b + 2, some), memcpy(b + 8, file, 16);
    for (unsigned i = 0; i < some; i++) {
      put64(b + 24 + 24 * i, (1ull << 40) + 2 * (done + i)), put64(b + 32 + 24 * i, 1), put32(b + 40 + 24 * i, 2 | 0x10);
    }
    if (call(c, 64 + 24 + some * 24).status != 0) die("LOCK failed");
    done += some;
  }
}

void grow(struct connection *c) {
  uint8_t file[16];
  char name[64];
  for (unsigned i = 0; i < scene.kept_opens; i++) {
    snprintf(name, sizeof name, "b000\\held%06u", i);
    if (open_as(c, &(struct creation){name, ACCESS_READ | ACCESS_WRITE, 3, NT_FILE, 0}, file) != 0) die("open %u failed", i);
  }
  lock_many(c, data_files[c->number], scene.kept_locks);
}

void write_data(struct connection *c) {
  if (scene.is_sparse) {
    set_size(c, data_files[c->number], 0);
    set_size(c, data_files[c->number], scene.data_bytes);
    return;
  }
  for (uint64_t at = 0; at < scene.data_bytes; at += SEQUENTIAL_BYTES)
    write_at(c, data_files[c->number], scene.generation, at, SEQUENTIAL_BYTES);
}

void prepare(struct connection *c, const char *names) {
  char name[64], pattern[64];
  snprintf(name, sizeof name, "b%03d", c->number);
  make_folder(c, name);
  snprintf(name, sizeof name, "b%03d\\data", c->number);
  uint32_t status = open_as(c, &(struct creation){name, ACCESS_READ | ACCESS_WRITE, 3, NT_FILE, 0}, data_files[c->number]);
  if (status != 0) die("data file: %08x", status);
  if (strstr(names, "read-") != NULL || strstr(names, "write-") != NULL || strstr(names, "office") != NULL) write_data(c);
  snprintf(pattern, sizeof pattern, "b%03d\\kept%%06u", c->number);
  if (strstr(names, "open-") != NULL) make_files(c, pattern, KEPT_COUNT);
  else if (strstr(names, "office") != NULL) make_files(c, pattern, OFFICE_COUNT);
  if (c->number == 0 && strstr(names, "list") != NULL && strcmp(scene.list_folder, "list") == 0) {
    make_folder(c, "list");
    make_files(c, "list\\entry%06u.txt", scene.list_entries);
  }
}

void verify_written(struct connection *c, const struct workload *work, unsigned operations) {
  struct slot s = {.connection = c, .work = work};
  unsigned some = operations < 16 ? operations : 16;
  for (unsigned i = 0; i < some; i++) {
    s.index = operations - 1 - i;
    if (work->steps[0] == WRITE_RANDOM) read_back(c, random_place(&s), RANDOM_BYTES);
    if (work->steps[0] == WRITE_NEXT) read_back(c, (uint64_t)s.index * SEQUENTIAL_BYTES % scene.data_bytes, SEQUENTIAL_BYTES);
    if (work->names != NAMES_GONE) continue;
    char name[64];
    uint8_t file[16];
    name_of(name, &s, "moved");
    if (open_as(c, &(struct creation){name, ACCESS_READ, 1, NT_FILE, 0}, file) != NAME_NOT_FOUND) die("%s is still there", name);
  }
}
