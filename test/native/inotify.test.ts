import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { EVENT_BYTES_MAX, type Inotify, InotifyMask, visitEvents } from '../../src/native/inotify.ts';
import { loadLibc } from '../../src/native/libc.ts';

function testWithInotify(name: string, body: (inotify: Inotify) => void): void {
  const inotify = loadLibc()?.inotify;
  if (inotify !== undefined) test(name, () => body(inotify));
}

testWithInotify('changes of a directory come in their order, the halves of a move joined', (inotify) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-inotify-'));
  const queue = inotify.open();
  const { CREATE, MOVED_FROM, MOVED_TO, DELETE, ISDIR, ONLYDIR } = InotifyMask;
  const watch = inotify.add(queue, folder, CREATE | MOVED_FROM | MOVED_TO | DELETE | ONLYDIR);
  fs.mkdirSync(`${folder}/d`);
  fs.renameSync(`${folder}/d`, `${folder}/été`);
  fs.rmdirSync(`${folder}/été`);
  const buffer = Buffer.alloc(4096);
  const seen: [number, string][] = [];
  const cookies: number[] = [];
  visitEvents(buffer, inotify.read(queue, buffer), (told, mask, cookie, latin1) => {
    assert.equal(told, watch);
    seen.push([mask, Buffer.from(latin1, 'latin1').toString()]);
    if (cookie !== 0) cookies.push(cookie);
  });
  const masks = [CREATE, MOVED_FROM, MOVED_TO, DELETE].map((mask) => (mask | ISDIR) >>> 0);
  assert.deepEqual(
    seen,
    masks.map((mask, at) => [mask, at < 2 ? 'd' : 'été']),
  );
  assert.equal(cookies[0], cookies[1]);
  assert.equal(inotify.read(queue, buffer), 0);
  inotify.remove(queue, watch);
  inotify.remove(queue, watch);
  fs.closeSync(queue);
  fs.rmdirSync(folder);
});

testWithInotify('a read that leaves room for one more event has told everything', (inotify) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-inotify-'));
  const queue = inotify.open();
  inotify.add(queue, folder, InotifyMask.CREATE);
  const names = Array.from({ length: 255 }, (_, index) => 'n'.repeat(index + 1));
  for (const name of names) fs.writeFileSync(`${folder}/${name}`, '');
  const buffer = Buffer.alloc(4096);
  const seen: string[] = [];
  let sizeBytes: number;
  do {
    sizeBytes = inotify.read(queue, buffer);
    visitEvents(buffer, sizeBytes, (_watch, _mask, _cookie, latin1) => seen.push(latin1));
  } while (sizeBytes > buffer.length - EVENT_BYTES_MAX);
  assert.deepEqual(seen, names);
  assert.equal(inotify.read(queue, buffer), 0);
  fs.closeSync(queue);
  fs.rmSync(folder, { recursive: true });
});

testWithInotify('only a directory is watched where only that is asked for', (inotify) => {
  const queue = inotify.open();
  const file = path.join(import.meta.dirname, 'inotify.test.ts');
  const { CREATE, ONLYDIR } = InotifyMask;
  assert.throws(() => inotify.add(queue, file, CREATE | ONLYDIR), { code: 'ENOTDIR' });
  assert.throws(() => inotify.add(queue, '/no-such', CREATE), { code: 'ENOENT' });
  fs.closeSync(queue);
});
