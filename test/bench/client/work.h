/* What is measured: operations as sequences of requests, and what their answers must say. */
#pragma once
#include "connection.h"

#define SEQUENTIAL_BYTES (1u << 20)
#define RANDOM_BYTES 4096u
#define SMALL_BYTES 1024u

enum step {
  STEP_END, OPEN_DATA, READ_NEXT, WRITE_NEXT, READ_RANDOM, WRITE_RANDOM, CREATE_NEW, WRITE_SMALL, READ_SMALL, OPEN_FILE,
  OPEN_LEASED, OPEN_WINDOWS, QUERY_ALL, QUERY_VOLUME, OPEN_RENAME, RENAME, OPEN_DELETE, CLOSE_FILE, OPEN_LIST, LIST, OPEN_MISSING, SAY_ECHO,
};

struct workload {
  const char *name;
  enum step steps[40];
  /* Bytes of payload in one operation, for the cost of a GiB. */
  unsigned bytes;
  /* One file of an operation's own: names run through it. */
  enum { NAMES_NONE, NAMES_NEW, NAMES_KEPT, NAMES_SAME, NAMES_MOVED, NAMES_GONE } names;
};

extern const struct workload workloads[];

/* One operation under way. */
struct slot {
  struct connection *connection;
  const struct workload *work;
  unsigned step, index; /* index: of the operation on its connection */
  uint8_t file[16];
  uint64_t offset, began_ns, seed;
  unsigned listed, list_round;
  uint64_t listed_sum;
};

struct scene {
  uint64_t data_bytes; /* of each connection's data file */
  uint64_t generation; /* of what is written in this phase */
  unsigned list_entries;
  const char *list_folder;
  /* What is there beside the work, to see how its cost grows. */
  unsigned kept_opens, kept_locks, idle_clients;
  int is_sparse; /* the data file is one hole of data_bytes */
};
extern struct scene scene;

/* Makes the folder and the data file of the connection where they are missing. */
void prepare(struct connection *c, const char *workload_names);
/* Makes what is to be there beside the work. */
void grow(struct connection *c);
/* Writes the whole data file in the generation of the scene. */
void write_data(struct connection *c);
/* Charge of the step's request. */
unsigned charge_of(const struct slot *slot);
/* Writes the request of the slot's step and ends it; returns its message id. */
uint64_t request(struct slot *slot);
/* Looks at the answer; dies when it is wrong. Steps on; returns 1 when the operation is over. */
int answered(struct slot *slot, const struct reply *reply);
/* Reads back what the phase wrote; dies when it is not there. */
void verify_written(struct connection *c, const struct workload *work, unsigned operations);
