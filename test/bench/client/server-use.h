/* What a server and the processes it started have used. */
#pragma once
#include <stdint.h>

struct server_use {
  double cpu_us;
  uint64_t pss_kib;
};

/* Processor time, user and system, of all threads, ended ones included; memory with shared pages counted in part. */
struct server_use server_use(int pid, int with_memory);
