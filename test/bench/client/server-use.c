#include "server-use.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROCESSES 4096

struct process { int pid, parent, is_ours; };

static int all_processes(struct process processes[PROCESSES]) {
  DIR *proc = opendir("/proc");
  struct dirent *entry;
  int count = 0;
  while (proc != NULL && (entry = readdir(proc)) != NULL && count < PROCESSES) {
    char path[300], text[512] = "";
    int pid = atoi(entry->d_name), parent = 0;
    if (pid <= 0) continue;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue;
    if (fread(text, 1, sizeof text - 1, file) > 0) {
      const char *behind_name = strrchr(text, ')');
      if (behind_name != NULL && sscanf(behind_name + 1, " %*c %d", &parent) == 1)
        processes[count++] = (struct process){pid, parent, 0};
    }
    fclose(file);
  }
  if (proc != NULL) closedir(proc);
  return count;
}

static double cpu_us_of(int pid) {
  clockid_t clock;
  struct timespec t;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t pss_kib_of(int pid) {
  char path[64], line[256];
  unsigned long long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "Pss: %llu kB", &kib) == 1) break;
  if (file != NULL) fclose(file);
  return kib;
}

struct server_use server_use(int pid, int with_memory) {
  static struct process processes[PROCESSES];
  struct server_use use = {0, 0};
  int count = all_processes(processes);
  for (int found = 1; found;) {
    found = 0;
    for (int i = 0; i < count; i++) {
      if (processes[i].is_ours) continue;
      int is_ours = processes[i].pid == pid;
      for (int j = 0; j < count && !is_ours; j++) is_ours = processes[j].is_ours && processes[j].pid == processes[i].parent;
      if (is_ours) found = processes[i].is_ours = 1;
    }
  }
  for (int i = 0; i < count; i++) {
    if (!processes[i].is_ours) continue;
    use.cpu_us += cpu_us_of(processes[i].pid);
    if (with_memory) use.pss_kib += pss_kib_of(processes[i].pid);
  }
  return use;
}
