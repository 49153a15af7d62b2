import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { Backend, BackendStat, StatChange } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { encodeDosAttrib } from '../../src/backend/samba-dosattrib.ts';
import { UNIX_EPOCH } from '../../src/base/clock.ts';
import { loadLibc } from '../../src/native/libc.ts';
import type { Statx } from '../../src/native/stat.ts';
import { withFolder } from './folder.ts';
import { slowClock } from './slow-clock.ts';

/** Without native calls nobody's attributes are seen. */
const xattr = loadLibc()?.xattr;

async function listedBy(backend: Backend): Promise<ReadonlyMap<string, BackendStat>> {
  const found = new Map<string, BackendStat>();
  for await (const batch of backend.list('')) for (const { name, stat } of batch) found.set(name, stat);
  return found;
}

/** What a listing and a look at the name must agree in. */
function compared({ hasExtendedAttributes: _, ...stat }: BackendStat): object {
  return stat;
}

/** Lists twice, since the second listing knows more, and holds both against a look at each name. */
async function checked(backend: Backend): Promise<ReadonlyMap<string, BackendStat>> {
  const first = await listedBy(backend);
  const second = await listedBy(backend);
  assert.deepEqual([...second.keys()].sort(), [...first.keys()].sort());
  for (const [name, stat] of second) {
    const looked = compared(await backend.stat(name));
    assert.deepEqual(compared(stat), looked, name);
    assert.deepEqual(compared(first.get(name) ?? stat), looked, name);
    assert.equal(first.get(name)?.hasExtendedAttributes, stat.hasExtendedAttributes, name);
  }
  return second;
}

async function changed(backend: Backend, name: string, change: StatChange): Promise<void> {
  const handle = await backend.open(name, {});
  await handle.setStat(change);
  await handle.close();
}

for (const metadata of ['auto', 'side-store'] as const) {
  test(`what a listing tells is what a look tells, whatever was kept of the files (${metadata})`, () =>
    withFolder(async ({ root, state }) => {
      const backend = localBackend(root, { stateDirectory: state, metadata });
      for (const name of ['plain', 'hidden', 'times', 'locked', 'twice', 'eas'])
        fs.writeFileSync(`${root}/${name}`, name.repeat(1000));
      fs.linkSync(`${root}/twice`, `${root}/again`);
      fs.mkdirSync(`${root}/folder`);
      fs.symlinkSync('plain', `${root}/link`);
      fs.writeFileSync(Buffer.from(`${root}/latin-\xe4`, 'latin1'), '');
      await changed(backend, 'hidden', { attributes: 2, creationTime: 123_456_789_012_345_678n });
      await changed(backend, 'folder', { attributes: 6 });
      await changed(backend, 'locked', { attributes: 1 });
      // Before 1970, and a change time, which no disk can be told.
      const early = { lastAccessTime: UNIX_EPOCH - 7n, lastWriteTime: UNIX_EPOCH - 77_777_777n };
      await changed(backend, 'times', { ...early, changeTime: UNIX_EPOCH + 1n });
      await backend.extendedAttributes?.write('eas', new Map([['COLOR', Buffer.from('red')]]));
      const found = await checked(backend);
      assert.equal(found.size, 10);
      assert.equal(found.get('hidden')?.attributes, 2);
      assert.equal(found.get('times')?.changeTime, UNIX_EPOCH + 1n);
      assert.equal(found.get('eas')?.hasExtendedAttributes, true);
      assert.equal(found.get('plain')?.hasExtendedAttributes, false);
      await backend.close();
    }));
}

test('where the disk is slow, a listing has few looks in the thread pool at a time, and tells the same', () =>
  withFolder(async ({ root }) => {
    const libc = loadLibc();
    const statx = libc?.statx;
    if (libc === undefined || statx === undefined) return;
    const names = Array.from({ length: 1000 }, (_, index) => `file-${index}`);
    for (const name of names) fs.writeFileSync(`${root}/${name}`, '');
    let underWay = 0;
    let most = 0;
    let count = 0;
    const later: Statx['later'] = async (...place) => {
      count++;
      most = Math.max(most, ++underWay);
      await statx.later(...place);
      underWay--;
    };
    const counted: Statx = Object.assign((...place: Parameters<Statx>) => statx(...place), {
      attempt: statx.attempt,
      later,
    });
    const backend = localBackend(root, { libc: { ...libc, statx: counted }, clock: slowClock() });
    assert.deepEqual([...(await listedBy(backend)).keys()].sort(), names.sort());
    assert.ok(most > 1 && most <= 16, `${most} at a time`);
    assert.ok(count > 500, `${count} of 1000 in the pool`);
    await backend.close();
  }));

test('a listing tells what others did since the one before', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root);
    for (const name of ['a', 'b', 'c', 'd']) fs.writeFileSync(`${root}/${name}`, '');
    await checked(backend);
    xattr?.write(
      `${root}/a`,
      'user.DOSATTRIB',
      encodeDosAttrib({ attributes: 4, creationTime: UNIX_EPOCH + 5n }),
    );
    xattr?.write(`${root}/b`, 'user.COLOR', Buffer.from('red'));
    fs.appendFileSync(`${root}/c`, 'more');
    // Another file in the place of one: it may have been given the same number.
    fs.unlinkSync(`${root}/d`);
    fs.writeFileSync(`${root}/d`, 'new');
    const found = await checked(backend);
    if (xattr !== undefined) {
      assert.equal(found.get('a')?.attributes, 4);
      assert.equal(found.get('a')?.creationTime, UNIX_EPOCH + 5n);
      assert.equal(found.get('b')?.hasExtendedAttributes, true);
    }
    assert.equal(found.get('c')?.sizeBytes, 4);
    assert.equal(found.get('d')?.sizeBytes, 3);
    xattr?.remove(`${root}/a`, 'user.DOSATTRIB');
    xattr?.remove(`${root}/b`, 'user.COLOR');
    const after = await checked(backend);
    assert.equal(after.get('a')?.attributes, 0);
    assert.equal(after.get('b')?.hasExtendedAttributes, false);
    await backend.close();
  }));
