import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendChange, WatchOptions } from '../../src/backend/contract.ts';
import { BackendError } from '../../src/backend/error.ts';
import { NtStatus } from '../../src/base/status.ts';
import type { NotifyEntry } from '../../src/fs/types.ts';
import { DirectoryListing } from '../../src/vfs/directory-listing.ts';
import { setDisposition } from '../../src/vfs/disposition.ts';
import type { OpenFile } from '../../src/vfs/open-file.ts';
import { setSize, writeFrom } from '../../src/vfs/read-write.ts';
import { linkFile, renameFile } from '../../src/vfs/rename.ts';
import { fileSettings } from '../../src/vfs/set-file-table.ts';
import { Waiter } from '../../src/vfs/waiter.ts';
import { watchDirectory } from '../../src/vfs/watch.ts';
import {
  AccessMask,
  CompletionFilter,
  CreateOption,
  CreateDisposition as Disposition,
  FileAction,
  FileAttribute,
  LeaseState,
} from '../../src/wire/flags.ts';
import { DispositionFlag, FileBasicInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass } from '../../src/wire/fscc/information-class-table.ts';
import { rejects, World } from './world.ts';

const mustExist = { createDisposition: Disposition.OPEN };
const to = (newName: string, replaceIfExists = false) => ({ newName, replaceIfExists });

async function namesIn(world: World, pattern = '*', path = ''): Promise<string[]> {
  const directory = await world.open(path, { ...mustExist, desiredAccess: AccessMask.FILE_LIST_DIRECTORY });
  const listing = new DirectoryListing(directory, pattern);
  const names: string[] = [];
  for (let entry = await listing.peek(); entry !== undefined; entry = await listing.peek()) {
    names.push(entry.name);
    listing.advance();
  }
  await listing.close();
  await directory.close('close');
  return names;
}

async function setBasic(file: OpenFile, change: Partial<FileBasicInformation>): Promise<void> {
  const times = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n };
  const input = FileBasicInformation.encode({ ...times, fileAttributes: 0, ...change });
  await fileSettings.get(FileInformationClass.FileBasicInformation)?.set(file, input);
}

test('a renamed file keeps its content and its opens follow it', async () => {
  const world = new World();
  world.backend.seed({ d: {} });
  const file = await world.open('a');
  const other = await world.open('a');
  await writeFrom(file, Buffer.from('abc'), 0n);
  assert.equal(await renameFile(file, to('d\\b')), undefined);
  assert.equal(other.shownPath, 'd\\b');
  assert.deepEqual(await namesIn(world, '*', 'd'), ['.', '..', 'b']);
  await rejects(world.open('a', mustExist), NtStatus.OBJECT_NAME_NOT_FOUND);
});

test('a rename can change nothing but the case', async () => {
  const world = new World();
  const file = await world.open('name');
  await renameFile(file, to('NAME'));
  assert.deepEqual(await namesIn(world), ['.', '..', 'NAME']);
  assert.equal((await world.open('name', mustExist)).shownPath, 'NAME');
});

test('what is in the way is replaced only when asked for, also under another case', async () => {
  const world = new World();
  world.backend.seed({ TARGET: 'old' });
  const file = await world.open('source');
  await writeFrom(file, Buffer.from('new!'), 0n);
  await rejects(async () => renameFile(file, to('target')), NtStatus.OBJECT_NAME_COLLISION);
  await renameFile(file, to('target', true));
  assert.deepEqual(await namesIn(world), ['.', '..', 'target']);
  assert.equal(world.backend.stat('target').sizeBytes, 4);
});

test('directories, read-only files and the root are not replaced or moved away', async () => {
  const world = new World();
  world.backend.seed({ d: { e: {} } });
  await world.touch('r', { fileAttributes: FileAttribute.READONLY });
  const file = await world.open('f');
  await rejects(async () => renameFile(file, to('d', true)), NtStatus.ACCESS_DENIED);
  await rejects(async () => renameFile(file, to('r', true)), NtStatus.ACCESS_DENIED);
  await rejects(async () => renameFile(await world.open(''), to('x')), NtStatus.ACCESS_DENIED);
  await rejects(
    async () => renameFile(await world.open('d', mustExist), to('d\\e\\f')),
    NtStatus.ACCESS_DENIED,
  );
  await rejects(async () => renameFile(file, to('missing\\f')), NtStatus.OBJECT_PATH_NOT_FOUND);
  await rejects(async () => renameFile(file, to('..\\..\\out')), NtStatus.OBJECT_PATH_SYNTAX_BAD);
});

test('renaming needs the right to delete', async () => {
  const world = new World();
  world.backend.seed({ f: 'x' });
  const file = await world.open('f', { ...mustExist, desiredAccess: AccessMask.FILE_WRITE_DATA });
  await rejects(async () => renameFile(file, to('g')), NtStatus.ACCESS_DENIED);
});

test('a stream is renamed within its file, and to the data of the file', async () => {
  const world = new World();
  const stream = await world.open('f:one');
  await writeFrom(stream, Buffer.from('abc'), 0n);
  await renameFile(stream, to(':two:$DATA'));
  assert.equal(stream.streamName, 'two');
  await rejects(async () => renameFile(stream, to('f:three')), NtStatus.SHARING_VIOLATION);
  await renameFile(stream, to('::$DATA'));
  assert.equal(world.backend.stat('f').sizeBytes, 3);
  assert.deepEqual(world.backend.streams.list('f'), []);
});

test('a hard link is another name of the same file', async () => {
  const world = new World();
  const file = await world.open('a');
  await linkFile(file, to('b'));
  await rejects(async () => linkFile(file, to('B')), NtStatus.OBJECT_NAME_COLLISION);
  assert.equal((await world.open('b', mustExist)).fileId, file.fileId);
  assert.equal(world.backend.stat('a').linkCount, 2);
});

test('a file is gone with the last close after it was marked', async () => {
  const world = new World();
  const first = await world.open('f');
  const second = await world.open('f');
  await setDisposition(first, DispositionFlag.DELETE);
  await rejects(world.open('f', mustExist), NtStatus.DELETE_PENDING);
  await first.close('close');
  assert.equal(world.backend.stat('f').kind, 'file');
  await second.close('close');
  await rejects(world.open('f', mustExist), NtStatus.OBJECT_NAME_NOT_FOUND);
});

test('read-only files, directories with content and the root are not marked', async () => {
  const world = new World();
  world.backend.seed({ d: { f: 'x' } });
  await world.touch('r', { fileAttributes: FileAttribute.READONLY });
  const desiredAccess = AccessMask.DELETE;
  const readOnly = await world.open('r', { ...mustExist, desiredAccess });
  await rejects(async () => setDisposition(readOnly, DispositionFlag.DELETE), NtStatus.CANNOT_DELETE);
  const directory = await world.open('d', { ...mustExist, desiredAccess });
  await rejects(async () => setDisposition(directory, DispositionFlag.DELETE), NtStatus.DIRECTORY_NOT_EMPTY);
  await rejects(
    async () => setDisposition(await world.open('', mustExist), DispositionFlag.DELETE),
    NtStatus.CANNOT_DELETE,
  );
});

test('with POSIX semantics the name is free while others still read', async () => {
  const world = new World();
  const reader = await world.open('f');
  await writeFrom(reader, Buffer.from('abc'), 0n);
  const remover = await world.open('f');
  await setDisposition(remover, DispositionFlag.DELETE | DispositionFlag.POSIX_SEMANTICS);
  await remover.close('close');
  await world.touch('f', { createDisposition: Disposition.CREATE });
  assert.equal((await reader.stat()).sizeBytes, 3);
  await reader.close('close');
  assert.equal(world.backend.stat('f').kind, 'file');
});

test('listings match wildcards, and dots only where the pattern means them', async () => {
  const world = new World();
  world.backend.seed({ 'a.txt': '', 'B.TXT': '', c: '' });
  assert.deepEqual(await namesIn(world, '*.txt'), ['a.txt', 'B.TXT']);
  assert.deepEqual(await namesIn(world, 'b.txt'), ['B.TXT']);
  assert.deepEqual(await namesIn(world, '??'), ['..']);
  assert.deepEqual(await namesIn(world, 'zzz*'), []);
});

test('a listing of 100,000 names streams and goes on where it was', async () => {
  const world = new World();
  const names = Array.from({ length: 100_000 }, (_, index) => `f${index}`);
  for (const name of names) world.backend.open(name, { create: true, write: true }).close();
  assert.equal((await namesIn(world)).length, 100_002);
});

test('set times are kept against later writes of the same open, until it is told otherwise', async () => {
  const world = new World();
  const file = await world.open('f');
  const past = world.clock.now() - 10_000_000_000n;
  await setBasic(file, { lastWriteTime: past });
  await world.clock.advance(10);
  await writeFrom(file, Buffer.from('x'), 0n);
  assert.equal((await file.stat()).lastWriteTime, past);
  await setBasic(file, { lastWriteTime: -2n });
  await world.clock.advance(3000);
  await writeFrom(file, Buffer.from('y'), 0n);
  await world.clock.advance(3000);
  assert.ok((await file.stat()).lastWriteTime > past);
  await rejects(setBasic(file, { creationTime: -3n }), NtStatus.INVALID_PARAMETER);
});

test('the first write shows after two seconds, at once when flushed, and later ones with the close', async () => {
  const world = new World();
  const file = await world.open('f');
  const created = (await file.stat()).lastWriteTime;
  await world.clock.advance(1000);
  await writeFrom(file, Buffer.from('x'), 0n);
  assert.equal((await file.stat()).lastWriteTime, created);
  await world.clock.advance(2000);
  const shown = (await file.stat()).lastWriteTime;
  assert.ok(shown > created);
  await writeFrom(file, Buffer.from('y'), 0n);
  await world.clock.advance(5000);
  assert.equal((await file.stat()).lastWriteTime, shown);
  await file.close('close');
  assert.equal(world.backend.stat('f').lastWriteTime, world.clock.now());
});

test('sizes beyond the largest file are refused without rounding', async () => {
  const world = new World();
  const file = await world.open('f');
  await rejects(async () => setSize(file, 1n << 62n), NtStatus.DISK_FULL);
  await rejects(async () => setSize(file, -1n), NtStatus.INVALID_PARAMETER);
});

test('a watcher is told of what is made, changed and removed', async () => {
  const world = new World();
  world.backend.seed({ d: {} });
  const directory = await world.open('d', mustExist);
  const filter = CompletionFilter.FILE_NAME | CompletionFilter.SIZE;
  const waiter = watchDirectory(directory, { filter, isRecursive: false, bytesMax: 4096 });
  assert(waiter instanceof Waiter);
  const file = await world.open('d\\f');
  assert.deepEqual(waiter.result, {
    kind: 'notify',
    status: NtStatus.SUCCESS,
    entries: [{ action: FileAction.ADDED, name: 'f' }],
  });
  await writeFrom(file, Buffer.from('x'), 0n);
  await setDisposition(file, DispositionFlag.DELETE);
  await file.close('close');
  const rest = watchDirectory(directory, { filter, isRecursive: false, bytesMax: 4096 });
  assert(!(rest instanceof Waiter));
  assert.deepEqual(
    rest.entries.map(({ action }) => action),
    [FileAction.MODIFIED, FileAction.REMOVED],
  );
});

test('a watcher is told once of what others change in the store, in order and with its place', async () => {
  const world = new World();
  world.backend.seed({ d: { e: { f: '' } } });
  const [outer, inner] = [await world.open('d', mustExist), await world.open('d\\e', mustExist)];
  const filter = CompletionFilter.FILE_NAME | CompletionFilter.DIR_NAME | CompletionFilter.SIZE;
  const watch = (directory: OpenFile) =>
    watchDirectory(directory, { filter, isRecursive: true, bytesMax: 4096 });
  for (const directory of [outer, inner]) watch(directory);
  const others = world.backend.another();
  others.rename('d/e/f', 'd/e/g', false);
  others.makeDirectory('d/e/h');
  others.removeFile('d/e/g');
  await world.volume.outside.settled();
  const told = (directory: OpenFile): readonly NotifyEntry[] => {
    const rest = watch(directory);
    assert(!(rest instanceof Waiter));
    return rest.entries;
  };
  const { ADDED, REMOVED } = FileAction;
  assert.deepEqual(told(inner), [
    { action: ADDED, name: 'h' },
    { action: REMOVED, name: 'g' },
  ]);
  assert.deepEqual(
    told(outer).map(({ name }) => name),
    ['e\\h', 'e\\g'],
  );
  for (const directory of [outer, inner]) await directory.close('close');
  assert.equal(world.volume.outside.size, 0);
});

test('a watcher whose store lost track is told to read the directory again', async () => {
  const lost: (() => void)[] = [];
  const world = new World();
  world.backend.seed({ d: { e: {} } });
  const watched: (boolean | undefined)[] = [];
  Object.defineProperty(world.backend, 'watch', {
    value: {
      watch(path: string, report: (change: BackendChange) => void, _: AbortSignal, options?: WatchOptions) {
        watched.push(options?.isRecursive);
        lost.push(() => report({ path, kind: 'lost' }));
      },
    },
  });
  const [tree, alone] = [await world.open('d', mustExist), await world.open('d\\e', mustExist)];
  const watch = (directory: OpenFile, isRecursive: boolean) =>
    watchDirectory(directory, { filter: CompletionFilter.FILE_NAME, isRecursive, bytesMax: 4096 });
  const waiting = watch(alone, false);
  watch(tree, true);
  assert.deepEqual(watched, [false, true]);
  for (const lose of lost) lose();
  await world.volume.outside.settled();
  assert(waiting instanceof Waiter);
  assert.equal(waiting.result?.kind === 'notify' && waiting.result.status, NtStatus.NOTIFY_ENUM_DIR);
  await tree.close('close');
  await alone.close('close');
});

test('a store that cannot watch leaves watchers with the changes of this server', async () => {
  const world = new World();
  world.backend.seed({ d: {} });
  Object.defineProperty(world.backend, 'watch', {
    value: {
      watch() {
        throw new BackendError('ENOSPC', 'watch');
      },
    },
  });
  const directory = await world.open('d', mustExist);
  const waiter = watchDirectory(directory, {
    filter: CompletionFilter.FILE_NAME,
    isRecursive: true,
    bytesMax: 4096,
  });
  await world.touch('d\\new');
  assert(waiter instanceof Waiter && waiter.result !== undefined);
  await directory.close('close');
});

test('who caches a directory hears of data written below it with the close, and only of that of others', async () => {
  const world = new World();
  world.backend.seed({ d: { mine: '', theirs: '' } });
  const { READ_CACHING, HANDLE_CACHING } = LeaseState;
  const lease = { kind: 'lease', version: 2, state: READ_CACHING | HANDLE_CACHING, epoch: 1 } as const;
  const directory = await world.open('d', { ...mustExist, cache: { ...lease, key: 'd' } });
  const filter = CompletionFilter.SIZE;
  const waiter = watchDirectory(directory, { filter, isRecursive: false, bytesMax: 4096 });
  const mine = await world.open('d\\mine', { cache: { ...lease, key: 'm', parentKey: 'd' } });
  const theirs = await world.open('d\\theirs');
  for (const file of [mine, theirs]) await writeFrom(file, Buffer.from('x'), 0n);
  assert(waiter instanceof Waiter && waiter.result !== undefined, 'watchers hear of it at once');
  await mine.close('close');
  assert.equal(world.leaseBreaks.length, 0);
  await theirs.close('close');
  assert.deepEqual(
    world.leaseBreaks.map(({ key, to }) => ({ key, to })),
    [{ key: 'd', to: LeaseState.NONE }],
  );
});

test('who has listed a name that came to nothing is told that it is gone', async () => {
  const world = new World();
  world.backend.seed({ d: {} });
  const { READ_CACHING, HANDLE_CACHING } = LeaseState;
  const lease = { kind: 'lease', version: 2, state: READ_CACHING | HANDLE_CACHING, epoch: 1 } as const;
  const directory = await world.open('d', { ...mustExist, cache: { ...lease, key: 'd' } });
  const { open } = world.backend;
  const setStat = () => {
    throw new BackendError('ENOSPC', 'attributes');
  };
  Object.defineProperty(world.backend, 'open', {
    value: (...asked: Parameters<typeof open>) =>
      Object.assign(open.apply(world.backend, asked), asked[1].create === true && { setStat }),
  });
  const hidden = { fileAttributes: FileAttribute.HIDDEN };
  await assert.rejects(world.open('d\\f', hidden), BackendError);
  assert.deepEqual(await namesIn(world, '*', 'd'), ['.', '..']);
  assert.equal(world.leaseBreaks.length, 1);
  await directory.close('close');
});

test('nothing is left when everything is closed', async () => {
  const world = new World();
  const files = await Promise.all(['a', 'b', 'a:s', 'c'].map((name) => world.open(name)));
  await Promise.all(files.map((file) => file.close('close')));
  assert.equal(world.driver.core.openCount, 0);
  assert.deepEqual([...world.driver.openFiles], []);
  assert.equal(world.volume.names.size, 0);
});

test('a directory that was to be deleted on close and is not empty stays, without an error', async () => {
  const world = new World();
  world.backend.seed({ d: { f: '' } });
  await world.touch('d', { createOptions: CreateOption.DIRECTORY_FILE | CreateOption.DELETE_ON_CLOSE });
  assert.equal(world.backend.stat('d').kind, 'directory');
  world.backend.removeFile('d/f');
  await world.touch('d', { createOptions: CreateOption.DIRECTORY_FILE | CreateOption.DELETE_ON_CLOSE });
  assert.throws(() => world.backend.stat('d'));
});
