import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { NtStatus } from '../../src/base/status.ts';
import { readEas } from '../../src/vfs/extended-attributes.ts';
import {
  createObjectId,
  deleteObjectId,
  queryObjectId,
  setObjectId,
  setObjectIdExtended,
} from '../../src/vfs/object-id.ts';
import type { Requester } from '../../src/vfs/security.ts';
import { AccessMask, CreateDisposition, CreateOption } from '../../src/wire/flags.ts';
import { type Folder, withFolder } from '../backend/folder.ts';
import { rejects, World } from './world.ts';

/** A FILE_OBJECTID_BUFFER. */
const idOf = (number: number) => Buffer.alloc(64, number);

/** Somebody who may restore files. */
function restorer(world: World): Requester {
  const requester = world.requester();
  return { ...requester, token: { ...requester.token, privileges: new Set(['restore']) } };
}

async function worldOn(backend: Backend) {
  const world = new World({ backend });
  const requester = restorer(world);
  return {
    world,
    open: (name: string, more = {}) => world.open(name, { requester, ...more }),
    remove: async (name: string) => {
      const createOptions = CreateOption.DELETE_ON_CLOSE;
      await world.touch(name, { requester, createOptions });
    },
  };
}

const stores: readonly [name: string, open: (folder: Folder) => Backend, isLasting: boolean][] = [
  ['memory', () => memoryBackend(), false],
  ['a folder', ({ root, state }) => localBackend(root, { stateDirectory: state }), true],
  [
    'a folder with the side store',
    ({ root, state }) => localBackend(root, { stateDirectory: state, metadata: 'side-store' }),
    true,
  ],
];

for (const [name, opened, isLasting] of stores) {
  const withStore = (use: (backend: Backend, folder: Folder) => Promise<void>) => () =>
    withFolder(async (folder) => {
      const backend = opened(folder);
      try {
        await use(backend, folder);
      } finally {
        await backend.close();
      }
    });

  describe(`object ids in ${name}`, () => {
    test(
      'a file has none until somebody asks for one, which it keeps through renames and overwriting',
      withStore(async (backend) => {
        const { open } = await worldOn(backend);
        const file = await open('a');
        await rejects(queryObjectId(file), NtStatus.OBJECTID_NOT_FOUND);
        const made = await createObjectId(file);
        assert.equal(made.length, 64);
        assert.deepEqual(made.subarray(32, 48), made.subarray(0, 16));
        assert.deepEqual(made.subarray(48), Buffer.alloc(16));
        assert.deepEqual([await queryObjectId(file), await createObjectId(file)], [made, made]);
        await file.close('close');
        await backend.rename('a', 'b', false);
        const again = await open('b', { createDisposition: CreateDisposition.OVERWRITE });
        assert.deepEqual(await queryObjectId(again), made);
        assert.deepEqual([...(await readEas(again.volume, { path: 'b', stat: await again.stat() }))], []);
        const other = await createObjectId(await open('a'));
        assert.notDeepEqual(other.subarray(0, 16), made.subarray(0, 16));
      }),
    );

    test(
      'an id that is set is told, and nobody else can have it before it is free again',
      withStore(async (backend) => {
        const { open, remove } = await worldOn(backend);
        const [a, b] = [await open('a'), await open('b')];
        await setObjectId(a, idOf(1));
        assert.deepEqual([await queryObjectId(a), await createObjectId(a)], [idOf(1), idOf(1)]);
        await rejects(setObjectId(a, idOf(2)), NtStatus.OBJECT_NAME_COLLISION);
        await rejects(setObjectId(b, idOf(1)), NtStatus.DUPLICATE_NAME);
        await setObjectId(b, idOf(2));
        await deleteObjectId(b);
        await deleteObjectId(b);
        await rejects(queryObjectId(b), NtStatus.OBJECTID_NOT_FOUND);
        await a.close('close');
        await backend.rename('a', 'moved', false);
        await rejects(setObjectId(b, idOf(1)), NtStatus.DUPLICATE_NAME);
        await remove('moved');
        await setObjectId(b, idOf(1));
        const made = await createObjectId(await open('c'));
        await rejects(setObjectId(await open('d'), made), NtStatus.DUPLICATE_NAME);
        await setObjectId(await open('d'), idOf(2));
      }),
    );

    test(
      'one of those who want an id at the same time gets it',
      withStore(async (backend) => {
        const { open } = await worldOn(backend);
        const files = await Promise.all(['a', 'b', 'c', 'd'].map((each) => open(each)));
        const outcomes = await Promise.allSettled(files.map((file) => setObjectId(file, idOf(3))));
        const won = outcomes.filter(({ status }) => status === 'fulfilled');
        assert.equal(won.length, 1);
      }),
    );

    test(
      'the extended information changes where there is an id; without birth it is told anew',
      withStore(async (backend) => {
        const { open } = await worldOn(backend);
        const file = await open('a');
        await rejects(setObjectIdExtended(file, Buffer.alloc(48, 7)), NtStatus.OBJECTID_NOT_FOUND);
        await setObjectId(file, idOf(1));
        await setObjectIdExtended(file, Buffer.alloc(48, 7));
        const told = Buffer.concat([Buffer.alloc(16, 1), Buffer.alloc(48, 7)]);
        assert.deepEqual(await queryObjectId(file), told);
        await setObjectIdExtended(file, Buffer.alloc(48));
        const completed = await createObjectId(file);
        assert.deepEqual(completed.subarray(0, 16), Buffer.alloc(16, 1));
        assert.deepEqual(completed.subarray(32, 48), Buffer.alloc(16, 1));
        assert.notDeepEqual(completed.subarray(16, 32), Buffer.alloc(16));
        assert.deepEqual(await queryObjectId(file), completed);
      }),
    );

    test(
      'directories have ids, the root too',
      withStore(async (backend) => {
        const { open } = await worldOn(backend);
        const createOptions = CreateOption.DIRECTORY_FILE;
        await setObjectId(await open('', { createOptions }), idOf(1));
        await rejects(setObjectId(await open('d', { createOptions }), idOf(1)), NtStatus.DUPLICATE_NAME);
        await setObjectId(await open('d', { createOptions }), idOf(2));
        await rejects(setObjectId(await open('d/a'), idOf(2)), NtStatus.DUPLICATE_NAME);
      }),
    );

    if (isLasting) {
      test('ids outlive the store and are still unique then', () =>
        withFolder(async (folder) => {
          const first = opened(folder);
          const file = await (await worldOn(first)).open('a');
          await setObjectId(file, idOf(1));
          await file.close('close');
          await first.close();
          const second = opened(folder);
          const { open } = await worldOn(second);
          await rejects(setObjectId(await open('b'), idOf(1)), NtStatus.DUPLICATE_NAME);
          assert.deepEqual(await queryObjectId(await open('a')), idOf(1));
          await second.close();
        }));
    }
  });
}

test('only those who may restore files set ids, only those who may write change and delete them', async () => {
  const { world, open } = await worldOn(memoryBackend());
  const mine = await world.open('a');
  await rejects(setObjectId(mine, idOf(1)), NtStatus.ACCESS_DENIED);
  await setObjectId(await open('a'), idOf(1));
  const reading = await world.open('a', { desiredAccess: AccessMask.FILE_READ_DATA });
  assert.deepEqual(await queryObjectId(reading), idOf(1));
  await rejects(setObjectIdExtended(reading, Buffer.alloc(48)), NtStatus.ACCESS_DENIED);
  await rejects(deleteObjectId(reading), NtStatus.ACCESS_DENIED);
  const writing = await world.open('a', { desiredAccess: AccessMask.FILE_WRITE_ATTRIBUTES });
  await setObjectIdExtended(writing, Buffer.alloc(48, 9));
  await deleteObjectId(writing);
  const guest = world.requester('anna', AccessMask.FILE_READ_DATA);
  const looking = await world.open('a', { requester: guest, desiredAccess: AccessMask.FILE_READ_DATA });
  await rejects(createObjectId(looking), NtStatus.MEDIA_WRITE_PROTECTED);
});

test('what is no id is refused', async () => {
  const { open } = await worldOn(memoryBackend());
  const file = await open('a');
  for (const bytes of [0, 16, 63, 65]) {
    await rejects(setObjectId(file, Buffer.alloc(bytes, 1)), NtStatus.INVALID_PARAMETER);
  }
  await rejects(setObjectId(file, Buffer.alloc(64)), NtStatus.INVALID_PARAMETER);
  for (const bytes of [0, 47, 64]) {
    await rejects(setObjectIdExtended(file, Buffer.alloc(bytes)), NtStatus.INVALID_PARAMETER);
  }
});

test('a stream has the id of its file', async () => {
  const { open } = await worldOn(memoryBackend());
  const made = await createObjectId(await open('a:s'));
  assert.deepEqual(await queryObjectId(await open('a')), made);
});

test('a file that is deleted while it is open has no ids any more', async () => {
  const { open } = await worldOn(memoryBackend());
  const file = await open('a');
  await setObjectId(file, idOf(1));
  await file.volume.backend.removeFile('a');
  file.link.isRemoved = true;
  await rejects(queryObjectId(file), NtStatus.FILE_DELETED);
  await setObjectId(await open('b'), idOf(1));
});

test('in a store that keeps none, ids are derived and nobody sets them', async () => {
  const memory = memoryBackend();
  Object.defineProperty(memory, 'extendedAttributes', { value: undefined });
  const { open } = await worldOn(memory);
  const [a, b] = [await open('a'), await open('b')];
  const derived = await queryObjectId(a);
  assert.deepEqual([derived.length, await createObjectId(a)], [64, derived]);
  assert.notDeepEqual(await queryObjectId(b), derived);
  await rejects(setObjectId(a, idOf(1)), NtStatus.VOLUME_NOT_UPGRADED);
  await rejects(deleteObjectId(a), NtStatus.VOLUME_NOT_UPGRADED);
});

test('a snapshot tells ids and takes none', async () => {
  const memory = memoryBackend();
  const { open } = await worldOn(memory);
  await setObjectId(await open('a'), idOf(1));
  await open('b');
  const view = await memory.snapshots.at(memory.takeSnapshot());
  const world = new World({ backend: view, isReadOnly: true });
  const reading = { desiredAccess: AccessMask.FILE_READ_DATA, createDisposition: CreateDisposition.OPEN };
  assert.deepEqual(await queryObjectId(await world.open('a', reading)), idOf(1));
  const other = await world.open('b', reading);
  await rejects(createObjectId(other), NtStatus.MEDIA_WRITE_PROTECTED);
  await rejects(setObjectId(other, idOf(2)), NtStatus.MEDIA_WRITE_PROTECTED);
});

test('a copy that another program made has the same id, and it is free when both are gone', () =>
  withFolder(async ({ root, state }) => {
    const backend = localBackend(root, { stateDirectory: state });
    const { open, remove } = await worldOn(backend);
    const file = await open('a');
    await setObjectId(file, idOf(1));
    await file.close('close');
    execFileSync('cp', ['-a', path.join(root, 'a'), path.join(root, 'copy')]);
    await remove('a');
    const other = await open('b');
    await rejects(setObjectId(other, idOf(1)), NtStatus.DUPLICATE_NAME);
    await deleteObjectId(await open('copy'));
    await setObjectId(other, idOf(1));
    await backend.close();
  }));

test('an id that is made while the first one is being set counts as taken', async () => {
  const names = Array.from({ length: 300 }, (_, number) => String(number).padStart(3, '0'));
  const memory = memoryBackend().seed(Object.fromEntries(names.map((name) => [name, ''])));
  const { open } = await worldOn(memory);
  const [first, ...others] = await Promise.all(['000', '150', '299', 'other'].map((name) => open(name)));
  assert.ok(first);
  const [, ...made] = await Promise.all([
    setObjectId(first, idOf(1)),
    ...others.map((file) => createObjectId(file)),
  ]);
  const another = await open('another');
  for (const id of made) await rejects(setObjectId(another, id), NtStatus.DUPLICATE_NAME);
});
