/**
 * What the local store takes for granted within one turn of the event loop, and what it does not.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { localBackend } from '../../src/backend/local.ts';
import { encodeDosAttrib } from '../../src/backend/samba-dosattrib.ts';
import { xattrAbilityAt } from '../../src/backend/xattr-tasks.ts';
import { loadLibc } from '../../src/native/libc.ts';
import type { Xattr } from '../../src/native/xattr.ts';
import { FileAttribute } from '../../src/wire/flags.ts';

const folder = fs.mkdtempSync(path.join(tmpdir(), 'smbkit-moment-'));
const store = localBackend(folder);
after(async () => {
  await store.close();
  fs.rmSync(folder, { recursive: true });
});

const on = (...names: string[]): string => path.join(folder, ...names);

/** A file that the store has just looked at, as it does before it opens one; nothing else happens before the caller goes on. */
async function lookedAt(name: string): Promise<void> {
  fs.mkdirSync(on('d'), { recursive: true });
  fs.rmSync(on('d', name), { recursive: true, force: true });
  fs.writeFileSync(on('d', name), 'before');
  await store.stat('d');
  await store.stat(`d/${name}`);
}

/** Where files of the folder carry attributes. */
function testWithXattr(name: string, body: (xattr: Xattr) => Promise<void>): void {
  const xattr = loadLibc()?.xattr;
  if (xattr !== undefined && xattrAbilityAt(xattr, folder).hasUser) test(name, () => body(xattr));
}

test('a file opened after a look is described as it was opened, and as it is after each change', async () => {
  await lookedAt('file');
  const handle = await store.open('d/file', { write: true });
  assert.equal((await handle.stat()).sizeBytes, 6);
  await handle.write(Buffer.from('longer than before'), 0);
  assert.equal((await handle.stat()).sizeBytes, 18);
  await handle.setStat({ attributes: 2 });
  assert.equal((await handle.stat()).attributes, 2);
  assert.equal((await store.stat('d/file')).attributes, 2);
  await handle.truncate(1);
  assert.equal((await store.stat('d/file')).sizeBytes, 1);
  await handle.close();
});

testWithXattr(
  'attributes that others give a file that was just made are seen in the next turn',
  async (xattr) => {
    const handle = await store.open('made', { create: true, write: true });
    await handle.setStat({ attributes: FileAttribute.HIDDEN });
    assert.equal((await handle.stat()).attributes, FileAttribute.HIDDEN);
    xattr.write(on('made'), 'user.DOSATTRIB', encodeDosAttrib({ attributes: FileAttribute.SYSTEM }));
    await nextTurn();
    assert.equal((await handle.stat()).attributes, FileAttribute.SYSTEM);
    assert.equal((await store.stat('made')).attributes, FileAttribute.SYSTEM);
    await handle.setStat({ creationTime: 1n });
    assert.equal((await handle.stat()).attributes, FileAttribute.SYSTEM);
    await handle.close();
  },
);

test('what others change is seen in the next turn at the latest', async () => {
  await lookedAt('file');
  const handle = await store.open('d/file', {});
  fs.writeFileSync(on('d', 'file'), 'after, by others');
  await nextTurn();
  assert.equal((await handle.stat()).sizeBytes, 16);
  assert.equal((await store.stat('d/file')).sizeBytes, 16);
  await handle.close();
});

test('another file that has got the name since the look is what is opened', async () => {
  await lookedAt('file');
  fs.writeFileSync(on('d', 'other'), 'another file');
  fs.renameSync(on('d', 'other'), on('d', 'file'));
  const handle = await store.open('d/file', {});
  assert.equal((await handle.stat()).sizeBytes, 12);
  assert.equal((await handle.stat()).fileId, (await store.stat('d/file')).fileId);
  await handle.close();
});

test('what has got the name since the look and is no file is not opened as one', async () => {
  const replacements: readonly (readonly [(at: string) => void, string])[] = [
    [(at) => fs.symlinkSync('/etc/passwd', at), 'ELOOP'],
    [(at) => execFileSync('mkfifo', [at]), 'EACCES'],
    [() => {}, 'ENOENT'],
  ];
  for (const [replace, code] of replacements) {
    await lookedAt('file');
    fs.rmSync(on('d', 'file'));
    replace(on('d', 'file'));
    await assert.rejects(async () => store.open('d/file', {}), { code });
  }
});

test('a directory in the place of one that was looked at is another one, from the next turn on', async () => {
  await lookedAt('file');
  const former = await store.stat('d');
  fs.renameSync(on('d'), on('moved'));
  fs.mkdirSync(on('d'));
  await nextTurn();
  assert.notEqual((await store.stat('d')).fileId, former.fileId);
  await assert.rejects(async () => store.stat('d/file'), { code: 'ENOENT' });
  assert.equal((await store.stat('moved')).fileId, former.fileId);
  assert.equal((await store.stat('moved/file')).sizeBytes, 6);
});

test('a directory that this store moves is not taken for what was at its place, in the same turn', async () => {
  await lookedAt('file');
  const former = await store.stat('d');
  await store.rename('d', 'e', false);
  await assert.rejects(async () => store.stat('d/file'), { code: 'ENOENT' });
  assert.equal((await store.stat('e')).fileId, former.fileId);
  assert.equal((await store.stat('e/file')).sizeBytes, 6);
});
