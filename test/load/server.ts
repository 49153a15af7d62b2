/**
 * The server under load, in a process of its own: says where it listens, and answers each message with what it measures.
 */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { memoryBackend } from '../../src/backend/memory.ts';
import { serve } from '../../src/control/serve.ts';
import type { Measured } from './server-process.ts';

const limits: Readonly<Record<string, number>> = JSON.parse(process.argv[2] ?? '{}');
const server = await serve({
  shares: { files: memoryBackend() },
  users: [{ name: 'load', password: 'Secret.1' }],
  port: 0,
  limits: {
    connectionCount: 20_000,
    connectionCountPerAddress: 20_000,
    unauthenticatedConnectionCount: 20_000,
    failedLogonDelayMs: 0,
    ...limits,
  },
});
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

function measured(): Measured {
  globalThis.gc?.();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const found: Measured = {
    rssBytes: rss,
    heapBytes: heapUsed,
    outsideBytes: external + arrayBuffers,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
    cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1000,
    loopDelayMs: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
    now: server.stats().now,
  };
  delay.reset();
  return found;
}

process.on('message', () => process.send?.(measured()));
process.on('disconnect', () => process.exit(0));
process.send?.({ port: server.address.port });
