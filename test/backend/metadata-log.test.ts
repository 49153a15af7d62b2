import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { localBackend } from '../../src/backend/local.ts';
import { metadataLog } from '../../src/backend/metadata-log.ts';
import type { FileReference } from '../../src/backend/metadata-store.ts';
import { withFolder } from './folder.ts';

const HIDDEN = 2;
const MOMENT = 132_593_079_671_234_567n;

const file = (number: number): FileReference => ({ fileId: BigInt(number), generation: 7n });

/** The one segment of a store that is closed. */
function segmentIn(state: string): string {
  const [name = '', ...others] = fs.readdirSync(state).filter((found) => found.endsWith('.log'));
  assert.deepEqual(others, []);
  return path.join(state, name);
}

test('everything that POSIX cannot keep survives a restart', () =>
  withFolder(async ({ root, state }) => {
    const first = localBackend(root, { stateDirectory: state });
    const handle = await first.open('a', { write: true, create: true });
    await first.extendedAttributes?.write('a', new Map([['KEY', Buffer.from([0, 255])]]));
    await first.security?.write('a', Buffer.from('descriptor'));
    const stream = await first.open('a', { write: true, create: true, stream: 's\ud800' });
    await stream.write(Buffer.from('of the stream'), 0);
    await stream.close();
    await handle.setStat({ attributes: HIDDEN, creationTime: MOMENT, lastWriteTime: MOMENT + 1n });
    await handle.close();
    await first.rename('a', 'b', false);
    await first.close();

    const second = localBackend(root, { stateDirectory: state });
    const stat = await second.stat('b');
    assert.equal(stat.attributes, HIDDEN);
    assert.equal(stat.creationTime, MOMENT);
    assert.equal(stat.lastWriteTime, MOMENT + 1n);
    assert.deepEqual(await second.extendedAttributes?.read('b'), new Map([['KEY', Buffer.from([0, 255])]]));
    assert.equal((await second.security?.read('b'))?.toString(), 'descriptor');
    assert.deepEqual(
      (await second.streams?.list('b'))?.map(({ name, sizeBytes }) => [name, sizeBytes]),
      [['s\ud800', 13]],
    );
    await second.removeFile('b');
    await second.close();
    assert.deepEqual(fs.readdirSync(`${state}/streams`), []);
  }));

test('a file made by others under a reused id has nothing of its predecessor', () =>
  withFolder(async ({ root, state }) => {
    const backend = localBackend(root, { stateDirectory: state });
    let reused = 0;
    for (let turn = 0; turn < 20; turn++) {
      fs.writeFileSync(`${root}/a`, '');
      const { fileId } = await backend.stat('a');
      const handle = await backend.open('a', {});
      await handle.setStat({ attributes: HIDDEN });
      await handle.close();
      fs.rmSync(`${root}/a`);
      fs.writeFileSync(`${root}/b`, '');
      const next = await backend.stat('b');
      if (next.fileId === fileId) reused += 1;
      assert.equal(next.attributes, 0);
      fs.rmSync(`${root}/b`);
    }
    if (reused === 0) console.log('no file id was used twice here');
    await backend.close();
  }));

test('a torn tail is dropped at any length, and all before it is there', () =>
  withFolder(async ({ state }) => {
    const store = metadataLog(state);
    store.write(file(1), { attributes: 1 });
    store.write(file(2), { attributes: 2 });
    await store.close();
    const segment = segmentIn(state);
    const whole = fs.readFileSync(segment);
    const secondLine = whole.indexOf(10) + 1;
    const bytes = new Map([[path.basename(segment), whole]]);
    for (let length = secondLine; length <= whole.length; length++) {
      for (const name of fs.readdirSync(state)) if (name.endsWith('.log')) fs.rmSync(`${state}/${name}`);
      for (const [name, content] of bytes) fs.writeFileSync(`${state}/${name}`, content.subarray(0, length));
      const torn = metadataLog(state);
      assert.equal(torn.read(file(1)).attributes, 1);
      assert.equal(torn.read(file(2)).attributes, length === whole.length ? 2 : undefined);
      torn.write(file(3), { attributes: 3 });
      await torn.close();
      const after = metadataLog(state);
      assert.equal(after.read(file(1)).attributes, 1);
      assert.equal(after.read(file(3)).attributes, 3);
      await after.close();
    }
  }));

test('a damaged record is skipped and those around it are there', () =>
  withFolder(async ({ state }) => {
    const store = metadataLog(state);
    for (const number of [1, 2, 3]) store.write(file(number), { attributes: number });
    await store.close();
    const segment = segmentIn(state);
    const whole = fs.readFileSync(segment);
    const lines = whole.toString().split('\n');
    const second = (lines[0] ?? '').length + 1;
    for (let at = second; at < second + (lines[1] ?? '').length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      for (const name of fs.readdirSync(state)) if (name.endsWith('.log')) fs.rmSync(`${state}/${name}`);
      fs.writeFileSync(segment, damaged);
      const warnings: string[] = [];
      const opened = metadataLog(state, {
        log: { enabled: () => true, write: (_, event) => warnings.push(event) },
      });
      assert.equal(opened.read(file(1)).attributes, 1);
      assert.equal(opened.read(file(2)).attributes, undefined);
      assert.equal(opened.read(file(3)).attributes, 3);
      assert.deepEqual(warnings, ['metadata records damaged']);
      await opened.close();
    }
  }));

test('the log is compacted while it grows, and is whole at every moment', () =>
  withFolder(async ({ state, base }) => {
    const store = metadataLog(state);
    const security = Buffer.alloc(48 * 1024, 'x');
    for (let number = 0; number < 300; number++) store.write(file(number), { attributes: number + 1 });
    let largest = 0;
    for (let turn = 0; turn < 1200; turn++) {
      store.write(file(turn % 20), { attributes: turn + 1, security });
      if (turn % 100 === 50) await store.sync();
      if (turn % 97 === 0) await checkCopy(path.join(state), path.join(base, `copy-${turn}`), turn);
      const sizes = fs.readdirSync(state).map((name) => fs.statSync(path.join(state, name)).size);
      largest = Math.max(
        largest,
        sizes.reduce((sum, size) => sum + size, 0),
      );
    }
    await store.close();
    assert.ok(largest < 40 * 2 ** 20, `the log grew to ${largest} bytes`);
    const after = metadataLog(state);
    for (let number = 20; number < 300; number++)
      assert.equal(after.read(file(number)).attributes, number + 1);
    for (let turn = 1180; turn < 1200; turn++) assert.equal(after.read(file(turn % 20)).attributes, turn + 1);
    await after.close();
  }));

/** What a process would find that starts from the files as they are now. */
async function checkCopy(state: string, copy: string, turn: number): Promise<void> {
  fs.cpSync(state, copy, { recursive: true });
  const opened = metadataLog(copy);
  assert.equal(opened.read(file(turn % 20)).attributes, turn + 1);
  assert.equal(opened.read(file(299)).attributes, 300);
  await opened.close();
  fs.rmSync(copy, { recursive: true });
}

test('a record that does not fit on the disk leaves nothing behind and is not told', (t) =>
  withFolder(async ({ state }) => {
    const store = metadataLog(state);
    store.write(file(1), { attributes: 1 });
    const write = fs.writeSync;
    const full = t.mock.method(fs, 'writeSync', (fd: number, bytes: Buffer, at: number) => {
      if (at > 0) throw Object.assign(new Error('disk full'), { code: 'ENOSPC' });
      return write(fd, bytes, 0, 10);
    });
    assert.throws(() => store.write(file(1), { attributes: 2 }), { code: 'ENOSPC' });
    full.mock.restore();
    assert.equal(store.read(file(1)).attributes, 1);
    store.write(file(2), { attributes: 2 });
    await store.close();
    const warnings: string[] = [];
    const after = metadataLog(state, {
      log: { enabled: () => true, write: (_, event) => warnings.push(event) },
    });
    assert.deepEqual([after.read(file(1)).attributes, after.read(file(2)).attributes], [1, 2]);
    assert.deepEqual(warnings, []);
    await after.close();
  }));

test('stream files that no record names are swept away, the others stay', () =>
  withFolder(async ({ state }) => {
    const store = metadataLog(state);
    const stream = store.streams.open(file(1), 'kept', true);
    await stream.write(Buffer.from('kept'), 0);
    await stream.close();
    await store.close();
    fs.writeFileSync(`${state}/streams/ff`, 'left by a crash');
    const after = metadataLog(state);
    assert.deepEqual(
      after.streams.list(file(1)).map(({ name, sizeBytes }) => [name, sizeBytes]),
      [['kept', 4]],
    );
    assert.equal(fs.readdirSync(`${state}/streams`).length, 1);
    await after.close();
  }));

test('a state directory has one owner at a time, and a dead one is no obstacle', () =>
  withFolder(async ({ root, state }) => {
    const store = metadataLog(state);
    assert.throws(() => metadataLog(state), { code: 'EBUSY' });
    assert.throws(() => localBackend(root, { stateDirectory: state }), { code: 'EBUSY' });
    await store.close();
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const stat = fs.readFileSync('/proc/1/stat', 'latin1');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    fs.writeFileSync(`${state}/owner`, `${boot} 1 ${start}`);
    assert.throws(() => metadataLog(state), { code: 'EBUSY' });
    fs.writeFileSync(`${state}/owner`, `${boot} 1 12345`);
    await metadataLog(state).close();
  }));

test('a state directory within the folder is refused', () =>
  withFolder(({ root }) => {
    assert.throws(() => localBackend(root, { stateDirectory: `${root}/state` }), { code: 'EINVAL' });
  }));
