/* The load client of the benchmark: `load-client OPTIONS WORKLOAD:DEPTH:OPERATIONS…` prints one JSON line for each. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "server-use.h"
#include "work.h"

#define CLIENTS 1024
#define DEPTH 64
/* What a server does behind its answers belongs to the work. */
#define SETTLE_US 100000

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load-client: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct connection *connections[CLIENTS];
static unsigned client_count = 1;
static int server_pid = 0, epoll_fd;

struct phase {
  const struct workload *work;
  unsigned depth, per_client, finished, total;
  unsigned begun[CLIENTS];
  struct slot slots[CLIENTS][DEPTH];
  struct slot *blocked[CLIENTS][DEPTH]; /* wait for credits */
  unsigned blocked_count[CLIENTS];
  uint32_t *latency_us10;
};

static void ask(struct phase *phase, struct slot *slot) {
  struct connection *c = slot->connection;
  if (c->credits < (int)charge_of(slot)) {
    phase->blocked[c->number][phase->blocked_count[c->number]++] = slot;
    return;
  }
  uint64_t id = request(slot);
  if (c->waiting[id % OUTSTANDING] != NULL) die("too many requests under way");
  c->waiting[id % OUTSTANDING] = slot;
}

static void begin_operation(struct phase *phase, struct slot *slot) {
  unsigned *begun = &phase->begun[slot->connection->number];
  if (*begun == phase->per_client) return;
  slot->index = (*begun)++, slot->step = 0, slot->began_ns = now_ns();
  ask(phase, slot);
}

static void take(struct phase *phase, struct connection *c, const struct reply *reply) {
  if (reply->status == STATUS_PENDING) return;
  if (reply->message_id == UINT64_MAX) return; /* a lease break */
  struct slot *slot = c->waiting[reply->message_id % OUTSTANDING];
  if (slot == NULL) die("an answer to nothing");
  c->waiting[reply->message_id % OUTSTANDING] = NULL;
  if (!answered(slot, reply)) {
    ask(phase, slot);
    return;
  }
  uint64_t took = (now_ns() - slot->began_ns) / 100;
  phase->latency_us10[phase->finished++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
  begin_operation(phase, slot);
}

static void flush_out(struct connection *c) {
  int is_full = !push(c);
  if (is_full == c->waits_for_room) return;
  c->waits_for_room = is_full;
  struct epoll_event event = {.events = is_full ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void serve(struct phase *phase, struct connection *c) {
  struct reply reply;
  if (!pull(c)) die("the server closed the connection");
  while (next(c, &reply)) {
    take(phase, c, &reply);
    unsigned n = phase->blocked_count[c->number];
    phase->blocked_count[c->number] = 0;
    for (unsigned i = 0; i < n; i++) ask(phase, phase->blocked[c->number][i]);
  }
}

static void work_through(struct phase *phase) {
  for (unsigned i = 0; i < client_count; i++) {
    for (unsigned d = 0; d < phase->depth; d++) {
      struct slot *slot = &phase->slots[i][d];
      *slot = (struct slot){.connection = connections[i], .work = phase->work};
      begin_operation(phase, slot);
    }
    flush_out(connections[i]);
  }
  while (phase->finished < phase->total) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll_fd, events, 64, 60000);
    if (n == 0) die("nothing came for a minute");
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      if (events[i].events & ~(unsigned)EPOLLOUT) serve(phase, c);
      flush_out(c);
    }
  }
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double share_of(const struct phase *phase, double share) {
  unsigned at = (unsigned)(share * (double)(phase->total - 1));
  return (double)phase->latency_us10[at] / 10;
}

static const struct workload *named(const char *name) {
  for (const struct workload *w = workloads; w->name != NULL; w++) if (strcmp(w->name, name) == 0) return w;
  die("no workload %s", name);
}

static void measure(const char *text, const char *protection) {
  static int is_stale = 0;
  char name[32];
  unsigned depth, operations;
  if (sscanf(text, "%31[^:]:%u:%u", name, &depth, &operations) != 3 || depth < 1 || depth > DEPTH || operations < 1)
    die("not WORKLOAD:DEPTH:OPERATIONS: %s", text);
  struct phase *phase = calloc(1, sizeof *phase);
  phase->work = named(name);
  phase->depth = depth;
  phase->per_client = (operations + client_count - 1) / client_count;
  phase->total = phase->per_client * client_count;
  phase->latency_us10 = calloc(phase->total, sizeof(uint32_t));
  int writes = phase->work->steps[0] == WRITE_NEXT || phase->work->steps[0] == WRITE_RANDOM;
  int reads = phase->work->steps[0] == READ_NEXT || phase->work->steps[0] == READ_RANDOM;
  if (writes) scene.generation++;
  if (reads && is_stale) {
    for (unsigned i = 0; i < client_count; i++) write_data(connections[i]);
    is_stale = 0;
  }
  usleep(SETTLE_US);
  double cpu = server_use(server_pid, 0).cpu_us;
  uint64_t began = now_ns();
  work_through(phase);
  double seconds = (double)(now_ns() - began) / 1e9;
  usleep(SETTLE_US);
  struct server_use after = server_use(server_pid, 1);
  for (unsigned i = 0; i < client_count; i++) verify_written(connections[i], phase->work, phase->per_client);
  is_stale |= writes || strcmp(name, "office") == 0;
  qsort(phase->latency_us10, phase->total, sizeof(uint32_t), ascending);
  printf("{\"workload\":\"%s\",\"protection\":\"%s\",\"clients\":%u,\"depth\":%u,\"operations\":%u,\"bytes\":%u,\"seconds\":%.6f,"
         "\"cpuMicros\":%.1f,\"p50Micros\":%.1f,\"p99Micros\":%.1f,\"memoryKib\":%llu}\n",
         name, protection, client_count, depth, phase->total, phase->work->bytes, seconds, after.cpu_us - cpu, share_of(phase, 0.5),
         share_of(phase, 0.99), (unsigned long long)after.pss_kib);
  fflush(stdout);
  free(phase->latency_us10);
  free(phase);
}

static int take_option(const char *option, const char *value, struct logon *logon) {
  const struct { const char *name; const char **target; } texts[] = {
    {"--host", &logon->host}, {"--port", &logon->port}, {"--user", &logon->user}, {"--password", &logon->password},
    {"--share", &logon->share}, {"--protection", &logon->protection}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (strcmp(option, texts[i].name) == 0) return *texts[i].target = value, 1;
  if (strcmp(option, "--clients") == 0) client_count = (unsigned)atoi(value);
  else if (strcmp(option, "--server-pid") == 0) server_pid = atoi(value);
  else if (strcmp(option, "--data-mib") == 0) scene.data_bytes = (uint64_t)atoi(value) << 20;
  else if (strcmp(option, "--list-entries") == 0) scene.list_entries = (unsigned)atoi(value);
  else if (strcmp(option, "--list-folder") == 0) scene.list_folder = value;
  else if (strcmp(option, "--kept-opens") == 0) scene.kept_opens = (unsigned)atoi(value);
  else if (strcmp(option, "--kept-locks") == 0) scene.kept_locks = (unsigned)atoi(value);
  else if (strcmp(option, "--idle-clients") == 0) scene.idle_clients = (unsigned)atoi(value);
  else if (strcmp(option, "--sparse") == 0) scene.is_sparse = atoi(value);
  else return 0;
  return 1;
}

int main(int count, char **words) {
  struct logon logon = {"127.0.0.1", "445", "", "", "", "plain"};
  int at = 1;
  char names[1024] = "";
  scene = (struct scene){.data_bytes = 64u << 20, .generation = 1, .list_entries = 10000, .list_folder = "list"};
  for (; at + 1 < count && words[at][0] == '-'; at += 2)
    if (!take_option(words[at], words[at + 1], &logon)) die("unknown option %s", words[at]);
  if (client_count < 1 || client_count > CLIENTS) die("1 to %d clients", CLIENTS);
  for (int i = at; i < count; i++) snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", words[i]);
  epoll_fd = epoll_create1(0);
  for (unsigned i = 0; i < client_count; i++) {
    struct connection *c = connections[i] = calloc(1, sizeof *c);
    c->number = (int)i;
    connect_to(c, &logon);
    prepare(c, names);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
  }
  double before = server_use(server_pid, 0).cpu_us;
  for (unsigned i = 0; i < scene.idle_clients; i++) {
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL) die("no memory");
    connect_to(c, &logon);
    free(c->in), free(c->out);
  }
  grow(connections[0]);
  if (scene.kept_opens + scene.kept_locks + scene.idle_clients > 0) {
    struct server_use after = server_use(server_pid, 1);
    printf("{\"workload\":\"grow\",\"cpuMicros\":%.1f,\"memoryKib\":%llu}\n", after.cpu_us - before, (unsigned long long)after.pss_kib);
  }
  for (; at < count; at++) measure(words[at], logon.protection);
  return 0;
}
