import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import type { OpenFile } from '../../src/vfs/open-file.ts';
import { writeFrom } from '../../src/vfs/read-write.ts';
import { deleteReparsePoint, queryReparsePoint, setReparsePoint } from '../../src/vfs/reparse.ts';
import { nilGuid } from '../../src/wire/dtyp/guid.ts';
import { CreateDisposition, CreateOption, FileAttribute } from '../../src/wire/flags.ts';
import {
  decodeReparsePoint,
  encodeReparsePoint,
  ReparseTag,
  SymbolicLinkReparseData,
  SymlinkFlag,
} from '../../src/wire/fscc/reparse.ts';
import { rejects, World } from './world.ts';

const reparse = { createOptions: CreateOption.OPEN_REPARSE_POINT };

function symlink(substituteName: string, flags: number = SymlinkFlag.RELATIVE): Buffer {
  const data = SymbolicLinkReparseData.encode({ flags, substituteName, printName: substituteName });
  return encodeReparsePoint({ tag: ReparseTag.SYMLINK, guid: nilGuid, data });
}

function nameIn(buffer: Buffer): string {
  return SymbolicLinkReparseData.decode(decodeReparsePoint(buffer).data).substituteName;
}

async function made(world: World, path: string, target: string, flags?: number): Promise<OpenFile> {
  const file = await world.open(path, reparse);
  await setReparsePoint(file, symlink(target, flags));
  return file;
}

test('a relative link inside the share becomes a link of the store, which is followed', async () => {
  const world = new World();
  world.backend.seed({ d: { e: {} }, top: 'content' });
  const file = await made(world, 'd\\e\\link', '..\\..\\top');
  assert.equal(world.backend.symlinks.readLink('d/e/link'), '../../top');
  assert.equal(nameIn(await queryReparsePoint(file)), '..\\..\\top');
  assert.ok(file.attributesOf(await file.stat()) & FileAttribute.REPARSE_POINT);
  await file.close('close');
  const open = { createDisposition: CreateDisposition.OPEN };
  assert.equal((await world.open('d\\e\\link', open)).shownPath, 'top');
  assert.deepEqual([...(await namesIn(world, 'd/e'))], ['link']);
});

async function namesIn({ backend }: World, path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const batch of backend.list(path)) names.push(...batch.map(({ name }) => name));
  return names;
}

test('a directory becomes a link too, while it is empty', async () => {
  const world = new World();
  world.backend.seed({ d: { f: 'x' }, full: { f: 'x' } });
  const folder = { createOptions: CreateOption.OPEN_REPARSE_POINT | CreateOption.DIRECTORY_FILE };
  await setReparsePoint(await world.open('link', folder), symlink('d'));
  assert.equal(world.backend.symlinks.readLink('link'), 'd');
  await setReparsePoint(await world.open('full', folder), symlink('d'));
  assert.equal(world.backend.stat('full').kind, 'directory');
});

test('a link may be set anew, and is deleted as a whole', async () => {
  const world = new World();
  const file = await made(world, 'link', 'one');
  await setReparsePoint(file, symlink('two'));
  assert.equal(world.backend.symlinks.readLink('link'), 'two');
  const empty = encodeReparsePoint({ tag: ReparseTag.SYMLINK, guid: nilGuid, data: Buffer.alloc(0) });
  await rejects(deleteReparsePoint(file, empty), NtStatus.ACCESS_DENIED);
});

test('what would lead out of the share never becomes a link of the store', async () => {
  const world = new World();
  world.backend.seed({ d: {} });
  const targets: [string, number][] = [
    ['..\\..\\secret', SymlinkFlag.RELATIVE],
    ['x\\..\\..\\..\\secret', SymlinkFlag.RELATIVE],
    ['\\secret', SymlinkFlag.RELATIVE],
    ['\\??\\C:\\secret', 0],
  ];
  for (const [at, [target, flags]] of targets.entries()) {
    const file = await made(world, `d\\link${at}`, target, flags);
    assert.equal(world.backend.stat(`d/link${at}`).kind, 'file', target);
    assert.equal(nameIn(await queryReparsePoint(file)), target);
  }
});

test('a file with content, or that others have open, is kept and only marked', async () => {
  const world = new World();
  const file = await world.open('full', reparse);
  await writeFrom(file, Buffer.from('content'), 0n);
  await setReparsePoint(file, symlink('target'));
  assert.equal(world.backend.stat('full').sizeBytes, 7);
  const shared = await world.open('shared', reparse);
  await world.open('shared', reparse);
  await setReparsePoint(shared, symlink('target'));
  assert.equal(world.backend.stat('shared').kind, 'file');
});

test('another tag does not take the place of the one that is there', async () => {
  const world = new World();
  const file = await made(world, 'link', 'target');
  const other = encodeReparsePoint({ tag: ReparseTag.AF_UNIX, guid: nilGuid, data: Buffer.alloc(0) });
  await rejects(setReparsePoint(file, other), NtStatus.IO_REPARSE_TAG_MISMATCH);
});
