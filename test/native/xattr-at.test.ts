import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { loadLibc } from '../../src/native/libc.ts';
import { O_PATH } from '../../src/native/names.ts';
import { waitsInLittle } from './waiting.ts';

const folder = fs.mkdtempSync(path.join(tmpdir(), 'smbkit-xattr-at-'));
const directory = fs.openSync(folder, O_PATH);
after(() => {
  fs.closeSync(directory);
  fs.rmSync(folder, { recursive: true });
});

describe('extended attributes by a name in a directory', () => {
  const { xattr, xattrAt } = loadLibc() ?? {};
  if (xattr === undefined || xattrAt === undefined) return;
  const target = path.join(folder, 'file');
  fs.writeFileSync(target, '');
  const place = { directory, name: 'file' };

  test('are those of the file, of any size, at once and in the thread pool', async (t) => {
    for (const sizeBytes of [0, 1, 1024, 1025, 2000]) {
      const value = Buffer.alloc(sizeBytes, 7);
      try {
        xattr.write(target, 'user.a', value);
      } catch (error) {
        t.diagnostic(`no value of ${sizeBytes} bytes here: ${String(error)}`);
        continue;
      }
      assert.deepEqual(xattrAt.read(place, 'user.a'), value);
      assert.deepEqual(await xattrAt.readLater(place, 'user.a'), value);
      assert.deepEqual(xattrAt.read({ directory, name: Buffer.from('file') }, 'user.a'), value);
    }
    assert.deepEqual(xattrAt.list(place), xattr.list(target));
    assert.deepEqual(await xattrAt.listLater(place), xattr.list(target));
    assert.equal(xattrAt.read(place, 'user.none'), undefined);
    assert.equal(await xattrAt.readLater(place, 'user.none'), undefined);
  });

  test('are those of the directory itself, where the name is a dot', () => {
    assert.deepEqual(xattrAt.list({ directory, name: '.' }), xattr.list(folder));
    assert.equal(xattrAt.read({ directory, name: '.' }, 'user.none'), undefined);
  });

  test('are those of a link itself, and of nothing where there is nothing', async () => {
    fs.symlinkSync('file', path.join(folder, 'link'));
    assert.deepEqual(xattrAt.list({ directory, name: 'link' }), xattr.link.list(path.join(folder, 'link')));
    assert.throws(() => xattrAt.read({ directory, name: 'none' }, 'user.a'), { code: 'ENOENT' });
    await assert.rejects(xattrAt.listLater({ directory, name: 'none' }), { code: 'ENOENT' });
    assert.throws(() => xattrAt.read({ directory, name: 'fi\0le' }, 'user.a'), { code: 'EINVAL' });
  });

  test('take little memory while they wait for the thread pool', async () => {
    xattr.write(target, 'user.waits', Buffer.from('value'));
    await waitsInLittle(
      () => xattrAt.readLater(place, 'user.waits'),
      () => xattrAt.listLater(place),
    );
    xattr.remove(target, 'user.waits');
  });

  test('are read many at a time without mixing values', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `many-${index}`);
    for (const name of names) {
      fs.writeFileSync(path.join(folder, name), '');
      xattr.write(path.join(folder, name), 'user.name', Buffer.from(name));
    }
    const values = await Promise.all(
      names.map((name) => xattrAt.readLater({ directory, name }, 'user.name')),
    );
    assert.deepEqual(values.map(String), names);
  });
});
