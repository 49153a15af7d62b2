import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { type LocalOptions, localBackend } from '../../src/backend/local.ts';
import { withFolder } from './folder.ts';

interface Made {
  readonly uid: number;
  readonly gid: number;
  readonly mode: string;
}

/** Makes a file and a directory in `at`, and tells what they are. */
async function madeWith(
  root: string,
  at: string,
  options: LocalOptions,
): Promise<{ file: Made; directory: Made }> {
  const backend = localBackend(root, options);
  const handle = await backend.open(`${at}/file`, { write: true, create: true });
  await handle.close();
  await backend.makeDirectory(`${at}/directory`);
  await backend.close();
  const look = (name: string): Made => {
    const { uid, gid, mode } = fs.statSync(`${root}/${at}/${name}`);
    return { uid, gid, mode: (mode & 0o7777).toString(8) };
  };
  return { file: look('file'), directory: look('directory') };
}

const uid = process.geteuid?.() ?? 0;
const gid = process.getegid?.() ?? 0;

/** A directory of the mode in a fresh folder. */
function withDirectory(mode: number, use: (root: string) => Promise<void>): Promise<void> {
  return withFolder(async ({ root }) => {
    fs.mkdirSync(`${root}/d`);
    fs.chmodSync(`${root}/d`, mode);
    await use(root);
  });
}

test('new files and directories have exactly the permissions that are set, whatever the umask', () =>
  withDirectory(0o755, async (root) => {
    const { file, directory } = await madeWith(root, 'd', { fileMode: 0o662, directoryMode: 0o773 });
    assert.deepEqual(
      [file, directory],
      [
        { uid, gid, mode: '662' },
        { uid, gid, mode: '773' },
      ],
    );
  }));

test('new files and directories have the permissions of their directory where that is set', () =>
  withDirectory(0o750, async (root) => {
    const { file, directory } = await madeWith(root, 'd', { inheritMode: true });
    assert.deepEqual([file.mode, directory.mode], ['640', '750']);
  }));

test('a directory keeps handing on its group when it has permissions of its own', () =>
  withDirectory(0o2770, async (root) => {
    const { file, directory } = await madeWith(root, 'd', { directoryMode: 0o700, inheritMode: true });
    assert.deepEqual([file.mode, directory.mode], ['660', '2700']);
  }));

test('new files and directories belong to whom the settings say, or cannot be served', () =>
  withDirectory(0o755, async (root) => {
    const options = { owner: 12_345, group: 23_456 };
    if (uid !== 0) return assert.throws(() => localBackend(root, options), { code: 'EPERM' });
    const { file, directory } = await madeWith(root, 'd', options);
    for (const made of [file, directory]) assert.deepEqual([made.uid, made.gid], [12_345, 23_456]);
  }));

test('new files and directories belong to whom their directory belongs where that is set', () =>
  withDirectory(0o755, async (root) => {
    if (uid !== 0) return assert.throws(() => localBackend(root, { inheritOwner: true }), { code: 'EPERM' });
    fs.chownSync(`${root}/d`, 12_345, 23_456);
    const { file, directory } = await madeWith(root, 'd', { inheritOwner: true, group: 7 });
    for (const made of [file, directory]) assert.deepEqual([made.uid, made.gid], [12_345, 7]);
  }));

test('READONLY leaves the permissions alone where it is not mapped', () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/a`, '', { mode: 0o644 });
    fs.writeFileSync(`${root}/b`, '', { mode: 0o444 });
    const backend = localBackend(root, { mapsReadOnly: false });
    const handle = await backend.open('a', {});
    await handle.setStat({ attributes: 1 });
    assert.equal((await handle.stat()).attributes, 1);
    assert.equal(fs.statSync(`${root}/a`).mode & 0o777, 0o644);
    assert.equal((await backend.stat('b')).attributes, 0);
    await handle.close();
    await backend.close();
  }));
