import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { loadLibc } from '../../src/native/libc.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';
import { makeFolder, withFolder } from './folder.ts';
import { slowClock } from './slow-clock.ts';

const dispose = (backend: Backend): void => fs.rmSync(path.dirname(backend.name), { recursive: true });
const another = (backend: Backend): Backend => localBackend(backend.name);
const settle = (): Promise<void> => sleep(10);

backendContract('local', () => localBackend(makeFolder().root), { test, dispose, another, settle });

backendContract('local without native calls', () => localBackend(makeFolder().root, { libc: 'none' }), {
  test,
  dispose,
  another,
  settle,
});

backendContract(
  'local with a state directory',
  () => {
    const { root, state } = makeFolder();
    return localBackend(root, { stateDirectory: state });
  },
  { test, dispose },
);

backendContract(
  'local on a few descriptors',
  () => localBackend(makeFolder().root, { descriptorCountMax: 16, libc: 'none' }),
  { test, dispose },
);

backendContract(
  'local with nearly all calls in the thread pool',
  () => {
    const { root, state } = makeFolder();
    return localBackend(root, { stateDirectory: state, clock: slowClock(), directoryCountMax: 3 });
  },
  { test, dispose },
);

async function namesIn(backend: Backend, at: string): Promise<string[]> {
  const names: string[] = [];
  for await (const batch of backend.list(at)) names.push(...batch.map(({ name }) => name));
  return names.sort();
}

test('names that are not UTF-8 are listed, opened and kept byte for byte', () =>
  withFolder(async ({ root }) => {
    const latin = Buffer.concat([Buffer.from(`${root}/`), Buffer.from('caf\xe9', 'latin1')]);
    fs.writeFileSync(latin, 'old');
    const backend = localBackend(root);
    assert.deepEqual(await namesIn(backend, ''), ['caf\udce9']);
    assert.equal((await backend.stat('caf\udce9')).sizeBytes, 3);
    await backend.rename('caf\udce9', 'x\udce9', false);
    assert.deepEqual(fs.readdirSync(root, 'latin1'), ['x\xe9']);
    await backend.removeFile('x\udce9');
    await backend.close();
  }));

test('a name that would come back as another is refused, bytes that no name stands for are hidden', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root);
    await assert.rejects(async () => backend.makeDirectory('\udcc3\udca9'), { code: 'EINVAL' });
    fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from('eda0bd80', 'hex')]), '');
    fs.writeFileSync(path.join(root, 'seen'), '');
    assert.deepEqual(await namesIn(backend, ''), ['seen']);
    await backend.close();
  }));

test('a lone surrogate is stored as generalised UTF-8', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root);
    await backend.makeDirectory('\ud800');
    assert.equal(Buffer.from(fs.readdirSync(root, 'latin1')[0] ?? '', 'latin1').toString('hex'), 'eda080');
    await backend.close();
  }));

test('directories that others move, replace or remove are noticed, descriptors kept or not', () =>
  withFolder(async ({ root, outside }) => {
    const backend = localBackend(root);
    fs.mkdirSync(`${root}/a/b`, { recursive: true });
    fs.writeFileSync(`${root}/a/b/first`, '');
    assert.deepEqual(await namesIn(backend, 'a/b'), ['first']);

    fs.renameSync(`${root}/a/b`, `${root}/a/moved`);
    await nextTurn();
    await assert.rejects(async () => backend.stat('a/b/first'), { code: 'ENOENT' });
    assert.equal((await backend.stat('a/moved/first')).kind, 'file');
    fs.mkdirSync(`${root}/a/b`);
    fs.writeFileSync(`${root}/a/b/second`, '');
    await nextTurn();
    assert.deepEqual(await namesIn(backend, 'a/b'), ['second']);

    fs.renameSync(`${root}/a`, `${outside}/a`);
    await nextTurn();
    await assert.rejects(async () => backend.stat('a/b/second'), { code: 'ENOENT' });
    await assert.rejects(async () => backend.makeDirectory('a/b/new'), { code: 'ENOENT' });
    assert.deepEqual(fs.readdirSync(`${outside}/a/b`), ['second']);
    await backend.close();
  }));

test('the folder itself may be renamed while it is served', () =>
  withFolder(async ({ root, base }) => {
    const backend = localBackend(root);
    await backend.makeDirectory('d');
    await backend.makeDirectory('d/e');
    fs.renameSync(root, path.join(base, 'renamed'));
    await backend.makeDirectory('d/e/f');
    assert.deepEqual(fs.readdirSync(path.join(base, 'renamed/d/e')), ['f']);
    await backend.close();
  }));

test('descriptors are all given back', () =>
  withFolder(async ({ root, state }) => {
    const before = fs.readdirSync('/proc/self/fd').length;
    const backend = localBackend(root, { stateDirectory: state, directoryCountMax: 4 });
    for (let number = 0; number < 20; number++) {
      const at = `d${number}`;
      await backend.makeDirectory(at);
      const handle = await backend.open(`${at}/f`, { write: true, create: true });
      await handle.write(Buffer.from('x'), 0);
      await handle.sync();
      await handle.close();
      const stream = await backend.open(`${at}/f`, { write: true, create: true, stream: 's' });
      await stream.close();
      await assert.rejects(async () => backend.open(`${at}/f/g`, {}), { code: 'ENOTDIR' });
      await assert.rejects(async () => backend.open(`${at}/f`, { stream: 'none' }), { code: 'ENOENT' });
      await assert.rejects(async () => backend.stat(`${at}/none/f`), { code: 'ENOENT' });
      await namesIn(backend, at);
    }
    assert.ok(fs.readdirSync('/proc/self/fd').length <= before + 8);
    await backend.close();
    assert.equal(fs.readdirSync('/proc/self/fd').length, before);
  }));

test('open handles are bounded, and closing one makes room', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root, { handleCountMax: 2 });
    const first = await backend.open('a', { write: true, create: true });
    const second = await backend.open('', {});
    await assert.rejects(async () => backend.open('a', {}), { code: 'EMFILE' });
    await first.close();
    const third = await backend.open('a', {});
    await third.close();
    await second.close();
    await backend.close();
  }));

test('the read-only attribute is the missing write permission of the owner, both ways', () =>
  withFolder(async ({ root }) => {
    const READONLY = 1;
    const backend = localBackend(root);
    fs.writeFileSync(`${root}/a`, '', { mode: 0o644 });
    const handle = await backend.open('a', {});
    await handle.setStat({ attributes: READONLY });
    assert.equal(fs.statSync(`${root}/a`).mode & 0o777, 0o444);
    fs.chmodSync(`${root}/a`, 0o644);
    assert.equal((await handle.stat()).attributes, 0);
    await handle.setStat({ attributes: 0 });
    assert.equal(fs.statSync(`${root}/a`).mode & 0o777, 0o644);
    await handle.close();
    await backend.close();
  }));

test('a time set by a client gives way when the disk moves on', () =>
  withFolder(async ({ root }) => {
    const told = 132_593_079_671_234_567n;
    const backend = localBackend(root);
    fs.writeFileSync(`${root}/a`, '');
    const handle = await backend.open('a', {});
    await handle.setStat({ lastWriteTime: told });
    assert.equal((await handle.stat()).lastWriteTime, told);
    fs.writeFileSync(`${root}/a`, 'changed by others');
    assert.ok((await handle.stat()).lastWriteTime > told);
    await handle.close();
    await backend.close();
  }));

test('a change time set by a client is told, also after a restart, until the disk moves on', () =>
  withFolder(async ({ root, state }) => {
    const changeTime = 132_593_079_671_234_567n;
    fs.writeFileSync(`${root}/a`, '');
    for (const turn of ['set', 'read']) {
      const backend = localBackend(root, { stateDirectory: state });
      const handle = await backend.open('a', {});
      if (turn === 'set') await handle.setStat({ changeTime, lastWriteTime: changeTime });
      assert.equal((await handle.stat()).changeTime, changeTime);
      await handle.close();
      await backend.close();
    }
    const backend = localBackend(root, { stateDirectory: state });
    const inode = (): bigint => fs.statSync(`${root}/a`, { bigint: true }).ctimeNs;
    for (const before = inode(); before === inode(); ) fs.chmodSync(`${root}/a`, 0o600);
    assert.ok((await backend.stat('a')).changeTime > changeTime);
    await backend.close();
  }));

test('holes stay holes', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root);
    const handle = await backend.open('a', { write: true, create: true });
    await handle.truncate(1_000_000_000);
    await handle.write(Buffer.from('x'), 900_000_000);
    const stat = await handle.stat();
    assert.equal(stat.sizeBytes, 1_000_000_000);
    assert.ok(stat.allocatedBytes < 1_000_000);
    await handle.close();
    await backend.close();
  }));

test('a copy of many megabytes, and of ranges that overlap by a little, is exact', () =>
  withFolder(async ({ root }) => {
    for (const libc of [undefined, 'none'] as const) {
      const backend = localBackend(root, libc && { libc });
      const bytes = Buffer.alloc(5 * 2 ** 20 + 77);
      for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 10)) & 0xff;
      const from = await backend.open(`from-${libc}`, { write: true, create: true });
      const to = await backend.open(`to-${libc}`, { write: true, create: true });
      await from.write(bytes, 0);
      assert.equal(
        await backend.copyRange?.copy(from, { offset: 1, length: 2 ** 40 }, to, 3),
        bytes.length - 1,
      );
      const expected = Buffer.concat([Buffer.alloc(3), bytes.subarray(1)]);
      assert.ok(fs.readFileSync(`${root}/to-${libc}`).equals(expected));
      await backend.copyRange?.copy(to, { offset: 0, length: expected.length }, to, 5);
      const moved = Buffer.concat([expected.subarray(0, 5), expected]);
      assert.ok(fs.readFileSync(`${root}/to-${libc}`).equals(moved));
      await from.close();
      await to.close();
      await backend.close();
    }
  }));

test('a file of many small extents tells of its data in full, of very many at least not too little', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root);
    const { sparse } = backend;
    if (sparse === undefined) {
      assert.equal(loadLibc()?.holes, undefined);
      return;
    }
    const handle = await backend.open('a', { write: true, create: true });
    const count = 9000;
    const step = 2 ** 16;
    for (let at = 0; at < count; at++) await handle.write(Buffer.from('x'), at * step);
    const first = await sparse.allocatedRanges(handle, { offset: 0, length: 100 * step });
    assert.equal(first.length, 100);
    const all = await sparse.allocatedRanges(handle, { offset: 0, length: count * step });
    assert.ok(all.length < count);
    const last = all.at(-1);
    assert.equal((last?.offset ?? 0) + (last?.length ?? 0), (count - 1) * step + 1);
    await handle.close();
    await backend.close();
  }));

test('an operation under way keeps its descriptor open after close', () =>
  withFolder(async ({ root }) => {
    const size = 3 * 1024 * 1024;
    fs.writeFileSync(`${root}/a`, Buffer.alloc(size, 'a'));
    fs.writeFileSync(`${root}/b`, Buffer.alloc(size, 'b'));
    const backend = localBackend(root);
    for (let turn = 0; turn < 20; turn++) {
      const first = await backend.open('a', {});
      const target = Buffer.alloc(size);
      const reading = first.read(target, 0);
      const closing = first.close();
      const second = await backend.open('b', {});
      assert.equal(await reading, size);
      assert.ok(target.equals(Buffer.alloc(size, 'a')), 'read another file');
      await closing;
      await second.close();
    }
    await backend.close();
  }));
