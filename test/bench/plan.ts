/**
 * What the benchmark runs, how much of it, and what is aimed at.
 */

/** How the client's messages are protected, with the dialect that brings it. */
export const protections = ['plain', 'hmac', 'cmac', 'gmac', 'gcm'] as const;
export type Protection = (typeof protections)[number];

export const protectionTexts: Readonly<Record<Protection, string>> = {
  plain: 'SMB 3.1.1, neither signed nor sealed',
  hmac: 'SMB 2.1, signed with HMAC-SHA256',
  cmac: 'SMB 3.0, signed with AES-128-CMAC',
  gmac: 'SMB 3.1.1, signed with AES-128-GMAC',
  gcm: 'SMB 3.1.1, sealed with AES-128-GCM',
};

/** One measurement of a run: a workload of the load client, and how many operations are under way on each connection. */
export interface Task {
  readonly workload: string;
  readonly depth: number;
  /** Operations of a full run with one client. */
  readonly operations: number;
  readonly text: string;
}

/** In the order in which one client does them: what is created is renamed and then deleted. */
export const tasks: readonly Task[] = [
  { workload: 'echo', depth: 1, operations: 10_000, text: 'ECHO' },
  { workload: 'read-1m', depth: 4, operations: 1000, text: 'read 1 MiB in sequence, depth 4' },
  { workload: 'write-1m', depth: 4, operations: 1000, text: 'write 1 MiB in sequence, depth 4' },
  { workload: 'read-4k', depth: 1, operations: 5000, text: 'read 4 KiB anywhere, depth 1' },
  { workload: 'read-4k', depth: 32, operations: 20_000, text: 'read 4 KiB anywhere, depth 32' },
  { workload: 'write-4k', depth: 1, operations: 5000, text: 'write 4 KiB anywhere, depth 1' },
  { workload: 'write-4k', depth: 32, operations: 20_000, text: 'write 4 KiB anywhere, depth 32' },
  { workload: 'create', depth: 4, operations: 1000, text: 'create, write 1 KiB, close' },
  { workload: 'open-query', depth: 4, operations: 3000, text: 'open, query, close' },
  {
    workload: 'open-leased',
    depth: 4,
    operations: 3000,
    text: 'open as Windows does (lease, durable), query, close',
  },
  { workload: 'open-read', depth: 4, operations: 3000, text: 'open, read 1 KiB, close' },
  { workload: 'rename', depth: 4, operations: 1000, text: 'open, rename, close' },
  { workload: 'delete', depth: 4, operations: 1000, text: 'open to delete, close' },
  { workload: 'list', depth: 1, operations: 3, text: 'list a folder of 10,000 files' },
  { workload: 'office', depth: 4, operations: 200, text: 'office trace (23 requests)' },
];

/** The ratio of server CPU, smbkit ÷ Samba, that is aimed at. */
export function goalOf(workload: string, depth: number, protection: Protection): number | undefined {
  if (workload.endsWith('-1m')) return protection === 'gcm' ? 0.8 : 0.85;
  if (workload.endsWith('-4k')) return depth === 1 ? 0.8 : 0.6;
  if (workload === 'list') return 0.2;
  return ['create', 'open-query', 'open-leased', 'rename', 'delete'].includes(workload) ? 0.3 : undefined;
}

/** Which servers take part, how often, and with what. */
export interface Plan {
  readonly repeats: number;
  readonly clientCounts: readonly number[];
  readonly protections: readonly Protection[];
  /** Protections measured with one client only; the others with every count of clients. */
  readonly manyClientsWith: readonly Protection[];
  readonly tasks: readonly Task[];
  /** Share of the operations of a full run. */
  readonly scale: number;
  /**
   * Full runs' worth of each task before anything is written down, whatever {@link scale} says: a compiler that learns from what
   * runs has not settled before.
   */
  readonly warmUp: number;
  readonly hasMemory: boolean;
  readonly treeFiles: number;
}

export const fullPlan: Plan = {
  repeats: 5,
  clientCounts: [1, 4, 16, 64],
  protections,
  manyClientsWith: ['gmac'],
  tasks,
  scale: 1,
  warmUp: 5,
  hasMemory: true,
  treeFiles: 20_000,
};

export const quickPlan: Plan = {
  ...fullPlan,
  repeats: 3,
  clientCounts: [1, 64],
  scale: 0.4,
  warmUp: 2,
  hasMemory: false,
  treeFiles: 1000,
};

/** The load client's word for a task: at least as many operations as there are clients times the depth. */
export function taskWord({ workload, depth, operations }: Task, scale: number, clients: number): string {
  const least = workload === 'list' ? clients : clients * depth * 4;
  return `${workload}:${depth}:${Math.max(Math.round(operations * scale), least)}`;
}
