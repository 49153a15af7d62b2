import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { attributesOf } from '../../src/vfs/attributes.ts';
import { DirectoryListing } from '../../src/vfs/directory-listing.ts';
import { writeFrom } from '../../src/vfs/read-write.ts';
import { Waiter } from '../../src/vfs/waiter.ts';
import {
  AccessMask,
  CreateAction,
  CreateOption,
  CreateDisposition as Disposition,
  FileAttribute,
  OplockLevel,
} from '../../src/wire/flags.ts';
import { rejects, World } from './world.ts';

const dispositions: readonly (readonly [Disposition, boolean, CreateAction | NtStatus])[] = [
  [Disposition.SUPERSEDE, true, CreateAction.SUPERSEDED],
  [Disposition.SUPERSEDE, false, CreateAction.CREATED],
  [Disposition.OPEN, true, CreateAction.OPENED],
  [Disposition.OPEN, false, NtStatus.OBJECT_NAME_NOT_FOUND],
  [Disposition.CREATE, true, NtStatus.OBJECT_NAME_COLLISION],
  [Disposition.CREATE, false, CreateAction.CREATED],
  [Disposition.OPEN_IF, true, CreateAction.OPENED],
  [Disposition.OPEN_IF, false, CreateAction.CREATED],
  [Disposition.OVERWRITE, true, CreateAction.OVERWRITTEN],
  [Disposition.OVERWRITE, false, NtStatus.OBJECT_NAME_NOT_FOUND],
  [Disposition.OVERWRITE_IF, true, CreateAction.OVERWRITTEN],
  [Disposition.OVERWRITE_IF, false, CreateAction.CREATED],
];

function isStatus(value: CreateAction | NtStatus): value is NtStatus {
  return value > 0xff;
}

for (const [createDisposition, exists, expected] of dispositions) {
  test(`disposition ${createDisposition} on ${exists ? 'an existing' : 'a free'} name`, async () => {
    const world = new World();
    if (exists) world.backend.seed({ f: 'content' });
    const work = world.opened('f', { createDisposition });
    if (isStatus(expected)) return rejects(work, expected);
    assert.equal((await work).action, expected);
    const isEmpty = expected !== CreateAction.OPENED;
    assert.equal(world.backend.stat('f').sizeBytes, isEmpty ? 0 : 7);
  });
}

test('names are found without regard to case and keep the case they were made with', async () => {
  const world = new World();
  world.backend.seed({ Folder: { 'File.TXT': 'x' } });
  const file = await world.open('FOLDER\\file.txt', { createDisposition: Disposition.OPEN });
  assert.equal(file.shownPath, 'Folder\\File.TXT');
  await rejects(
    world.open('folder\\FILE.txt', { createDisposition: Disposition.CREATE }),
    NtStatus.OBJECT_NAME_COLLISION,
  );
});

test('a name made by somebody else in another case is found once the directory has changed', async () => {
  const world = new World();
  await rejects(world.open('new', { createDisposition: Disposition.OPEN }), NtStatus.OBJECT_NAME_NOT_FOUND);
  await world.clock.advance(10);
  world.backend.another().seed({ NEW: 'x' });
  assert.equal((await world.open('new', { createDisposition: Disposition.OPEN })).shownPath, 'NEW');
});

test('directories and files are not taken for each other', async () => {
  const world = new World();
  world.backend.seed({ d: {}, f: 'x' });
  const asDirectory = { createOptions: CreateOption.DIRECTORY_FILE, createDisposition: Disposition.OPEN };
  await rejects(world.open('f', asDirectory), NtStatus.NOT_A_DIRECTORY);
  await rejects(
    world.open('d', { createOptions: CreateOption.NON_DIRECTORY_FILE }),
    NtStatus.FILE_IS_A_DIRECTORY,
  );
  await rejects(world.open('f\\x'), NtStatus.OBJECT_PATH_NOT_FOUND);
  await rejects(world.open('missing\\x'), NtStatus.OBJECT_PATH_NOT_FOUND);
  await rejects(
    world.open('d', { createDisposition: Disposition.OVERWRITE_IF }),
    NtStatus.FILE_IS_A_DIRECTORY,
  );
});

test('overwriting a hidden file needs the attribute named, a read-only one cannot be overwritten', async () => {
  const world = new World();
  await world.touch('h', { fileAttributes: FileAttribute.HIDDEN });
  await world.touch('r', { fileAttributes: FileAttribute.READONLY });
  const createDisposition = Disposition.OVERWRITE;
  await rejects(world.open('h', { createDisposition }), NtStatus.ACCESS_DENIED);
  await rejects(world.open('r', { createDisposition }), NtStatus.ACCESS_DENIED);
  const file = await world.open('h', { createDisposition, fileAttributes: FileAttribute.HIDDEN });
  assert.equal(file.attributesOf(await file.stat()), FileAttribute.HIDDEN | FileAttribute.ARCHIVE);
});

test('the rights of the share are the ceiling, and a refused overwrite leaves the content alone', async () => {
  const world = new World();
  world.backend.seed({ f: 'content' });
  const requester = world.requester('bob', AccessMask.FILE_READ_DATA | AccessMask.FILE_READ_ATTRIBUTES);
  const desiredAccess = AccessMask.FILE_READ_DATA;
  await world.touch('f', { requester, desiredAccess });
  for (const createDisposition of [Disposition.SUPERSEDE, Disposition.OVERWRITE, Disposition.OVERWRITE_IF]) {
    await rejects(world.open('f', { requester, desiredAccess, createDisposition }), NtStatus.ACCESS_DENIED);
  }
  await rejects(world.open('new', { requester, desiredAccess }), NtStatus.ACCESS_DENIED);
  assert.equal(world.backend.stat('f').sizeBytes, 7);
});

test('an open waits for a batch oplock to break and runs again', async () => {
  const world = new World();
  const holder = await world.open('f', { cache: { kind: 'oplock', level: OplockLevel.BATCH } });
  const request = { requester: world.requester('bob') };
  const waiter = await world.attempt('f', request);
  assert(waiter instanceof Waiter);
  assert.equal(world.oplockBreaks[0]?.open, holder);
  let woken = false;
  waiter.onWake(() => {
    woken = true;
  });
  await holder.close('close');
  assert.equal(woken, true);
  const file = await world.open('f', { ...request, retryOf: waiter.ticket });
  await file.close('close');
  assert.equal(world.driver.core.openCount, 0);
});

test('a break reaches the holder after it was told of its open', async () => {
  const world = new World();
  const cache = { kind: 'oplock', level: OplockLevel.BATCH } as const;
  const result = await world.attempt('f', { cache });
  assert(!(result instanceof Waiter));
  assert((await world.attempt('f', { requester: world.requester('bob') })) instanceof Waiter);
  assert.equal(world.oplockBreaks.length, 0);
  result.file.announce();
  assert.equal(world.oplockBreaks.length, 1);
});

test('a file deleted on close is gone before the name can be made again', async () => {
  const world = new World();
  const createOptions = CreateOption.DELETE_ON_CLOSE;
  const first = await world.open('f', { createOptions });
  await writeFrom(first, Buffer.from('old'), 0n);
  const closing = first.close('close');
  const second = await world.opened('f', { createDisposition: Disposition.OPEN_IF });
  await closing;
  assert.equal(second.action, CreateAction.CREATED);
  assert.equal(world.backend.stat('f').sizeBytes, 0);
});

test('what was made is taken away again when the rest of a creation fails', async () => {
  const world = new World();
  const eaValue = Buffer.alloc(65_535);
  const extendedAttributes = ['A', 'B'].map((eaName) => ({ flags: 0, eaName, eaValue }));
  await rejects(world.open('f', { extendedAttributes }), NtStatus.EA_TOO_LARGE);
  await rejects(world.open('f', { createDisposition: Disposition.OPEN }), NtStatus.OBJECT_NAME_NOT_FOUND);
  assert.equal(world.driver.core.openCount, 0);
});

test('a stream is opened by its name in any case and made together with its file', async () => {
  const world = new World();
  const stream = await world.open('f:Stream');
  await writeFrom(stream, Buffer.from('abc'), 0n);
  assert.equal(
    (await world.open('f:STREAM:$data', { createDisposition: Disposition.OPEN })).streamName,
    'Stream',
  );
  assert.equal(world.backend.stat('f').sizeBytes, 0);
  await rejects(
    world.open('f:none', { createDisposition: Disposition.OPEN }),
    NtStatus.OBJECT_NAME_NOT_FOUND,
  );
});

test('the root of a share is neither deleted nor overwritten', async () => {
  const world = new World();
  await rejects(world.open('', { createOptions: CreateOption.DELETE_ON_CLOSE }), NtStatus.CANNOT_DELETE);
  await rejects(
    world.open('', { createDisposition: Disposition.OVERWRITE_IF }),
    NtStatus.FILE_IS_A_DIRECTORY,
  );
});

test('two hundred clients that make one name at once make one file', async () => {
  const world = new World();
  const createDisposition = Disposition.CREATE;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 200 }, () => world.open('f', { createDisposition })),
  );
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal(world.volume.names.size, 0);
});

test('symbolic links are followed inside the share and never out of it', async () => {
  const world = new World();
  world.backend.seed({ d: { e: { f: 'content' } }, top: 'x' });
  const links = {
    'd/up': '../top',
    'd/e/self': 'self',
    'd/deep': 'e/../../d/e',
    out: '../secret',
    abs: '/etc/passwd',
  };
  for (const [path, target] of Object.entries(links)) world.backend.symlinks.makeLink(path, target);
  const open = { createDisposition: Disposition.OPEN };
  assert.equal((await world.open('d\\up', open)).shownPath, 'top');
  assert.equal((await world.open('d\\deep\\f', open)).shownPath, 'd\\e\\f');
  await rejects(world.open('d\\e\\self', open), NtStatus.OBJECT_NAME_NOT_FOUND);
  await rejects(world.open('out', open), NtStatus.OBJECT_PATH_NOT_FOUND);
  await rejects(world.open('abs', open), NtStatus.STOPPED_ON_SYMLINK);
  await rejects(world.open('abs\\below', open), NtStatus.STOPPED_ON_SYMLINK);
});

test('a share that does not follow symbolic links tells the client where they lead, wherever that is', async () => {
  const world = new World({ symlinks: 'reparse' });
  world.backend.seed({ d: { file: '' } });
  world.backend.symlinks.makeLink('inside', 'd');
  const open = { createDisposition: Disposition.OPEN };
  await rejects(world.open('inside', open), NtStatus.STOPPED_ON_SYMLINK);
  await rejects(world.open('inside\\file', open), NtStatus.STOPPED_ON_SYMLINK);
  const link = await world.open('inside', { ...open, createOptions: CreateOption.OPEN_REPARSE_POINT });
  assert.ok(attributesOf(await link.stat()) & FileAttribute.REPARSE_POINT);
  const root = await world.open('', open);
  const listing = new DirectoryListing(root, 'inside');
  assert.equal((await listing.peek())?.stat.kind, 'symlink');
  await listing.close();
});

test('a share that hides symbolic links has none, and none can be put in their place', async () => {
  const world = new World({ symlinks: 'hide' });
  world.backend.seed({ d: { file: '' } });
  world.backend.symlinks.makeLink('Link', 'd');
  const open = { createDisposition: Disposition.OPEN };
  for (const name of ['Link', 'LINK']) await rejects(world.open(name, open), NtStatus.OBJECT_NAME_NOT_FOUND);
  await rejects(world.open('Link\\file', open), NtStatus.OBJECT_PATH_NOT_FOUND);
  await assert.rejects(world.open('Link', { createDisposition: Disposition.CREATE }), { code: 'EEXIST' });
  for (const pattern of ['*', 'Link']) {
    const listing = new DirectoryListing(await world.open('', open), pattern);
    for (let entry = await listing.peek(); entry !== undefined; entry = await listing.peek()) {
      assert.notEqual(entry.name, 'Link');
      listing.advance();
    }
    await listing.close();
  }
});

test('deleting a symbolic link leaves what it leads to', async () => {
  const world = new World();
  world.backend.seed({ f: 'content' });
  world.backend.symlinks.makeLink('l', 'f');
  const desiredAccess = AccessMask.DELETE;
  await world.touch('l', { desiredAccess, createOptions: CreateOption.DELETE_ON_CLOSE });
  assert.throws(() => world.backend.stat('l'));
  assert.equal(world.backend.stat('f').sizeBytes, 7);
});
