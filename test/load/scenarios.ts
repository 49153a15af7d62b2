/**
 * The loads, each of which returns what it found as lines for people. A number that is to be held is checked.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestSession, TestTree } from '../../src/testing/client.ts';
import { LeaseState, OplockLevel } from '../../src/wire/flags.ts';
import { RequestLeaseV2 } from '../../src/wire/smb2/create-context.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { cycles, soak } from './endurance.ts';
import { kib, rate, type Scenario, warmed, width } from './load.ts';
import { inParallel, LoadedServer, type Measured } from './server-process.ts';

function grown(before: Measured, after: Measured, count: number): string {
  const rss = after.rssBytes - before.rssBytes;
  const held = after.heapBytes + after.outsideBytes - before.heapBytes - before.outsideBytes;
  return `resident ${kib(rss, count)}, heap and buffers ${kib(held, count)}, loop delay p99 ${after.loopDelayMs.p99.toFixed(1)} ms`;
}

async function readerBeside(
  server: LoadedServer,
): Promise<() => Promise<{ count: number; p50: number; p99: number; max: number }>> {
  const child = fork(join(import.meta.dirname, 'reader.ts'), [String(server.port)]);
  await once(child, 'message');
  return async () => {
    const answered = once(child, 'message');
    child.send('stop');
    const [figures] = await answered;
    return figures;
  };
}

const idle: Scenario = {
  name: 'idle',
  what: 'authenticated connections that do nothing',
  async run({ scale }) {
    const count = Math.ceil(10_000 * scale);
    await using server = await LoadedServer.start();
    const before = await warmed(server);
    const start = performance.now();
    const sessions = await inParallel(count, width, () => server.logOn());
    const after = await server.measure();
    assert.equal(after.now['authenticatedConnections'], count);
    const perConnection = (after.rssBytes - before.rssBytes) / count;
    if (scale === 1) assert.ok(perConnection <= 40 * 1024, `${perConnection} bytes each`);
    const echoed = performance.now();
    await inParallel(count, width, (index) => pick(sessions, index).connection.echo(pick(sessions, index)));
    const lines = [
      `${count} connections, ${rate(count, start)}: ${grown(before, after, count)}`,
      `an ECHO on each: ${rate(count, echoed)}`,
    ];
    for (const { connection } of sessions) connection.close();
    const end = await server.untilEmpty();
    return [...lines, `afterwards ${end.descriptors - before.descriptors} more descriptors`];
  },
};

const sessions: Scenario = {
  name: 'sessions',
  what: 'sessions on a hundredth as many connections',
  async run({ scale }) {
    const count = Math.ceil(10_000 * scale);
    await using server = await LoadedServer.start();
    const before = await warmed(server);
    const clients = await inParallel(Math.ceil(count / 100), 8, () => server.connect());
    const start = performance.now();
    await inParallel(clients.length, 8, async (index) => {
      for (let each = 0; each < 100; each++)
        await clients[index]?.logOn({ user: 'load', password: 'Secret.1' });
    });
    const after = await server.measure();
    assert.equal(after.now['sessions'], clients.length * 100);
    for (const client of clients) client.close();
    return [
      `${clients.length * 100} sessions, ${rate(clients.length * 100, start)}: ${grown(before, after, count)}`,
    ];
  },
};

async function trees(server: LoadedServer, count: number): Promise<readonly TestTree[]> {
  return inParallel(count, 4, async () => (await server.logOn()).connectTree('files'));
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  assert.ok(item !== undefined);
  return item;
}

const opens: Scenario = {
  name: 'opens',
  what: 'open files, each another one',
  async run({ scale }) {
    const count = Math.ceil(100_000 * scale);
    await using server = await LoadedServer.start();
    const before = await warmed(server);
    const shares = await trees(server, 4);
    const start = performance.now();
    const files = await inParallel(count, width, (index) => pick(shares, index).open(`f${index}`));
    const made = rate(count, start);
    const after = await server.measure();
    assert.equal(after.now['opens'], count);
    const read = performance.now();
    await inParallel(Math.min(count, 10_000), width, (index) => pick(files, index * 7).queryInfo(1, 5));
    const asked = rate(Math.min(count, 10_000), read);
    const closing = performance.now();
    await inParallel(count, width, (index) => pick(files, index).close());
    const lines = [
      `${count} opens, ${made}: ${grown(before, after, count)} (the files in memory included)`,
      `QUERY_INFO among them ${asked}, CLOSE ${rate(count, closing)}`,
    ];
    for (const share of shares) share.session.connection.close();
    return lines;
  },
};

const locks: Scenario = {
  name: 'locks',
  what: 'byte-range locks on one file',
  async run({ scale }) {
    const count = Math.ceil(100_000 * scale);
    await using server = await LoadedServer.start({ lockCountPerOpen: 200_000 });
    const before = await warmed(server);
    const [share] = await trees(server, 1);
    assert.ok(share !== undefined);
    const [file, other] = [await share.open('locked.bin'), await share.open('locked.bin')];
    const flags = LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY;
    const batch = 64;
    const start = performance.now();
    for (let at = 0; at < count; at += batch) {
      const elements = Array.from({ length: Math.min(batch, count - at) }, (_, index) => ({
        offset: BigInt(2 * (at + index)),
        length: 1n,
        flags,
      }));
      assert.equal((await file.lock(elements).response).status, 0);
    }
    const taken = rate(count, start);
    const after = await server.measure();
    assert.equal(after.now['locks'], count);
    const tries = 2000;
    const asking = performance.now();
    for (let index = 0; index < tries; index++) {
      const offset = BigInt(2 * ((index * 7919) % count));
      const { status } = await other.lock([{ offset, length: 1n, flags }]).response;
      assert.notEqual(status, 0, 'it is held');
    }
    const asked = rate(tries, asking);
    share.session.connection.close();
    const end = await server.untilEmpty();
    return [
      `${count} locks, ${taken}: ${grown(before, after, count)}`,
      `a conflicting LOCK among them: ${asked}; let go in ${end.loopDelayMs.max.toFixed(0)} ms`,
    ];
  },
};

function leaseContext(index: number) {
  const leaseKey = `00000000-0000-0000-0000-${index.toString(16).padStart(12, '0')}`;
  const leaseState = LeaseState.READ_CACHING | LeaseState.HANDLE_CACHING | LeaseState.WRITE_CACHING;
  const fields = { leaseKey, leaseState, leaseFlags: 0, parentLeaseKey: leaseKey, epoch: 0 };
  return { name: 'RqLs', data: RequestLeaseV2.encode(fields) };
}

const leases: Scenario = {
  name: 'leases',
  what: 'leases, each on a file of its own',
  async run({ scale }) {
    const count = Math.ceil(50_000 * scale);
    await using server = await LoadedServer.start();
    const before = await warmed(server);
    const shares = await trees(server, 2);
    const start = performance.now();
    await inParallel(count, width, (index) =>
      pick(shares, index).open(`l${index}`, {
        oplockLevel: OplockLevel.LEASE,
        contexts: [leaseContext(index)],
      }),
    );
    const made = rate(count, start);
    const after = await server.measure();
    assert.equal(after.now['leases'], count);
    for (const share of shares) share.session.connection.close();
    const end = await server.untilEmpty();
    return [
      `${count} leases, ${made}: ${grown(before, after, count)} (open and file included)`,
      `given back in ${end.loopDelayMs.max.toFixed(0)} ms`,
    ];
  },
};

const handles: Scenario = {
  name: 'handles',
  what: 'handles on one file',
  async run({ scale }) {
    const count = Math.ceil(2000 * scale);
    await using server = await LoadedServer.start();
    const before = await warmed(server);
    const shares = await trees(server, 4);
    const start = performance.now();
    const files = await inParallel(count, width, (index) => pick(shares, index).open('shared.bin'));
    const made = rate(count, start);
    const after = await server.measure();
    const writing = performance.now();
    await inParallel(5000, width, (index) => pick(files, index).write(BigInt(index), Buffer.from('x')));
    const written = rate(5000, writing);
    for (const share of shares) share.session.connection.close();
    return [`${count} handles, ${made}: ${grown(before, after, count)}`, `WRITE through them ${written}`];
  },
};

const logons: Scenario = {
  name: 'logons',
  what: 'logons as fast as one client process can, beside a reader',
  async run({ scale }) {
    const count = Math.ceil(10_000 * scale);
    await using server = await LoadedServer.start();
    await warmed(server);
    return [...(await logonsBeside(server, count, width)), ...(await logonsBeside(server, count, 1000))];
  },
};

/** Connects, authenticates and closes `count` times, `atOnce` at a time. */
async function logonsBeside(server: LoadedServer, count: number, atOnce: number): Promise<readonly string[]> {
  const before = await server.measure();
  const stop = await readerBeside(server);
  const start = performance.now();
  await inParallel(count, atOnce, async () => {
    const session = await server.logOn();
    session.connection.close();
  });
  const made = rate(count, start);
  const read = await stop();
  const after = await server.measure();
  const cpuMs = (after.cpuMs - before.cpuMs) / count;
  return [
    `${count} connect–authenticate–close, ${atOnce} at once: ${made}, ${cpuMs.toFixed(2)} ms of the server's processor time each, loop delay p99 ${after.loopDelayMs.p99.toFixed(1)} ms`,
    `${read.count} reads beside them: p50 ${read.p50.toFixed(1)} ms, p99 ${read.p99.toFixed(1)} ms, max ${read.max.toFixed(1)} ms`,
  ];
}

const overload: Scenario = {
  name: 'overload',
  what: 'twice as many connections as are allowed',
  async run({ scale }) {
    const limit = Math.ceil(2000 * scale);
    await using server = await LoadedServer.start({ connectionCount: limit });
    const held: TestSession[] = [...(await inParallel(limit, width, () => server.logOn()))];
    const file = await (await pick(held, 0).connectTree('files')).open('kept.bin');
    let refused = 0;
    await inParallel(limit, width, async () => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'close');
      refused++;
    });
    await file.write(0n, Buffer.from('still served'));
    await inParallel(limit, width, (index) => pick(held, index).connection.echo(pick(held, index)));
    for (const session of held.slice(0, Math.ceil(limit / 2)))
      if (session !== held[0]) session.connection.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const again = await server.logOn();
    assert.equal(refused, limit);
    for (const session of [...held, again]) session.connection.close();
    return [
      `${limit} are held and served, ${refused} more refused at once, and there is room again when some leave`,
    ];
  },
};

export const scenarios: readonly Scenario[] = [
  idle,
  sessions,
  opens,
  locks,
  leases,
  handles,
  logons,
  overload,
  cycles,
  soak,
];
