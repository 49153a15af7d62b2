import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { type LocalOptions, localBackend } from '../../src/backend/local.ts';
import { metadataLog } from '../../src/backend/metadata-log.ts';
import { systemClock } from '../../src/base/clock.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';
import { makeFolder, withFolder } from './folder.ts';
import { type Refusal, refusing, systemXattr } from './xattr-refusals.ts';

const dispose = (backend: Backend): void => fs.rmSync(path.dirname(backend.name), { recursive: true });

const xattr = systemXattr();

function contractWith(name: string, options: LocalOptions): void {
  backendContract(
    name,
    () => {
      const { root, state } = makeFolder();
      return localBackend(root, { stateDirectory: state, ...options });
    },
    { test, dispose },
  );
}

contractWith('local with everything in the side store', { metadata: 'side-store' });

/** Files that carry some attributes and not others, as they come. */
const refusals: Readonly<Record<string, Refusal>> = {
  'no file may be given attributes': ({ operation }) => (operation === 'write' ? 'EPERM' : undefined),
  'there is room for 100 bytes': ({ operation, sizeBytes }) =>
    operation === 'write' && sizeBytes > 100 ? 'ENOSPC' : undefined,
};

for (const [name, refusal] of Object.entries(refusals)) {
  contractWith(`local where ${name}`, { metadata: 'xattr', libc: refusing(refusal) });
}
const attributeOf = (file: string, name: string): string | undefined =>
  xattr.read(file, name)?.toString('latin1');

async function written(backend: Backend, stream: string, bytes: Buffer): Promise<void> {
  const isThere = (await backend.streams?.list('a'))?.some(({ name }) => name === stream) === true;
  const handle = await backend.open('a', { write: true, create: !isThere, stream });
  await handle.write(bytes, 0);
  await handle.close();
}

async function bytesOf(backend: Backend, stream: string): Promise<Buffer> {
  const handle = await backend.open('a', { stream });
  const target = Buffer.alloc((await handle.stat()).sizeBytes + 1);
  const count = await handle.read(target, 0);
  await handle.close();
  return target.subarray(0, count);
}

test('a stream is an attribute as long as the file can carry it, and then moves aside unnoticed', () =>
  withFolder(async ({ root, state }) => {
    fs.writeFileSync(`${root}/a`, '');
    const backend = localBackend(root, { stateDirectory: state, metadata: 'xattr' });
    const handle = await backend.open('a', { write: true, create: true, stream: 's' });
    await handle.write(Buffer.from('abc'), 0);
    assert.equal(attributeOf(`${root}/a`, 'user.DosStream.s:$DATA'), 'abc\0');
    const other = await backend.open('a', { write: true, stream: 's' });
    await handle.write(Buffer.from('far'), 99_997);
    assert.equal(attributeOf(`${root}/a`, 'user.DosStream.s:$DATA'), undefined);
    await other.write(Buffer.from('X'), 1);
    assert.equal((await handle.stat()).sizeBytes, 100_000);
    await handle.close();
    await other.close();
    await backend.close();
    const after = localBackend(root, { stateDirectory: state, metadata: 'xattr' });
    const bytes = await bytesOf(after, 's');
    assert.deepEqual([bytes.length, bytes.toString('latin1', 0, 3)], [100_000, 'aXc']);
    assert.deepEqual(await after.streams?.list('a'), [
      {
        name: 's',
        sizeBytes: 100_000,
        allocatedBytes: (await after.streams?.list('a'))?.[0]?.allocatedBytes,
      },
    ]);
    await after.close();
  }));

test('what the file carries wins over what was put aside before', () =>
  withFolder(async ({ root, state }) => {
    fs.writeFileSync(`${root}/a`, '');
    const backend = localBackend(root, { stateDirectory: state, metadata: 'xattr' });
    await written(backend, 's', Buffer.alloc(100_000, 'old'));
    const large = new Map([['E', Buffer.alloc(70_000 - 8_000)]]);
    await backend.extendedAttributes?.write('a', large);
    await backend.close();
    // As another server does that knows nothing of the side store.
    xattr.write(`${root}/a`, 'user.DosStream.s:$DATA', Buffer.from('new\0'));
    xattr.write(`${root}/a`, 'user.E', Buffer.from('newer'));
    const after = localBackend(root, { stateDirectory: state, metadata: 'xattr' });
    assert.equal((await bytesOf(after, 's')).toString(), 'new');
    assert.equal((await after.extendedAttributes?.read('a'))?.get('E')?.toString(), 'newer');
    assert.equal((await after.streams?.list('a'))?.length, 1);
    await after.streams?.remove('a', 's');
    assert.deepEqual(await after.streams?.list('a'), []);
    await after.extendedAttributes?.write('a', new Map());
    assert.equal((await after.extendedAttributes?.read('a'))?.size, 0);
    await after.close();
  }));

test('a former value leaves the file only after its successor is on stable storage aside', () =>
  withFolder(async ({ root, state }) => {
    fs.writeFileSync(`${root}/a`, '');
    const events: string[] = [];
    const store = metadataLog(state);
    const sync = store.sync.bind(store);
    const sideStore = Object.assign(store, {
      sync: async () => {
        await sync();
        events.push('synced');
      },
    });
    const libc = refusing(({ operation, sizeBytes }) => {
      if (operation === 'remove') events.push('removed');
      return operation === 'write' && sizeBytes > 1000 ? 'ENOSPC' : undefined;
    });
    const backend = localBackend(root, { sideStore, metadata: 'xattr', libc });
    await backend.extendedAttributes?.write('a', new Map([['E', Buffer.from('small')]]));
    events.length = 0;
    await backend.extendedAttributes?.write('a', new Map([['E', Buffer.alloc(2000, 'l')]]));
    assert.deepEqual(events, ['synced', 'removed']);
    await written(backend, 's', Buffer.from('small'));
    events.length = 0;
    await written(backend, 's', Buffer.alloc(2000, 'l'));
    assert.deepEqual(events, ['synced', 'removed']);
    await backend.close();
  }));

test('a former value that cannot leave the file stays in force, and the change fails', () =>
  withFolder(async ({ root, state }) => {
    fs.writeFileSync(`${root}/a`, '');
    let isFrozen = false;
    const libc = refusing(({ operation, sizeBytes }) => {
      if (operation === 'write' && sizeBytes > 1000) return 'ENOSPC';
      return operation === 'remove' && isFrozen ? 'EPERM' : undefined;
    });
    const options = { stateDirectory: state, metadata: 'xattr', libc } as const;
    const backend = localBackend(root, options);
    const small = new Map([['E', Buffer.from('small')]]);
    await backend.extendedAttributes?.write('a', small);
    await written(backend, 's', Buffer.from('small'));
    isFrozen = true;
    const large = new Map([['E', Buffer.alloc(2000)]]);
    await assert.rejects(async () => backend.extendedAttributes?.write('a', large), { code: 'EPERM' });
    await assert.rejects(written(backend, 's', Buffer.alloc(2000)), { code: 'EPERM' });
    for (const turn of ['now', 'after a restart']) {
      const reopened = turn === 'now' ? backend : localBackend(root, options);
      assert.deepEqual(await reopened.extendedAttributes?.read('a'), small, turn);
      assert.equal((await bytesOf(reopened, 's')).toString(), 'small', turn);
      await reopened.close();
    }
  }));

test("the server's own attributes are neither told nor changed as extended attributes", () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/a`, '');
    const backend = localBackend(root, { metadata: 'xattr' });
    const own = ['user.DOSATTRIB', 'user.DosStream.s:$DATA', 'user.NTACL', 'user.smbkit.x', 'user.SAMBA_PAI'];
    for (const name of [...own, 'user.with:colon', 'user.Mine'])
      xattr.write(`${root}/a`, name, Buffer.from('1'));
    const told = await backend.extendedAttributes?.read('a');
    assert.deepEqual([...(told?.keys() ?? [])].sort(), ['MINE', 'SMBKIT:X']);
    const forbidden = ['DOSATTRIB', 'NTACL', 'SAMBA_PAI', 'DOSSTREAM.S:$DATA', 'SMBKIT.X', 'DOSSTREAM.NEW'];
    for (const name of forbidden) {
      const change = new Map([[name, Buffer.from('2')]]);
      await assert.rejects(async () => backend.extendedAttributes?.write('a', change), { code: 'EACCES' });
    }
    await backend.extendedAttributes?.write('a', new Map());
    const left = xattr.list(`${root}/a`).filter((name) => name.startsWith('user.'));
    assert.deepEqual(
      left.sort(),
      [...own.filter((name) => name !== 'user.smbkit.x'), 'user.with:colon'].sort(),
    );
    await backend.close();
  }));

test('an EA keeps the spelling that the file has for it', () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/a`, '');
    xattr.write(`${root}/a`, 'user.mime_type', Buffer.from('text/plain'));
    const backend = localBackend(root, { metadata: 'xattr' });
    await backend.extendedAttributes?.write('a', new Map([['MIME_TYPE', Buffer.from('text/html')]]));
    assert.equal(attributeOf(`${root}/a`, 'user.mime_type'), 'text/html');
    assert.equal(attributeOf(`${root}/a`, 'user.MIME_TYPE'), undefined);
    await backend.close();
  }));

const descriptor = Buffer.from(
  `0100048014000000200000000000000000000000${'010100000000000100000000'.repeat(2)}`,
  'hex',
);

test('a descriptor is kept in the attribute that the process may set, and one set by another server is read', () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/a`, '');
    fs.writeFileSync(`${root}/b`, '');
    const libc = refusing(({ operation, name }) =>
      operation !== 'read' && name.startsWith('security.') ? 'EPERM' : undefined,
    );
    const unprivileged = localBackend(root, { metadata: 'xattr', libc });
    await unprivileged.security?.write('a', descriptor);
    assert.ok(attributeOf(`${root}/a`, 'user.NTACL'));
    assert.equal(attributeOf(`${root}/a`, 'security.NTACL'), undefined);
    assert.deepEqual(await unprivileged.security?.read('a'), descriptor);
    if (process.getuid?.() === 0) {
      const privileged = localBackend(root, { metadata: 'xattr' });
      await privileged.security?.write('b', descriptor);
      assert.ok(attributeOf(`${root}/b`, 'security.NTACL'));
      assert.equal(await privileged.security?.read('a'), undefined, 'anybody may have set that');
      assert.deepEqual(await unprivileged.security?.read('b'), descriptor);
      await privileged.close();
    }
    await unprivileged.close();
  }));

test('a damaged descriptor is an error, damaged attributes are none', () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/a`, '');
    const libc = refusing(({ name }) => (name.startsWith('security.') ? 'EPERM' : undefined));
    const backend = localBackend(root, { metadata: 'xattr', libc });
    xattr.write(`${root}/a`, 'user.NTACL', Buffer.from('nonsense'));
    xattr.write(`${root}/a`, 'user.DOSATTRIB', Buffer.from('nonsense'));
    await assert.rejects(async () => backend.security?.read('a'), { code: 'EIO' });
    assert.equal((await backend.stat('a')).attributes, 0);
    await backend.security?.write('a', descriptor);
    assert.deepEqual(await backend.security?.read('a'), descriptor);
    await backend.close();
  }));

test('READONLY that Samba set holds although the owner may write', () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/a`, '', { mode: 0o644 });
    const backend = localBackend(root, { metadata: 'xattr' });
    xattr.write(`${root}/a`, 'user.DOSATTRIB', Buffer.from('0x21\0'));
    assert.equal((await backend.stat('a')).attributes, 0x21);
    const handle = await backend.open('a', {});
    await handle.setStat({ attributes: 0x20 });
    assert.equal((await handle.stat()).attributes, 0x20);
    await handle.close();
    await backend.close();
  }));

test('attributes are refused where they are asked for and the file system has none', () =>
  withFolder(({ root }) => {
    const libc = refusing(() => 'ENOTSUP');
    assert.throws(() => localBackend(root, { metadata: 'xattr', libc }), { code: 'ENOTSUP' });
  }));

test('a process without privileges changes the attributes of its own read-only files, whose mode stays', () =>
  withFolder(async ({ root }) => {
    const file = `${root}/a`;
    fs.writeFileSync(file, '', { mode: 0o644 });
    // As the kernel refuses whoever is not root.
    const libc = refusing(({ operation }) => {
      const isChange = operation === 'write' || operation === 'remove';
      return isChange && (fs.statSync(file).mode & 0o200) === 0 ? 'EACCES' : undefined;
    });
    const backend = localBackend(root, { metadata: 'xattr', libc });
    const handle = await backend.open('a', {});
    for (const attributes of [0x23, 0x27]) {
      await handle.setStat({ attributes });
      assert.equal((await handle.stat()).attributes, attributes);
      assert.equal(fs.statSync(file).mode & 0o777, 0o444);
    }
    await backend.extendedAttributes?.write('a', new Map([['E', Buffer.from('1')]]));
    assert.equal(attributeOf(file, 'user.E'), '1');
    await backend.extendedAttributes?.write('a', new Map());
    assert.equal(attributeOf(file, 'user.E'), undefined);
    assert.equal(fs.statSync(file).mode & 0o777, 0o444);
    await handle.close();
    await backend.close();
  }));

test('writes to one stream at the same time do not lose each other, also while it moves aside', () =>
  withFolder(async ({ root, state }) => {
    fs.writeFileSync(`${root}/a`, '');
    let ms = 0;
    // Every call seems slow, so that all are made in the thread pool.
    const clock = { ...systemClock, monotonicMs: () => (ms += 20) };
    const backend = localBackend(root, { metadata: 'xattr', stateDirectory: state, clock });
    const handle = await backend.open('a', { write: true, create: true, stream: 's' });
    const other = await backend.open('a', { write: true, stream: 's' });
    const blocks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(200, 65 + (index % 26)));
    await Promise.all(
      blocks.map(async (block, index) => (index % 2 === 0 ? handle : other).write(block, index * 200)),
    );
    assert.deepEqual(await bytesOf(backend, 's'), Buffer.concat(blocks));
    assert.equal((await backend.streams?.list('a'))?.[0]?.sizeBytes, 8000);
    await handle.close();
    await other.close();
    await backend.close();
  }));
