import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localBackend } from '../../src/backend/local.ts';
import type { CacheRequest } from '../../src/fs/types.ts';
import { writeFrom } from '../../src/vfs/read-write.ts';
import { renameFile } from '../../src/vfs/rename.ts';
import {
  AccessMask,
  CreateDisposition,
  CreateOption,
  LeaseState,
  OplockLevel,
} from '../../src/wire/flags.ts';
import { World } from './world.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;
const key = '11111111-2222-3333-4444-555555555555';

function lease(state: number, leaseKey = key): CacheRequest {
  return { kind: 'lease', version: 2, key: leaseKey, state, epoch: 0 };
}

function breaksOf(world: World): [from: number, to: number][] {
  return world.leaseBreaks.splice(0).map(({ from, to }) => [from, to]);
}

test('a lease ends when somebody else writes to the file, of whatever rights', async () => {
  for (const state of [R, R | H, R | W, R | W | H]) {
    const world = new World();
    world.backend.seed({ f: 'old' });
    const file = await world.open('f', { cache: lease(state) });
    world.backend.another().seed({ f: 'new' });
    assert.deepEqual(breaksOf(world)[0], [state, 0]);
    await file.close('close');
    assert.equal(world.volume.caches.size, 0);
  }
});

test('so does an oplock', async () => {
  const world = new World();
  world.backend.seed({ f: 'old' });
  await world.open('f', { cache: { kind: 'oplock', level: OplockLevel.BATCH } });
  world.backend.another().seed({ f: 'new' });
  assert.deepEqual(
    world.oplockBreaks.map(({ toLevel }) => toLevel),
    [OplockLevel.NONE],
  );
});

test('removing and replacing the file count as well', async () => {
  const world = new World();
  world.backend.seed({ f: 'old', g: 'other', h: '' });
  const outsider = world.backend.another();
  await world.open('f', { cache: lease(R) });
  outsider.removeFile('f');
  assert.deepEqual(breaksOf(world), [[R, 0]]);
  await world.open('g', { cache: lease(R, '22222222-2222-3333-4444-555555555555') });
  outsider.rename('h', 'g', true);
  assert.deepEqual(breaksOf(world), [[R, 0]]);
});

test('what is done through this server breaks nothing beyond what it breaks anyway', async () => {
  const world = new World();
  world.backend.seed({ f: 'old' });
  const file = await world.open('f', { cache: lease(R | W | H) });
  await writeFrom(file, Buffer.from('own'), 0n);
  await file.handle.setStat({ lastWriteTime: 1n });
  assert.deepEqual(breaksOf(world), []);
});

test('other files, and files that nobody caches, are not watched', async () => {
  const world = new World();
  world.backend.seed({ f: 'old', g: 'old' });
  await world.open('f', { cache: lease(R) });
  await world.open('g');
  assert.equal(world.volume.caches.size, 1);
  world.backend.another().seed({ g: 'new' });
  assert.deepEqual(breaksOf(world), []);
});

test('a renamed file is watched under its new name', async () => {
  const world = new World();
  world.backend.seed({ d: {}, f: 'old' });
  const file = await world.open('f', { cache: lease(R) });
  await renameFile(file, { newName: 'd\\g', replaceIfExists: false });
  world.backend.another().seed({ f: 'another' });
  assert.deepEqual(breaksOf(world), []);
  world.backend.another().seed({ d: { g: 'new' } });
  assert.deepEqual(breaksOf(world), [[R, 0]]);
});

test('what lies below a renamed directory is watched there, and what lies beside it where it was', async () => {
  const world = new World();
  world.backend.seed({ d: { e: { f: 'old' } }, de: { f: 'old' } });
  const other = '22222222-2222-3333-4444-555555555555';
  const below = await world.open('d\\e\\f', { cache: lease(R) });
  const beside = await world.open('de\\f', { cache: lease(R, other) });
  world.volume.caches.moved('d', 'g/h');
  world.backend.another().seed({ d: { e: { f: 'not watched' } } });
  assert.deepEqual(breaksOf(world), []);
  world.backend.another().seed({ de: { f: 'new' } });
  assert.deepEqual(breaksOf(world), [[R, 0]]);
  world.backend.another().seed({ g: { h: { e: { f: 'new' } } } });
  assert.deepEqual(breaksOf(world), [[R, 0]]);
  await below.close('close');
  await beside.close('close');
  assert.equal(world.volume.caches.size, 0);
});

test('a directory lease ends when somebody else changes what is in the directory', async () => {
  const world = new World();
  world.backend.seed({ d: { e: {}, f: 'old' } });
  const directory = await world.open('d', {
    cache: lease(R | H),
    createOptions: CreateOption.DIRECTORY_FILE,
    desiredAccess: AccessMask.FILE_LIST_DIRECTORY,
  });
  world.backend.another().seed({ d: { e: { deep: '' } } });
  await world.volume.outside.settled();
  const afterDeep = breaksOf(world);
  world.backend.another().seed({ d: { g: 'new' } });
  await world.volume.outside.settled();
  assert.deepEqual(afterDeep.concat(breaksOf(world)), [[R | H, 0]]);
  await directory.close('close');
  assert.equal(world.volume.outside.size, 0);
});

test('writers to a local folder are noticed too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-cache-'));
  const backend = localBackend(folder);
  try {
    writeFileSync(join(folder, 'f'), 'old');
    const world = new World({ backend });
    const file = await world.open('f', {
      cache: lease(R | W | H),
      createDisposition: CreateDisposition.OPEN,
    });
    await writeFrom(file, Buffer.from('own'), 0n);
    await backend.watch?.settled?.();
    assert.deepEqual(breaksOf(world), []);
    writeFileSync(join(folder, 'f'), 'from outside');
    await backend.watch?.settled?.();
    assert.deepEqual(breaksOf(world), backend.watch === undefined ? [] : [[R | W | H, 0]]);
    await file.close('close');
    const again = await world.open('f', { cache: lease(R), createDisposition: CreateDisposition.OPEN });
    await backend.watch?.settled?.();
    writeFileSync(join(folder, 'new'), 'replacement');
    renameSync(join(folder, 'new'), join(folder, 'f'));
    await backend.watch?.settled?.();
    assert.deepEqual(breaksOf(world), backend.watch === undefined ? [] : [[R, 0]]);
    await again.close('close');
  } finally {
    await backend.close();
    rmSync(folder, { recursive: true });
  }
});
