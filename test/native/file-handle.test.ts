import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FileHandles } from '../../src/native/file-handle.ts';
import { loadLibc } from '../../src/native/libc.ts';
import { O_PATH } from '../../src/native/names.ts';

const handles = loadLibc()?.fileHandles;

function makeFolder(t: TestContext): { folder: string; mount: number } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-handle-'));
  const mount = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  t.after(() => {
    fs.closeSync(mount);
    fs.rmSync(folder, { recursive: true });
  });
  return { folder, mount };
}

function handleOf(file: string): Buffer {
  const fd = fs.openSync(file, O_PATH);
  try {
    return handles?.handleOf(fd) ?? Buffer.alloc(0);
  } finally {
    fs.closeSync(fd);
  }
}

/** Opening by handle takes native calls and privileges. */
function testWithHandles(
  name: string,
  body: (t: TestContext, calls: FileHandles) => Promise<void> | void,
): void {
  if (handles !== undefined && process.getuid?.() === 0) test(name, (t) => body(t, handles));
}

testWithHandles(
  'a file is opened again by its handle under whatever name, and not once it is gone',
  (t, handles) => {
    const { folder, mount } = makeFolder(t);
    fs.writeFileSync(`${folder}/a`, 'text');
    const handle = handleOf(`${folder}/a`);
    fs.renameSync(`${folder}/a`, `${folder}/b`);
    const fd = handles.open(mount, handle, fs.constants.O_RDONLY);
    assert.equal(fs.readFileSync(fd, 'utf8'), 'text');
    fs.closeSync(fd);
    fs.unlinkSync(`${folder}/b`);
    assert.throws(() => handles.open(mount, handle, fs.constants.O_RDONLY), { code: 'ESTALE' });
  },
);

testWithHandles('the pool opens by handle as well', async (t, handles) => {
  const { folder, mount } = makeFolder(t);
  fs.writeFileSync(`${folder}/a`, 'text');
  const fd = await handles.openLater(mount, handleOf(`${folder}/a`), fs.constants.O_RDWR);
  assert.equal(fs.readFileSync(fd, 'utf8'), 'text');
  fs.closeSync(fd);
});

testWithHandles('what is no handle never reaches the kernel', (t, handles) => {
  const { mount } = makeFolder(t);
  for (const wrong of [Buffer.alloc(0), Buffer.alloc(7), Buffer.from('ff00000001000000', 'hex')]) {
    assert.throws(() => handles.open(mount, wrong, 0), RangeError);
  }
});
