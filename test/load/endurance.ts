/**
 * Loads that last: cycles from connecting to logging off, and a mix of everything.
 */
import assert from 'node:assert/strict';
import type { TestFile, TestTree } from '../../src/testing/client.ts';
import { OplockLevel } from '../../src/wire/flags.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { rate, type Scenario, warmed, width } from './load.ts';
import { inParallel, LoadedServer, type Measured } from './server-process.ts';

export const cycles: Scenario = {
  name: 'cycles',
  what: 'connect, authenticate, work, log off, over and over',
  async run({ scale }) {
    const count = Math.ceil(100_000 * scale);
    await using server = await LoadedServer.start();
    await warmed(server);
    const points: Measured[] = [];
    const start = performance.now();
    for (let part = 0; part < parts; part++) {
      await inParallel(Math.ceil(count / parts), width, async () => {
        const session = await server.logOn();
        const file = await (await session.connectTree('files')).open('cycle.bin');
        await file.close();
        await session.logOff();
        session.connection.close();
      });
      points.push(await server.untilEmpty());
    }
    const [first, last] = [points[0], points.at(-1)];
    assert.ok(first !== undefined && last !== undefined);
    const heaps = points.map((point) => mib(point.heapBytes)).join(', ');
    const outside = points.map((point) => mib(point.outsideBytes)).join(', ');
    const told = `heap after each tenth: ${heaps} MiB, buffers ${outside} MiB`;
    const drift = leastHeld(points.slice(parts / 2)) - leastHeld(points.slice(0, parts / 2));
    assert.ok(drift < Math.max(10 * count, 2 ** 20), `${drift} bytes of drift; ${told}`);
    assert.ok(
      Math.abs(last.descriptors - first.descriptors) <= 2 && Math.abs(last.resources - first.resources) <= 2,
    );
    return [
      `${count} cycles, ${rate(count, start)}; ${told}`,
      `${last.descriptors - first.descriptors} descriptors and ${last.resources - first.resources} timers and the like more`,
    ];
  },
};

const parts = 10;
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** The runtime drops compiled code and makes it again, some megabytes: the least of several points is what is really held. */
function leastHeld(points: readonly Measured[]): number {
  return Math.min(...points.map(({ heapBytes, outsideBytes }) => heapBytes + outsideBytes));
}

async function soakClient(server: LoadedServer, until: number, index: number): Promise<number> {
  let operations = 0;
  while (performance.now() < until) {
    const session = await server.logOn();
    const share = await session.connectTree('files');
    for (let round = 0; round < 200 && performance.now() < until; round++) {
      operations += await soakRound(share, `soak${index}-${round % 20}`, round);
    }
    await session.logOff();
    session.connection.close();
  }
  return operations;
}

async function soakRound(share: TestTree, name: string, round: number): Promise<number> {
  const file: TestFile = await share.open(name, {
    oplockLevel: round % 3 === 0 ? OplockLevel.BATCH : OplockLevel.NONE,
  });
  await file.write(BigInt(round), Buffer.alloc(1 + ((round * 997) % 60_000), round));
  await file.read(0n, 4096);
  await file.queryInfo(1, 18);
  await file.lock([{ offset: 0n, length: 10n, flags: LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY }])
    .response;
  if (round % 10 === 0) {
    const root = await share.open('', { createOptions: 1 });
    await root.queryDirectory(37);
    await root.close();
  }
  await file.close();
  return 6;
}

export const soak: Scenario = {
  name: 'soak',
  what: 'a mix of everything for a while',
  async run({ minutes }) {
    await using server = await LoadedServer.start();
    await warmed(server);
    const points: Measured[] = [];
    const parts = 6;
    let operations = 0;
    const start = performance.now();
    for (let part = 0; part < parts; part++) {
      const until = performance.now() + (minutes * 60_000) / parts;
      const done = await Promise.all(
        Array.from({ length: 8 }, (_, index) => soakClient(server, until, index)),
      );
      operations += done.reduce((sum, each) => sum + each, 0);
      points.push(await server.untilEmpty());
    }
    const [first, last] = [points[1] ?? points[0], points.at(-1)];
    assert.ok(first !== undefined && last !== undefined);
    const delay = Math.max(...points.map(({ loopDelayMs }) => loopDelayMs.p99));
    assert.ok(last.descriptors - first.descriptors <= 2 && last.resources - first.resources <= 2);
    return [
      `${minutes} minutes, 8 clients, ${operations} operations, ${rate(operations, start)}`,
      `heap and buffers after each sixth: ${points.map((point) => ((point.heapBytes + point.outsideBytes) / 2 ** 20).toFixed(1)).join(', ')} MiB; resident ${points.map(({ rssBytes }) => Math.round(rssBytes / 2 ** 20)).join(', ')} MiB`,
      `descriptors ${points.map(({ descriptors }) => descriptors).join(', ')}; loop delay p99 at most ${delay.toFixed(1)} ms`,
    ];
  },
};
