/**
 * `npm run measure:stall -- [--stalls 5]`: how late the event loop is, and how long clients of a share in memory wait, while the disk of
 * another share stalls for a second now and then. First with a store that stalls by promise, as a slow cloud does; then, where one may
 * mount, with an ext4 that is frozen under the kernel, so that every call that changes something hangs.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectClient, streamTransport, type TestTree } from '../../src/testing/client.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import { imageProblem, withDisks } from '../durability/image.ts';
import { commandLine } from '../testing/command-line.ts';
import { account } from './server-process.ts';
import type { LoopDelay } from './stalling-server.ts';

const STALL_MS = 1000;
/** Between two stalls, so that what the first taught is forgotten again. */
const REST_MS = 2000;

const run = promisify(execFile);
const { values } = commandLine(import.meta.filename, {
  options: { stalls: { type: 'string', default: '5' } },
});
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What clients do on the disk, each again and again. */
const works: Readonly<Record<string, (tree: TestTree, round: number) => Promise<void>>> = {
  async 'reads and writes'(tree, round) {
    const file = await tree.open('written.bin');
    for (let at = 0; at < 50; at++) {
      await file.write(BigInt(at) * 4096n, Buffer.alloc(4096, round));
      await file.read(BigInt(at) * 4096n, 4096);
    }
    await file.close();
  },
  async 'creates and deletes'(tree, round) {
    const file = await tree.open(`made ${round}.txt`, {
      desiredAccess: 0x0013_019f,
      createOptions: CreateOption.DELETE_ON_CLOSE,
    });
    await file.write(0n, Buffer.alloc(1000, 1));
    await file.close();
  },
  async opens(tree) {
    await (await tree.open('written.bin', { desiredAccess: 0x0012_0089 })).close();
  },
};

async function treeOn(port: number, share: string): Promise<TestTree> {
  const client = await connectClient(streamTransport(connect(port, '127.0.0.1')));
  return (await client.logOn(account)).connectTree(share);
}

class Waits {
  #waitsMs: number[] = [];
  isOver = false;

  /** Reads 4 KiB of a share in memory every few milliseconds. */
  async gather(tree: TestTree): Promise<void> {
    const file = await tree.open('read.bin');
    await file.write(0n, Buffer.alloc(4096, 1));
    while (!this.isOver) {
      const began = performance.now();
      await file.read(0n, 4096);
      this.#waitsMs.push(performance.now() - began);
      await pause(2);
    }
    await file.close();
  }

  /** Since the last call. */
  taken(): { readonly p99Ms: number; readonly maxMs: number } {
    const sorted = this.#waitsMs.sort((a, b) => a - b);
    this.#waitsMs = [];
    return { p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0, maxMs: sorted.at(-1) ?? 0 };
  }
}

async function measure(server: ChildProcess): Promise<LoopDelay> {
  const answered = once(server, 'message');
  server.send('measure');
  const [delay] = await answered;
  return delay;
}

function tell(what: string, loop: LoopDelay, wait: LoopDelay): void {
  const text = ({ p99Ms, maxMs }: LoopDelay): string =>
    `p99 ${p99Ms.toFixed(1)} ms, most ${maxMs.toFixed(1)} ms`;
  console.log(`${what.padEnd(32)} event loop ${text(loop).padEnd(34)} a read in memory ${text(wait)}`);
}

/** One work on a server of its own: at rest, and with a stall every few seconds. */
async function under(
  name: string,
  folder: string | undefined,
  stall: (server: ChildProcess) => unknown,
): Promise<void> {
  const work = works[name];
  assert.ok(work !== undefined);
  const server = fork(join(import.meta.dirname, 'stalling-server.ts'), folder === undefined ? [] : [folder]);
  try {
    const [{ port }] = await once(server, 'message');
    const disk = await treeOn(port, 'disk');
    const waits = new Waits();
    const reading = waits.gather(await treeOn(port, 'memory'));
    const working = (async () => {
      for (let round = 0; !waits.isOver; round++) await work(disk, round);
    })();
    await pause(REST_MS);
    await measure(server);
    waits.taken();
    await pause(REST_MS);
    tell(`${name}, no stall`, await measure(server), waits.taken());
    for (let count = 0; count < Number(values.stalls); count++) {
      await stall(server);
      await pause(REST_MS);
    }
    tell(`${name}, ${values.stalls} stalls`, await measure(server), waits.taken());
    waits.isOver = true;
    await Promise.all([reading, working]);
  } finally {
    const gone = once(server, 'exit');
    server.disconnect();
    await gone;
  }
}

console.log('a store that stalls by itself:');
for (const name of Object.keys(works)) {
  await under(name, undefined, async (server) => {
    server.send('stall');
    await pause(STALL_MS);
  });
}
const problem = await imageProblem();
if (problem === false) {
  console.log('an ext4 that is frozen:');
  await withDisks(async (disks) => {
    const { mountPoint } = await disks.make();
    for (const name of Object.keys(works)) {
      await under(name, mountPoint, async () => {
        await run('fsfreeze', ['-f', mountPoint]);
        await pause(STALL_MS);
        await run('fsfreeze', ['-u', mountPoint]);
      });
    }
  });
} else {
  console.log(`no frozen disk: ${problem}`);
}
process.exit(0);
