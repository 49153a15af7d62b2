/**
 * How often the local store asks the kernel: what was seen or written at one moment is not asked for again.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { tellsEveryChange } from '../../src/backend/change-times.ts';
import type { Backend } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Libc, loadLibc } from '../../src/native/libc.ts';
import { makeFolder, withFolder } from './folder.ts';

/** `part`, whose calls are told by their names. */
function told<T extends object>(part: T, name: string, calls: string[]): T {
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      const isPart = typeof value === 'function' || (typeof value === 'object' && value !== null);
      const own = key === 'attempt' ? name : [name, String(key)].filter(Boolean).join('.');
      return isPart ? told(value, own, calls) : value;
    },
    apply(target, self, words) {
      calls.push(name);
      return typeof target === 'function' ? Reflect.apply(target, self, words) : undefined;
    },
  });
}

interface Asked {
  readonly store: Backend;
  readonly root: string;
  /** The calls that `work` makes. */
  callsOf(work: () => unknown): Promise<readonly string[]>;
}

/** Where the kernel tells less, more has to be asked. */
function tellsAll(libc: Libc | undefined): libc is Libc {
  const { base, root } = makeFolder();
  const folder = fs.openSync(root, fs.constants.O_DIRECTORY);
  const isExact = tellsEveryChange(folder);
  fs.closeSync(folder);
  fs.rmSync(base, { recursive: true });
  return libc?.xattrAt !== undefined && isExact;
}

const libc = loadLibc();

/** A store with a directory `d` and a file in it, where everything that may be known lastingly is known, in a new turn. */
function testWithCalls(name: string, body: (asked: Asked) => Promise<void>): void {
  if (!tellsAll(libc)) return;
  test(name, () =>
    withFolder(async ({ root }) => {
      const calls: string[] = [];
      // No time passes: however slow the machine is, nothing goes to the thread pool.
      const clock = { ...systemClock, monotonicMs: () => 0 };
      const store = localBackend(root, { libc: told(libc, '', calls), clock });
      fs.mkdirSync(path.join(root, 'd'));
      fs.writeFileSync(path.join(root, 'd', 'file'), '');
      for (const known of ['', 'd', 'd/file']) await store.stat(known);
      await nextTurn();
      await body({
        store,
        root,
        async callsOf(work) {
          calls.length = 0;
          await work();
          return [...calls];
        },
      });
      await store.close();
    }),
  );
}

testWithCalls('making a file and setting its attributes: two looks, nothing read', async (asked) => {
  const { store, callsOf } = asked;
  await store.stat('d');
  const handle = await store.open('d/first', { create: true, write: true });
  await handle.close();
  const made = await callsOf(async () => {
    const file = await store.open('d/new', { create: true, write: true });
    await file.setStat({ attributes: 2 });
    assert.equal((await file.stat()).attributes, 2);
    await file.close();
  });
  assert.deepEqual(made, ['openAt', 'statx', 'xattr.write', 'statx']);
});

testWithCalls(
  'opening a file that is known: one look for its name, one for what was opened',
  async (asked) => {
    const { store, callsOf } = asked;
    const opened = await callsOf(async () => {
      await store.stat('d');
      await store.stat('d/file');
      const file = await store.open('d/file', {});
      await file.stat();
      await file.close();
    });
    assert.deepEqual(opened, ['statx', 'statx', 'openAt', 'statx']);
  },
);

testWithCalls('reading what was looked at: no second look, also after the name of a file', async (asked) => {
  const { store, callsOf } = asked;
  await store.stat('d');
  await store.stat('d/file');
  for (const seen of ['d', 'd/file']) {
    const calls = await callsOf(() => store.security?.read(seen));
    assert.deepEqual(new Set(calls), new Set(['xattrAt.read']));
  }
  await nextTurn();
  const later = await callsOf(() => store.security?.read('d/file'));
  assert.equal(later[0], 'statx');
});

testWithCalls('removing a file: one look', async ({ store, callsOf }) => {
  await store.stat('d');
  assert.deepEqual(await callsOf(() => store.removeFile('d/file')), ['statx', 'unlinkAt']);
});

testWithCalls('hearing what has happened: one read', async ({ store, root, callsOf }) => {
  const stop = new AbortController();
  const reported: string[] = [];
  await store.watch?.watch('d', (change) => reported.push(change.path), stop.signal);
  fs.writeFileSync(path.join(root, 'd', 'other'), '');
  assert.deepEqual(await callsOf(() => store.watch?.settled?.()), ['inotify.read']);
  assert.deepEqual(new Set(reported), new Set(['d/other']));
  stop.abort();
});
