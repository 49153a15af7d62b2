import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { codeOf } from '../../src/backend/error.ts';
import { type Fault, fault, faultAt, faultsBy } from '../../src/backend/fault.ts';
import { latency } from '../../src/backend/latency.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { readOnly } from '../../src/backend/read-only.ts';
import { type Wrapping, wrapBackend } from '../../src/backend/wrap.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';

/** Timers fire at the next turn of the event loop. */
const hastyClock: Clock = {
  ...systemClock,
  setTimer: (_, callback) => {
    const immediate = setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  },
};

const passing: Wrapping = { name: 'passing', gate: (_, proceed) => proceed() };

backendContract('memory behind a wrapper', () => wrapBackend(memoryBackend(), passing), { test });
backendContract('memory that answers late', () => latency(memoryBackend(), hastyClock, 1), { test });

test('a read-only store shows everything and changes nothing', async () => {
  const memory = memoryBackend().seed({ a: 'text', d: { b: '' } });
  const backend = readOnly(memory);
  const handle = await backend.open('a', {});
  const target = Buffer.alloc(4);
  assert.equal(await handle.read(target, 0), 4);
  const changes: (() => unknown)[] = [
    () => backend.open('a', { write: true }),
    () => backend.open('new', { create: true }),
    () => backend.makeDirectory('new'),
    () => backend.removeFile('a'),
    () => backend.removeDirectory('d'),
    () => backend.rename('a', 'b', true),
    () => backend.link?.('a', 'b'),
    () => backend.symlinks?.makeLink('l', 'a'),
    () => backend.streams?.remove('a', 's'),
    () => backend.streams?.rename('a', 's', 't', true),
    () => backend.extendedAttributes?.write('a', new Map()),
    () => backend.security?.write('a', Buffer.alloc(20)),
    () => backend.sparse?.punch(handle, { offset: 0, length: 1 }),
    () => backend.copyRange?.copy(handle, { offset: 0, length: 1 }, handle, 0),
    () => handle.setStat({ attributes: 2 }),
    () => handle.write(Buffer.from('x'), 0),
    () => handle.truncate(0),
  ];
  const before = memory.stat('a');
  for (const change of changes) await assert.rejects(async () => change(), { code: 'EROFS' }, String(change));
  assert.deepEqual(memory.stat('a'), before);
});

test('a wrapper has exactly the abilities of what it wraps', () => {
  const { name, stat, open, list, makeDirectory, removeFile, removeDirectory, rename, volume, close } =
    wrapBackend(memoryBackend(), { name: 'x', gate: (_, proceed) => proceed() });
  const plain: Backend = {
    name,
    stat,
    open,
    list,
    makeDirectory,
    removeFile,
    removeDirectory,
    rename,
    volume,
    close,
  };
  const wrapped = readOnly(plain);
  assert.deepEqual(Object.keys(wrapped).sort(), Object.keys(plain).sort());
});

test('a fault strikes the n-th operation and no other', async () => {
  const plan = faultAt(1, { kind: 'error', code: 'EIO' }, 'read');
  const backend = fault(memoryBackend().seed({ a: 'text' }), plan);
  const handle = await backend.open('a', {});
  assert.equal(await handle.read(Buffer.alloc(4), 0), 4);
  await assert.rejects(async () => handle.read(Buffer.alloc(4), 0), { code: 'EIO' });
  assert.equal(await handle.read(Buffer.alloc(4), 0), 4);
});

test('a short write leaves its first bytes, a failure afterwards leaves all', async () => {
  const memory = memoryBackend().seed({ a: '........' });
  const strike = async (planned: Fault, text: string): Promise<void> => {
    const handle = await fault(memory, faultAt(0, planned, 'write')).open('a', { write: true });
    await assert.rejects(async () => handle.write(Buffer.from(text), 0), { code: 'ENOSPC' });
  };
  const content = async (): Promise<string> => {
    const target = Buffer.alloc(8);
    memory.open('a', {}).read(target, 0);
    return target.toString();
  };
  await strike({ kind: 'shortWrite', bytes: 2, code: 'ENOSPC' }, 'xxxx');
  assert.equal(await content(), 'xx......');
  await strike({ kind: 'errorAfter', code: 'ENOSPC' }, 'yyyy');
  assert.equal(await content(), 'yyyy....');
});

test('a stalled operation begins when the stall ends', async () => {
  let release = (): void => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  const memory = memoryBackend();
  const made = fault(memory, faultAt(0, { kind: 'stall', until })).makeDirectory('d');
  await Promise.resolve();
  assert.throws(() => memory.stat('d'), { code: 'ENOENT' });
  release();
  await made;
  assert.equal(memory.stat('d').kind, 'directory');
});

test('a lost sync answers well without reaching the store', async () => {
  let syncs = 0;
  const counted = wrapBackend(memoryBackend().seed({ a: '' }), {
    name: 'counted',
    gate: (_, proceed) => proceed(),
    sync: (sync) => {
      syncs += 1;
      return sync();
    },
  });
  const handle = await fault(counted, faultAt(0, { kind: 'lostSync' }, 'sync')).open('a', {});
  await handle.sync();
  assert.equal(syncs, 0);
  await handle.sync();
  assert.equal(syncs, 1);
});

test('faults by chance come as the numbers say', async () => {
  const numbers = [0.9, 0.05, 0.5, 0.9];
  const plan = faultsBy(() => numbers.shift() ?? 1, 0.1, [
    { kind: 'error', code: 'EIO' },
    { kind: 'error', code: 'ENOSPC' },
  ]);
  const backend = fault(memoryBackend(), plan);
  const codes: (string | undefined)[] = [];
  for (const name of ['a', 'b', 'c']) {
    try {
      await backend.makeDirectory(name);
      codes.push(undefined);
    } catch (error) {
      codes.push(codeOf(error));
    }
  }
  assert.deepEqual(codes, [undefined, 'ENOSPC', undefined]);
});
