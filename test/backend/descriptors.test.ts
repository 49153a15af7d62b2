import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { Backend, BackendHandle } from '../../src/backend/contract.ts';
import { type LocalOptions, localBackend } from '../../src/backend/local.ts';
import { loadLibc } from '../../src/native/libc.ts';
import { withFolder } from './folder.ts';

const countMax = 4;

/** Both ways to get a descriptor back; by handle takes privileges. */
const ways: readonly (readonly [string, LocalOptions])[] = [
  ['by path', { descriptorCountMax: countMax, libc: 'none' }],
  ...(loadLibc()?.fileHandles !== undefined && process.getuid?.() === 0
    ? ([['by handle', { descriptorCountMax: countMax }]] as const)
    : []),
];

const descriptorCount = (): number => fs.readdirSync('/proc/self/fd').length;

async function textOf(handle: BackendHandle): Promise<string> {
  const target = Buffer.alloc(100);
  return target.toString('utf8', 0, await handle.read(target, 0));
}

async function made(backend: Backend, path: string, text = path): Promise<BackendHandle> {
  const handle = await backend.open(path, { write: true, create: true });
  await handle.write(Buffer.from(text), 0);
  return handle;
}

let crowds = 0;

/** Uses so many other files that what was open before has lost its descriptor. */
async function crowdOut(backend: Backend): Promise<void> {
  crowds += 1;
  for (let number = 0; number < countMax * 3; number++) await made(backend, `crowd-${crowds}-${number}`);
}

for (const [way, options] of ways) {
  test(`two hundred open files need a handful of descriptors, ${way}`, () =>
    withFolder(async ({ root }) => {
      const before = descriptorCount();
      const backend = localBackend(root, options);
      await backend.makeDirectory('d');
      const handles: BackendHandle[] = [];
      for (let number = 0; number < 200; number++) handles.push(await made(backend, `d/f${number}`));
      handles.push(await backend.open('d', {}));
      assert.ok(descriptorCount() - before <= countMax + 8, `${descriptorCount() - before} descriptors`);
      await backend.rename('d', 'e', false);
      await backend.rename('e/f7', 'f7', false);
      for (const [number, handle] of handles.slice(0, 200).entries()) {
        assert.equal(await textOf(handle), `d/f${number}`);
        await handle.write(Buffer.from('!'), 0);
        assert.equal((await handle.stat()).sizeBytes, `d/f${number}`.length);
        await handle.sync();
      }
      assert.equal((await handles.at(200)?.stat())?.kind, 'directory');
      for (const handle of handles) await handle.close();
      assert.equal(fs.readFileSync(`${root}/e/f9`, 'utf8'), '!/f9');
      await backend.close();
      assert.equal(descriptorCount(), before);
    }));

  test(`files that are removed or replaced keep their content for those who have them open, ${way}`, () =>
    withFolder(async ({ root }) => {
      const backend = localBackend(root, { ...options, descriptorCountMax: 8 });
      const removed = await made(backend, 'removed');
      const replaced = await made(backend, 'replaced');
      await backend.makeDirectory('d');
      const directory = await backend.open('d', {});
      for (let number = 0; number < 20; number++) await made(backend, `other${number}`);
      await backend.removeFile('removed');
      await backend.rename('other1', 'replaced', true);
      await backend.removeDirectory('d');
      for (let number = 20; number < 40; number++) await made(backend, `other${number}`);
      assert.equal(await textOf(removed), 'removed');
      assert.equal(await textOf(replaced), 'replaced');
      assert.equal((await directory.stat()).kind, 'directory');
      await backend.close();
    }));

  test(`another file under the name is never taken for the open one, ${way}`, () =>
    withFolder(async ({ root }) => {
      const backend = localBackend(root, options);
      const handle = await made(backend, 'mine');
      await handle.sync();
      await crowdOut(backend);
      fs.unlinkSync(`${root}/mine`);
      fs.writeFileSync(`${root}/mine`, 'theirs');
      await assert.rejects(async () => textOf(handle), { code: 'ESTALE' });
      fs.unlinkSync(`${root}/mine`);
      fs.symlinkSync('/etc/passwd', `${root}/mine`);
      await assert.rejects(async () => textOf(handle), { code: 'ESTALE' });
      await handle.close();
      await backend.close();
    }));
}

function testByHandle(name: string, body: () => Promise<void>): void {
  if (ways.length > 1) test(name, body);
}

testByHandle('a file that others moved is found again by its handle', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root, { descriptorCountMax: countMax });
    const handle = await made(backend, 'mine');
    await crowdOut(backend);
    fs.renameSync(`${root}/mine`, `${root}/moved`);
    assert.equal(await textOf(handle), 'mine');
    await handle.close();
    await backend.close();
  }),
);

test('data that could not be stored when a descriptor was given up is told by the next sync', (t) =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root, { descriptorCountMax: countMax });
    const handle = await made(backend, 'lost');
    const { ino } = fs.statSync(`${root}/lost`);
    const fsync = fs.fsync;
    let failures = 0;
    t.mock.method(fs, 'fsync', (fd: number, done: (error: Error | null) => void) => {
      if (fs.fstatSync(fd).ino !== ino || failures > 0) return fsync(fd, done);
      failures += 1;
      setImmediate(() => done(Object.assign(new Error('lost'), { code: 'EIO' })));
    });
    await crowdOut(backend);
    assert.equal(failures, 1);
    await assert.rejects(async () => handle.sync(), { code: 'EIO' });
    await assert.rejects(async () => handle.sync(), { code: 'EIO' });
    await handle.close();
    await backend.close();
  }));

test('when nothing can be given up no more is opened, until something is closed', () =>
  withFolder(async ({ root }) => {
    const backend = localBackend(root, { descriptorCountMax: 2 });
    const handles: BackendHandle[] = [];
    for (const name of ['a', 'b']) {
      handles.push(await made(backend, name));
      await backend.removeFile(name);
    }
    await assert.rejects(async () => made(backend, 'c'), { code: 'EMFILE' });
    await handles.pop()?.close();
    await (await made(backend, 'c')).close();
    await handles.pop()?.close();
    await backend.close();
  }));
