import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendError } from '../../src/backend/error.ts';
import { NtStatus } from '../../src/base/status.ts';
import type { OpenRecord, RecordChange } from '../../src/fs/snapshot.ts';
import type { OpenFile } from '../../src/vfs/open-file.ts';
import type { OpenStore } from '../../src/vfs/open-store.ts';
import { reclaimFile } from '../../src/vfs/reclaim.ts';
import { renameFile } from '../../src/vfs/rename.ts';
import { restoreOpens } from '../../src/vfs/restore-opens.ts';
import { fileSettings } from '../../src/vfs/set-file-table.ts';
import { CreateOption, LeaseState, ShareAccess } from '../../src/wire/flags.ts';
import { FileBasicInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass } from '../../src/wire/fscc/information-class-table.ts';
import { rejects, World } from './world.ts';

const createGuid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const lease = { kind: 'lease', version: 2, key: '1'.repeat(32), epoch: 0 } as const;
const caching = { ...lease, state: LeaseState.READ_CACHING | LeaseState.HANDLE_CACHING };
const persistent = { durable: { version: 2, createGuid, isPersistent: true, timeoutMs: 1000 } } as const;
const available = { isContinuouslyAvailable: true };

/** A store in memory that can be full. */
class Kept implements OpenStore {
  readonly kept = new Map<number, OpenRecord>();
  isFull = false;
  syncs = 0;

  get records(): readonly OpenRecord[] {
    return [...this.kept.values()];
  }

  write({ persistentId, record }: RecordChange): void {
    if (this.isFull) throw new BackendError('ENOSPC', 'write');
    if (record === undefined) this.kept.delete(persistentId);
    else this.kept.set(persistentId, record);
  }

  sync(): Promise<void> {
    this.syncs++;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What comes after `world` on the same store of files. */
function successor(world: World, store: OpenStore, options = {}): World {
  return new World({ backend: world.backend, ...available, ...options }, store);
}

async function back(world: World, store: OpenStore): Promise<readonly OpenFile[]> {
  await restoreOpens(world.driver, store, [world.volume]);
  return [...world.driver.openFiles];
}

test('an open is kept until it is closed, and what happens to it with it', async () => {
  const store = new Kept();
  const world = new World(available, store);
  world.backend.seed({ d: {} });
  const file = await world.open('f', { ...persistent, cache: caching });
  assert.equal(store.records[0]?.place.name, 'f');
  await renameFile(file, { newName: 'd\\g', replaceIfExists: false });
  assert.equal(store.records[0]?.place.name, 'g');
  await file.close('close');
  assert.deepEqual(store.records, []);
});

test('after a restart it is there again, under its new name, for its client alone', async () => {
  const store = new Kept();
  const world = new World(available, store);
  world.backend.seed({ d: {} });
  const file = await world.open('f', { ...persistent, cache: caching, shareAccess: ShareAccess.READ });
  await renameFile(file, { newName: 'd\\g', replaceIfExists: false });
  const { persistentId } = file;
  const later = successor(world, store);
  const [restored] = await back(later, store);
  assert.equal(restored?.shownPath, 'd\\g');
  assert.equal(restored.persistentId, persistentId);
  const request = { version: 2, persistentId, createGuid, isPersistent: true, lease: caching } as const;
  const reclaim = (name: string) =>
    reclaimFile(later.volume, { ...request, requester: later.requester(name), path: 'd\\g' });
  await rejects(reclaim('berta'), NtStatus.OBJECT_NAME_NOT_FOUND);
  assert.equal((await reclaim('anna')).file, restored);
});

test('named streams and directories on the way come back as well, whatever their case', async () => {
  const store = new Kept();
  const world = new World(available, store);
  world.backend.seed({ Dir: { File: 'x' } });
  await world.open('DIR\\FILE:Stream', { ...persistent, cache: caching });
  const [restored] = await back(successor(world, store), store);
  assert.equal(restored?.shownPath, 'Dir\\File:Stream');
});

test('deletion on close still happens when the client does not come back in time', async () => {
  const store = new Kept();
  const world = new World(available, store);
  await world.open('f', { ...persistent, cache: caching, createOptions: CreateOption.DELETE_ON_CLOSE });
  const later = successor(world, store);
  await back(later, store);
  await later.clock.advance(2000);
  await later.driver.removed();
  assert.throws(() => world.backend.stat('f'));
  assert.deepEqual(store.records, []);
});

test('what cannot be had any more is forgotten', async () => {
  for (const change of ['removed', 'replaced', 'made anew', 'not served'] as const) {
    const store = new Kept();
    const world = new World(available, store);
    world.backend.seed({ other: '' });
    await world.open('f', { ...persistent, cache: caching });
    if (change === 'removed') world.backend.removeFile('f');
    // As when the store gives a freed identity to the next file.
    if (change === 'made anew') world.backend.open('f', {}).setStat({ creationTime: 1n });
    if (change === 'replaced') world.backend.rename('other', 'f', true);
    const options = change === 'not served' ? { isContinuouslyAvailable: false } : {};
    assert.deepEqual(await back(successor(world, store, options), store), [], change);
    assert.deepEqual(store.records, [], change);
  }
});

test('a file whose time of creation its client set is still the same', async () => {
  const store = new Kept();
  const world = new World(available, store);
  const file = await world.open('f', { ...persistent, cache: caching });
  const times = { creationTime: 1_000_000_000n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n };
  const input = FileBasicInformation.encode({ ...times, fileAttributes: 0 });
  await fileSettings.get(FileInformationClass.FileBasicInformation)?.set(file, input);
  assert.equal((await back(successor(world, store), store)).length, 1);
});

test('an orderly end leaves the open in the store', async () => {
  const store = new Kept();
  const world = new World(available, store);
  await world.open('f', { ...persistent, cache: caching });
  await world.open('g');
  await world.volume.leave();
  assert.equal(store.records.length, 1);
  assert.equal([...world.driver.openFiles].length, 0);
});

test('an open that the store does not take is told of, and tried again', async () => {
  const store = new Kept();
  const world = new World(available, store);
  store.isFull = true;
  const file = await world.open('f', { ...persistent, cache: caching });
  await assert.rejects(async () => world.driver.stored(file.core), { code: 'ENOSPC' });
  store.isFull = false;
  world.driver.settle();
  await world.driver.stored(file.core);
  assert.equal(store.records.length, 1);
  assert.equal(store.syncs, 1);
});
