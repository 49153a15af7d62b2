import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { loadLibc } from '../../src/native/libc.ts';
import { probeFolder } from '../../src/native/probe.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-probe-'));
after(() => fs.rmSync(folder, { recursive: true }));

describe('a folder', () => {
  test('is told as df tells it, and left as it was', () => {
    fs.writeFileSync(path.join(folder, 'name'), '');
    const before = fs.statSync(folder, { bigint: true });
    const abilities = probeFolder(folder, loadLibc());
    assert.deepEqual(fs.readdirSync(folder), ['name']);
    assert.equal(fs.statSync(folder, { bigint: true }).mtimeNs, before.mtimeNs);
    assert.match(abilities.fileSystem, /^(?:ext4|tmpfs|xfs|btrfs|overlay|0x[0-9a-f]+)$/);
    assert.equal(abilities.isWritable, true);
    assert.equal(abilities.isCaseSensitive, true);
  });

  test('says nothing of what only native calls can find out, without them', () => {
    const { fileSystem, isWritable, isCaseSensitive, ...rest } = probeFolder(folder, undefined);
    assert.deepEqual(new Set(Object.values(rest)), new Set([undefined]));
    assert.notEqual(fileSystem, '');
    assert.equal(isWritable, true);
    assert.equal(isCaseSensitive, true);
  });

  test('that is not there is an error', () => {
    assert.throws(() => probeFolder(path.join(folder, 'none'), loadLibc()), { code: 'ENOENT' });
  });

  test('that cannot be written says only what can be seen', () => {
    const { isWritable, fileSystem, userXattrBytesMax } = probeFolder('/proc', loadLibc());
    assert.deepEqual([isWritable, fileSystem, userXattrBytesMax], [false, '0x9fa0', undefined]);
  });
});

describe('a folder seen with native calls', () => {
  const libc = loadLibc();
  const { xattr } = libc ?? {};
  if (xattr === undefined) return;

  test('can keep an attribute of the size that was found, and none that is larger', () => {
    const { userXattrBytesMax = 0 } = probeFolder(folder, libc);
    const file = path.join(folder, 'attributes');
    fs.writeFileSync(file, '');
    const keeps = (sizeBytes: number): void => xattr.write(file, 'user.smbkit', Buffer.alloc(sizeBytes, 1));
    if (userXattrBytesMax > 0) keeps(userXattrBytesMax);
    assert.throws(() => keeps(userXattrBytesMax + 1));
  });
});
