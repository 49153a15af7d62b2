/**
 * A server in a process of its own, whose memory the test of key hygiene searches. It does what its parent says.
 */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapSnapshot, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { memoryServer } from '../testing/memory-server.ts';

const orders = z.discriminatedUnion('do', [
  z.object({ do: z.literal('collect') }),
  z.object({ do: z.literal('snapshot'), file: z.string() }),
  z.object({ do: z.literal('plant'), hex: z.string() }),
  z.object({ do: z.literal('stop') }),
]);
export type Order = z.infer<typeof orders>;

/** What the parent planted, so that it can see that it would find it. */
const planted: unknown[] = [];
const server = memoryServer();
setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

process.on('message', async (message) => {
  const order = orders.parse(message);
  if (order.do === 'stop') {
    await server.close({ drainMs: 0 });
    process.disconnect?.();
    return;
  }
  if (order.do === 'plant') planted.push(order.hex, Buffer.from(order.hex, 'hex'));
  if (order.do === 'collect') await collectGarbage();
  if (order.do === 'snapshot') await pipeline(getHeapSnapshot(), createWriteStream(order.file));
  process.send?.({ done: order.do, counters: server.counters() });
});

const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ done: 'listen', port });

/** What was dropped is freed, and with it overwritten what OpenSSL held. */
async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    if (typeof collect === 'function') collect();
    await turn();
  }
}
