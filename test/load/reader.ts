/**
 * A client that reads 4 KiB every few milliseconds, in a process of its own, and tells at the end how long it waited: `node reader.ts
 * PORT`, then a message to stop.
 */
import { connect } from 'node:net';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { account } from './server-process.ts';

const client = await connectClient(streamTransport(connect(Number(process.argv[2]), '127.0.0.1')));
const tree = await (await client.logOn(account)).connectTree('files');
const file = await tree.open(`reader-${process.pid}.bin`);
await file.write(0n, Buffer.alloc(4096, 1));
const waitsMs: number[] = [];
let isOver = false;
process.on('message', () => {
  isOver = true;
});
process.send?.('ready');
while (!isOver) {
  const start = performance.now();
  await file.read(0n, 4096);
  waitsMs.push(performance.now() - start);
  await new Promise((resolve) => setTimeout(resolve, 5));
}
waitsMs.sort((a, b) => a - b);
const at = (part: number): number => waitsMs[Math.floor((waitsMs.length - 1) * part)] ?? 0;
process.send?.({ count: waitsMs.length, p50: at(0.5), p99: at(0.99), max: at(1) });
client.close();
process.disconnect?.();
