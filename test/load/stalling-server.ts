/**
 * A server with a share that stalls and one in memory, in a process of its own: `node stalling-server.ts [FOLDER]`. Without a folder the
 * store of the first share stalls by itself for a second after each message `stall`. `measure` is answered with the event loop's delay.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fault } from '../../src/backend/fault.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { serve } from '../../src/control/serve.ts';
import { account } from './server-process.ts';

/** What the event loop was late by since it was asked before. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

const STALL_MS = 1000;
let stalled: Promise<unknown> | undefined;

const [folder] = process.argv.slice(2);
const server = await serve({
  shares: {
    disk:
      folder ??
      fault(memoryBackend(), () => (stalled === undefined ? undefined : { kind: 'stall', until: stalled })),
    memory: memoryBackend(),
  },
  users: [{ name: account.user, password: account.password }],
  port: 0,
});
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on('message', (message) => {
  if (message === 'stall') {
    stalled = new Promise((resolve) => setTimeout(resolve, STALL_MS));
    void stalled.then(() => {
      stalled = undefined;
    });
    return;
  }
  const answer: LoopDelay = { p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 };
  delay.reset();
  process.send?.(answer);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: server.address.port });
