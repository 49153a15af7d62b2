import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendHandle } from '../../src/backend/contract.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { readOnly } from '../../src/backend/read-only.ts';
import { directory, file, type VirtualChild, type VirtualEntry } from '../../src/backend/virtual-entry.ts';
import { virtualTree } from '../../src/backend/virtual-tree.ts';
import type { Clock } from '../../src/base/clock.ts';
import {
  bytesOf,
  contentOf,
  failsWith,
  listedNames,
  withHandle,
} from '../../src/testing/backend-contract/case.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';

async function* chunks() {
  yield 'a';
  yield Buffer.from('bc');
}

const sample = {
  'text.txt': 'Grüße',
  'bytes.bin': Buffer.from([0, 1, 2, 255]),
  'empty.txt': '',
  'made.csv': async () => 'a;b\n1;2\n',
  'stream.txt': () => chunks(),
  'known.txt': file({ read: () => chunks(), size: 3, mtime: new Date('2026-01-02T03:04:05Z') }),
  'writable.txt': file({ read: () => 'before', write: () => {} }),
  dir: { 'below.txt': 'below', deeper: { empty: {} } },
  generated: async function* (): AsyncGenerator<VirtualChild> {
    yield ['one.txt', '1'];
    yield ['two', { 'below.txt': async () => '2' }];
  },
  found: directory({
    list: async function* () {
      yield ['1', 'number 1'];
    },
    find: (name) => (/^\d+$/.test(name) ? `number ${name}` : undefined),
  }),
};

backendContract('a virtual tree', () => virtualTree(sample), { test, isReadOnly: true });
backendContract(
  'memory that cannot be changed',
  () => readOnly(memoryBackend().seed({ a: 'x', empty: '', d: { b: 'y', e: {} } })),
  { test, isReadOnly: true },
);

test('text, bytes, functions, streams and directories are files and folders', async () => {
  const backend = virtualTree(sample);
  assert.deepEqual(await listedNames(backend, ''), Object.keys(sample).sort());
  assert.equal(await contentOf(backend, 'text.txt'), 'Grüße');
  assert.equal(await contentOf(backend, 'made.csv'), 'a;b\n1;2\n');
  assert.equal(await contentOf(backend, 'stream.txt'), 'abc');
  assert.equal(await contentOf(backend, 'known.txt'), 'abc');
  assert.equal(await contentOf(backend, 'dir/below.txt'), 'below');
  assert.deepEqual(await listedNames(backend, 'dir/deeper/empty'), []);
  assert.equal(await contentOf(backend, 'generated/two/below.txt'), '2');
  assert.equal(await contentOf(backend, 'found/42'), 'number 42');
  assert.equal((await backend.stat('bytes.bin')).sizeBytes, 4);
  assert.equal((await backend.stat('known.txt')).lastWriteTime, 134_117_966_450_000_000n);
});

test('names from JavaScript itself are not there', async () => {
  const backend = virtualTree({ a: '' });
  for (const name of ['__proto__', 'constructor', 'toString'])
    await failsWith('ENOENT', () => backend.stat(name));
});

test('a listing shows the size that is known, then the one that was found', async () => {
  const backend = virtualTree({ made: () => 'four', told: file({ read: () => 'four', size: 9 }) });
  assert.equal((await backend.stat('made')).sizeBytes, 0);
  assert.equal((await backend.stat('told')).sizeBytes, 9);
  assert.equal(await contentOf(backend, 'made'), 'four');
  assert.equal((await backend.stat('made')).sizeBytes, 4);
});

test('a function is called once for each open, however often it is read', async () => {
  let calls = 0;
  const backend = virtualTree({ a: () => `call ${++calls}` });
  await backend.stat('a');
  await withHandle(backend, 'a', {}, async (handle) => {
    assert.equal((await bytesOf(handle, 0, 20)).toString(), 'call 1');
    assert.equal((await bytesOf(handle, 0, 20)).toString(), 'call 1');
  });
  assert.equal(await contentOf(backend, 'a'), 'call 2');
});

test('what a function throws is the error of the open', async () => {
  const backend = virtualTree({
    coded: () => {
      throw Object.assign(new Error('away'), { code: 'ETIMEDOUT' });
    },
    wrong: Object.assign(() => 'x', {}),
    rejected: async () => Promise.reject(new Error('plain')),
  });
  await failsWith('ETIMEDOUT', () => backend.open('coded', {}));
  await assert.rejects(async () => backend.open('rejected', {}), /plain/);
  assert.equal(await contentOf(backend, 'wrong'), 'x');
});

test('a stream of known size is read as far as it is needed, and ended when the file is closed', async () => {
  const log: string[] = [];
  async function* counted() {
    try {
      for (let count = 0; count < 100; count++) {
        log.push(`chunk ${count}`);
        yield Buffer.alloc(1000, count);
      }
    } finally {
      log.push('ended');
    }
  }
  const backend = virtualTree({ a: file({ read: () => counted(), size: 100_000 }) });
  await withHandle(backend, 'a', {}, async (handle) => {
    assert.deepEqual(log, []);
    assert.equal((await handle.stat()).sizeBytes, 100_000);
    assert.equal((await bytesOf(handle, 500, 1000)).length, 1000);
    assert.deepEqual(log, ['chunk 0', 'chunk 1']);
    assert.equal((await bytesOf(handle, 0, 100))[0], 0);
  });
  assert.deepEqual(log, ['chunk 0', 'chunk 1', 'ended']);
});

test('open files take a bounded amount of memory, and give it back', async () => {
  const backend = virtualTree(
    { a: () => chunkOf(600_000), b: () => chunkOf(600_000) },
    { openBytesMax: 1_000_000 },
  );
  const handle = await backend.open('a', {});
  await failsWith('ENOMEM', () => backend.open('b', {}));
  await handle.close();
  assert.equal((await contentOf(backend, 'b')).length, 600_000);
});

async function* chunkOf(length: number) {
  yield Buffer.alloc(length, 'x');
}

/** A file with a setter that fails as often as it is told to. */
function writable(failures = 0) {
  const taken: string[] = [];
  let left = failures;
  const entry = file({
    read: () => taken.at(-1) ?? 'before',
    write: async (content) => {
      left -= 1;
      if (left >= 0) throw new Error('database away');
      taken.push(content.toString());
    },
  });
  return { backend: virtualTree({ entry }), taken };
}

test('a setter gets the whole content at a flush, and no later than at the close', async () => {
  const { backend, taken } = writable();
  await withHandle(backend, 'entry', { write: true }, async (handle) => {
    await handle.write(Buffer.from('AFTER'), 6);
    assert.deepEqual(taken, []);
    await handle.sync();
    assert.deepEqual(taken, ['beforeAFTER']);
    await handle.sync();
    await handle.truncate(3);
  });
  assert.deepEqual(taken, ['beforeAFTER', 'bef']);
  await withHandle(backend, 'entry', { write: true }, () => {});
  await contentOf(backend, 'entry');
  assert.equal(taken.length, 2);
  assert.equal((await backend.stat('entry')).sizeBytes, 3);
});

test('what a setter throws is the error of the flush, and of the close while it lasts', async () => {
  const { backend, taken } = writable(2);
  const handle = await backend.open('entry', { write: true });
  await handle.truncate(0);
  await failsWith('EIO', () => handle.sync());
  await failsWith('EIO', () => handle.sync());
  await handle.sync();
  assert.deepEqual(taken, ['']);
  await handle.close();
  const failing = writable(1).backend;
  const other = await failing.open('entry', { write: true });
  await other.write(Buffer.from('x'), 0);
  await failsWith('EIO', () => other.close());
  await failsWith('EBADF', () => other.write(Buffer.from('x'), 0));
});

test('those who have a writable file open at the same time see the same bytes', async () => {
  const { backend, taken } = writable();
  const handles: BackendHandle[] = [];
  for (const write of [true, false, true]) handles.push(await backend.open('entry', { write }));
  const [first, second, third] = handles;
  await first?.write(Buffer.from('ONE'), 0);
  assert.equal((await bytesOf(second ?? assert.fail(), 0, 20)).toString(), 'ONEore');
  await third?.write(Buffer.from('TWO'), 3);
  await first?.close();
  assert.deepEqual(taken, ['ONETWO']);
  await second?.close();
  await third?.close();
  assert.deepEqual(taken, ['ONETWO']);
  assert.equal(await contentOf(backend, 'entry'), 'ONETWO');
});

test('only files with a setter are opened for writing, and no names are made', async () => {
  const backend = virtualTree(sample);
  await failsWith('EACCES', () => backend.open('text.txt', { write: true }));
  await failsWith('EROFS', () => backend.open('new', { write: true, create: true }));
  await failsWith('EEXIST', () => backend.open('text.txt', { write: true, create: true }));
  await failsWith('EEXIST', async () => backend.makeDirectory('dir'));
  await failsWith('ENOENT', () => backend.open('absent/new', { create: true }));
  await failsWith('ENOTDIR', async () => backend.makeDirectory('text.txt/new'));
  await failsWith('EBADF', () =>
    withHandle(backend, 'writable.txt', {}, (handle) => handle.write(Buffer.from('x'), 0)),
  );
});

test('the names of a generator are asked for anew by a listing, and believed for a moment by look-ups', async () => {
  let turns = 0;
  let nowMs = 0;
  const clock: Clock = { now: () => 1n, monotonicMs: () => nowMs, setTimer: () => ({ cancel() {} }) };
  const entries = {
    d: async function* (): AsyncGenerator<VirtualChild> {
      turns += 1;
      yield [`turn ${turns}`, ''];
    },
  };
  const backend = virtualTree(entries, { clock, cacheMs: 100 });
  assert.deepEqual(await listedNames(backend, 'd'), ['turn 1']);
  await backend.stat('d/turn 1');
  await failsWith('ENOENT', () => backend.stat('d/turn 2'));
  assert.equal(turns, 1);
  nowMs = 100;
  await backend.stat('d/turn 2');
  assert.deepEqual(await listedNames(backend, 'd'), ['turn 3']);
});

test('a name that is none, or an entry that is none, is told to its author', async () => {
  for (const name of ['a/b', '', '.', '..', 'x\0'])
    await failsWith('EINVAL', () => listedNames(virtualTree({ [name]: 'x' }), ''));
  const wrong: unknown[] = [1, null, undefined, Symbol('x'), new Map(), [1]];
  for (const value of wrong) {
    const entries: Record<string, VirtualEntry> = {};
    Reflect.set(entries, 'a', value);
    await assert.rejects(() => listedNames(virtualTree(entries), ''), /virtualTree: "a" is neither text/);
  }
  const backend = virtualTree({ number: () => JSON.parse('7') });
  await assert.rejects(async () => backend.open('number', {}), /number is neither text nor bytes/);
});
