/**
 * A client's workload on a whole server over a store that fails at its n-th operation, for every n; what another client has
 * open must not notice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { type Fault, fault } from '../../src/backend/fault.ts';
import { latency } from '../../src/backend/latency.ts';
import { delegateTo, type Operation, operations } from '../../src/backend/wrap.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { connectClient, type TestFile } from '../../src/testing/client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { WriteFlags } from '../../src/wire/smb2/write.ts';
import { alice, bob, type MemoryServerOptions, memoryServer } from '../testing/memory-server.ts';
import { type Outcome, work } from './faults/workload.ts';

/** Far more than the workload asks of the store. */
const OPERATION_COUNT_MAX = 1000;

/** Statuses that say what happened to the store, by the code of the fault. */
const statuses: ReadonlyMap<string, number> = new Map([
  ['EIO', NtStatus.UNEXPECTED_IO_ERROR],
  ['ENOSPC', NtStatus.DISK_FULL],
  ['EDQUOT', NtStatus.QUOTA_EXCEEDED],
]);

interface Run {
  readonly outcome: Outcome;
  /** The operation that the fault struck; undefined when the workload was over before. */
  readonly struck: Operation | undefined;
}

type Struck = Run & { readonly struck: Operation };

/** Counts handles, to see that each is closed. */
function counting(store: Backend, open: { count: number }): Backend {
  return {
    ...delegateTo(store),
    async open(path, options) {
      const handle = await store.open(path, options);
      open.count += 1;
      return {
        stat: () => handle.stat(),
        setStat: (change) => handle.setStat(change),
        read: (target, position) => handle.read(target, position),
        write: (source, position) => handle.write(source, position),
        truncate: (sizeBytes) => handle.truncate(sizeBytes),
        sync: () => handle.sync(),
        close: async () => {
          await handle.close();
          open.count -= 1;
        },
      };
    },
  };
}

/** What the other client does: it never touches what the first one has. */
async function stillWorks(bystander: TestFile, turn: number): Promise<void> {
  const text = Buffer.from(`turn ${turn}`);
  await bystander.write(0n, text);
  await bystander.flush();
  assert.deepEqual(await bystander.read(0n, text.length), text);
}

/** What goes wrong, once it is time. */
type Planned = (bystander: TestFile) => Fault;
/** What stands between the fault and memory. */
type Beneath = (store: Backend) => Backend;

/** The workload with `planned` at its n-th operation on the store. */
async function strike(n: number, planned: Planned, beneath: Beneath): Promise<Run> {
  let count = -1;
  let isArmed = false;
  let struck: Operation | undefined;
  let bystander: TestFile | undefined;
  const handles = { count: 0 };
  const failures: string[] = [];
  const log: Log = {
    enabled: () => true,
    write: (level, event, fields) => {
      if (level === 'error') failures.push(`${event} ${JSON.stringify(fields)}`);
    },
  };
  // The server has two shares; the second is not used.
  const wrapStore: NonNullable<MemoryServerOptions['wrapStore']> = (store) =>
    fault(counting(beneath(store), handles), ({ operation }) => {
      if (!isArmed || bystander === undefined) return undefined;
      count += 1;
      if (count !== n) return undefined;
      isArmed = false;
      struck = operation;
      return planned(bystander);
    });
  const server = memoryServer({ wrapStore, log });
  const [first, second] = [await connectClient(server.connect()), await connectClient(server.connect())];
  const tree = await (await first.logOn(alice)).connectTree('files');
  const other = await (await second.logOn(bob)).connectTree('files');
  bystander = await other.open('bystander');
  await stillWorks(bystander, 0);
  isArmed = true;
  const outcome = await work(tree);
  isArmed = false;
  await stillWorks(bystander, 1);
  // What is left of the workload can be used and removed.
  await bystander.close();
  await (await other.open('after')).close();
  assert.equal(server.counters().opens, 0, `nothing stays open: ${struck}, n = ${n}`);
  await server.close({ drainMs: 0 });
  assert.equal(handles.count, 0, 'every handle is closed');
  assert.deepEqual(failures, [], 'nothing unforeseen');
  return { outcome, struck };
}

/** Strikes at every n until the workload is over before; each run is judged by `judge`. */
async function everywhere(
  planned: Planned,
  judge: (run: Struck, n: number) => void,
  beneath: Beneath = (store) => store,
): Promise<ReadonlySet<Operation>> {
  const struck = new Set<Operation>();
  for (let n = 0; n < OPERATION_COUNT_MAX; n++) {
    const run = await strike(n, planned, beneath);
    if (run.struck === undefined) {
      assert.deepEqual(
        run.outcome.refusals.map(({ step }) => step),
        ['open work\\a'],
        'the last run is undisturbed',
      );
      return struck;
    }
    struck.add(run.struck);
    judge({ outcome: run.outcome, struck: run.struck }, n);
  }
  return assert.fail('the workload does not end');
}

/** A change that was made and a question that had an answer: what failed after it was done may have failed by itself. */
const mustBeHeard = (operation: Operation, kind: Fault['kind']): boolean =>
  kind !== 'errorAfter' || operations[operation] === 'change';

for (const code of ['EIO', 'ENOSPC', 'EDQUOT']) {
  for (const kind of ['error', 'errorAfter'] as const) {
    test(`${kind} ${code} at any operation of the store reaches the client and harms nothing else`, async () => {
      const struck = await everywhere(
        () => ({ kind, code }),
        ({ outcome, struck: operation }, n) => {
          const heard = outcome.refusals.some(({ status }) => status === statuses.get(code));
          const shown = `${operation}, n = ${n}: ${JSON.stringify(outcome.refusals)}`;
          assert.ok(heard || !mustBeHeard(operation, kind), shown);
          if (operation === 'sync')
            assert.ok(outcome.done.has('flush') || !outcome.done.has('flush again'), shown);
        },
      );
      for (const operation of ['create', 'write', 'truncate', 'sync', 'rename', 'removeFile'] as const)
        assert.ok(struck.has(operation), `${operation} is among ${[...struck]}`);
    });
  }
}

test('errors reach the client in the same way where every answer of the store is late', async () => {
  const hastyClock: Clock = {
    ...systemClock,
    setTimer: (_, callback) => {
      const immediate = setImmediate(callback);
      return { cancel: () => clearImmediate(immediate) };
    },
  };
  await everywhere(
    () => ({ kind: 'error', code: 'EIO' }),
    ({ outcome, struck }, n) =>
      assert.ok(
        outcome.refusals.some(({ status }) => status === NtStatus.UNEXPECTED_IO_ERROR),
        `${struck}, n = ${n}`,
      ),
    (store) => latency(store, hastyClock, 0),
  );
});

test('a write that reaches the store in part is refused, at any write', async () => {
  const struck = await everywhere(
    () => ({ kind: 'shortWrite', bytes: 7, code: 'ENOSPC' }),
    ({ outcome, struck: operation }, n) => {
      const heard = outcome.refusals.some(({ status }) => status === NtStatus.DISK_FULL);
      assert.ok(heard || !mustBeHeard(operation, 'error'), `${operation}, n = ${n}`);
      if (operation === 'write') assert.ok(outcome.bytes.includes(undefined));
    },
  );
  assert.ok(struck.has('write'));
});

test('a sync that was lost harms nothing that the store holds', async () => {
  const struck = await everywhere(
    () => ({ kind: 'lostSync' }),
    ({ outcome }) =>
      assert.deepEqual(
        outcome.refusals.map(({ step }) => step),
        ['open work\\a'],
      ),
  );
  assert.ok(struck.has('sync'));
});

test('while any operation of the store stalls, another client goes on', async () => {
  let turn = 10;
  const struck = await everywhere(
    (bystander) => {
      turn += 1;
      return { kind: 'stall', until: stillWorks(bystander, turn) };
    },
    ({ outcome }) =>
      assert.deepEqual(
        outcome.refusals.map(({ step }) => step),
        ['open work\\a'],
      ),
  );
  assert.ok(struck.has('write') && struck.has('sync') && struck.has('rename'));
});

test('a flush that failed is not later answered well, by any open of the file, until all are closed', async () => {
  let failures = 0;
  const wrapStore = (store: Backend) =>
    fault(store, ({ operation }) =>
      operation === 'sync' && failures-- > 0 ? { kind: 'error', code: 'EIO' } : undefined,
    );
  const server = memoryServer({ wrapStore });
  const client = await connectClient(server.connect());
  const tree = await (await client.logOn(alice)).connectTree('files');
  const [file, twin, other] = [await tree.open('a'), await tree.open('a'), await tree.open('b')];
  await file.write(0n, Buffer.from('x'));
  failures = 1;
  const isRefused = (request: Promise<unknown>) =>
    assert.rejects(
      request,
      (error) => error instanceof NtStatusError && error.status === NtStatus.UNEXPECTED_IO_ERROR,
    );
  await isRefused(file.flush());
  await isRefused(file.flush());
  await isRefused(twin.flush());
  const throughBody = file.writeRequest(0n, Buffer.from('y'), WriteFlags.WRITE_THROUGH);
  const through = await tree.request(Command.WRITE, throughBody);
  assert.equal(through.status, NtStatus.UNEXPECTED_IO_ERROR);
  await other.flush();
  await file.close();
  await twin.close();
  const anew = await tree.open('a');
  await anew.flush();
  await server.close({ drainMs: 0 });
});
