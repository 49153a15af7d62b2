import assert from 'node:assert/strict';
import fs from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { createFsFromVolume, Volume } from 'memfs';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { AccountStore } from '../../src/control/accounts.ts';
import { ConfigurationError, readConfiguration } from '../../src/control/configuration.ts';
import { openShares } from '../../src/control/shares.ts';
import {
  file,
  memoryBackend,
  namesMatching,
  type RunningServer,
  type ServerEvent,
  type ShareSource,
  serve,
  veto,
  virtualTree,
} from '../../src/index.ts';
import { connectClient, streamTransport, type TestTree } from '../../src/testing/client.ts';
import { AccessMask, CreateDisposition, CreateOption } from '../../src/wire/flags.ts';

const credentials = { user: 'anna', password: 'x' };

async function withShares(
  shares: Readonly<Record<string, ShareSource>>,
  use: (tree: (name: string) => Promise<TestTree>, server: RunningServer) => Promise<void>,
  onEvent: (event: ServerEvent) => void = () => {},
): Promise<void> {
  const users = [{ name: credentials.user, password: credentials.password }];
  await using server = await serve({ port: 0, users, shares, onEvent });
  const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
  const session = await client.logOn(credentials);
  await use((name) => session.connectTree(name), server);
  client.close();
}

const existing = { createDisposition: CreateDisposition.OPEN };
const reading = { ...existing, desiredAccess: AccessMask.GENERIC_READ };
const deleting = {
  ...existing,
  desiredAccess: AccessMask.DELETE,
  createOptions: CreateOption.DELETE_ON_CLOSE,
};

async function textOf(tree: TestTree, name: string): Promise<string> {
  const file = await tree.open(name, reading);
  const bytes = await file.read(0n, 1000);
  await file.close();
  return bytes.toString();
}

const failsAs = (status: NtStatus) => (error: unknown) =>
  error instanceof NtStatusError && error.status === status;

test('a share may be a path, an object like node:fs, an object of files, a backend, or options with one', async () => {
  const volume = new Volume();
  volume.fromJSON({ '/a.txt': 'memfs' });
  const folder = fs.mkdtempSync(join(tmpdir(), 'smbkit-source-'));
  fs.writeFileSync(join(folder, 'a.txt'), 'folder');
  const memfs = createFsFromVolume(volume);
  const shares = {
    path: folder,
    nodeFs: memfs,
    promises: memfs.promises,
    object: { 'a.txt': 'object', dir: { 'b.txt': async () => 'below' } },
    backend: memoryBackend().seed({ 'a.txt': 'backend' }),
    options: { backend: { 'a.txt': 'options' }, comment: 'with a comment' },
    nodeFsOptions: { backend: memfs, readOnly: true },
    tree: virtualTree({ 'a.txt': 'tree', path: 'a file called path' }),
    promises2: { 'a.txt': 'promised', promises: { 'b.txt': 'a folder called promises' } },
  };
  await withShares(shares, async (tree) => {
    const contents: Record<string, string> = {};
    for (const name of Object.keys(shares)) contents[name] = await textOf(await tree(name), 'a.txt');
    assert.deepEqual(contents, {
      path: 'folder',
      nodeFs: 'memfs',
      promises: 'memfs',
      object: 'object',
      backend: 'backend',
      options: 'options',
      nodeFsOptions: 'memfs',
      tree: 'tree',
      promises2: 'promised',
    });
    assert.equal(await textOf(await tree('object'), 'dir\\b.txt'), 'below');
    assert.equal(await textOf(await tree('tree'), 'path'), 'a file called path');
  });
  fs.rmSync(folder, { recursive: true });
});

test('what cannot be a share is refused with the reason', async () => {
  const { open, readdir } = fs.promises;
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [fs, /shares\.docs: this would serve the whole machine/],
    [fs.promises, /whole machine/],
    [{ open, readdir }, /fromNodeFs: the object lacks lstat, mkdir/],
    [{ backend: { list() {}, stat() {} } }, /the backend lacks open, makeDirectory, removeFile/],
    [7, /shares\.docs: must be a path, an object like node:fs\/promises/],
    [null, /must be a path/],
    [new Map(), /must be a path/],
    [{ path: '/tmp', coment: 'x' }, /coment: unknown setting/],
  ];
  for (const [source, message] of wrong) {
    const shares: Record<string, ShareSource> = {};
    Reflect.set(shares, 'docs', source);
    await assert.rejects(
      serve({ port: 0, shares }),
      (error) => error instanceof ConfigurationError && message.test(error.message),
      String(message),
    );
  }
});

/** Never called: what the types refuse. */
export const refusedByTypes = (): readonly Promise<unknown>[] => [
  // @ts-expect-error: a number is no share.
  serve({ shares: { docs: 7 } }),
  // @ts-expect-error: the setting is called readOnly.
  serve({ shares: { docs: { path: './docs', readonly: true } } }),
  // @ts-expect-error: the setting is called comment.
  serve({ shares: { docs: { path: './docs', coment: 'x' } } }),
  // @ts-expect-error: a file cannot be a number.
  serve({ shares: { docs: { 'a.txt': 7 } } }),
];

test('a virtual file takes what a client writes, and its error reaches the client', async () => {
  const taken: string[] = [];
  const note = file({
    read: () => taken.at(-1) ?? 'before',
    write: (content) => {
      if (content.includes('bad')) throw new Error('not this');
      taken.push(content.toString());
    },
  });
  await withShares({ notes: { 'note.txt': note, 'fixed.txt': 'x' } }, async (tree) => {
    const notes = await tree('notes');
    const open = await notes.open('note.txt', existing);
    await open.write(0n, Buffer.from('AFTER!'));
    await open.close();
    assert.deepEqual(taken, ['AFTER!']);
    const bad = await notes.open('note.txt', existing);
    await bad.write(0n, Buffer.from('bad'));
    await assert.rejects(bad.flush(), failsAs(NtStatus.UNEXPECTED_IO_ERROR));
    await assert.rejects(bad.close(), failsAs(NtStatus.UNEXPECTED_IO_ERROR));
    assert.deepEqual(taken, ['AFTER!']);
    assert.equal(await textOf(notes, 'note.txt'), 'AFTER!');
    await assert.rejects(notes.open('fixed.txt', existing), failsAs(NtStatus.ACCESS_DENIED));
    await assert.rejects(notes.open('new.txt'), failsAs(NtStatus.MEDIA_WRITE_PROTECTED));
  });
});

test('wrappers of the configuration stand in their order before the storage', async () => {
  const memory = memoryBackend().seed({
    'a.txt': 'x',
    'tool.exe': 'x',
    '.snapshots': { '@GMT-2026.01.02-03.04.05': {} },
  });
  const events: ServerEvent[] = [];
  const wrappers = [
    { recycle: { folder: '.bin', days: 30, maxSize: '1GiB', ignore: ['*.tmp'] } },
    { veto: ['*.EXE'] },
    { quota: { size: '1MiB', files: 10, recount: '1h' } },
    { snapshots: {} },
    { audit: { operations: ['removeFile' as const] } },
    { latency: 0 },
    { fault: { every: 1_000_000 } },
  ];
  await withShares(
    { docs: { backend: memory, wrappers } },
    async (tree) => {
      const docs = await tree('docs');
      await assert.rejects(docs.open('tool.exe', existing), failsAs(NtStatus.OBJECT_NAME_NOT_FOUND));
      const doomed = await docs.open('a.txt', deleting);
      await doomed.close();
      assert.equal(await textOf(docs, '.bin\\a.txt'), 'x');
      const large = await docs.open('large');
      await assert.rejects(large.write(2n ** 20n, Buffer.from('x')), failsAs(NtStatus.QUOTA_EXCEEDED));
    },
    (event) => events.push(event),
  );
  assert.deepEqual(
    events.filter(({ event }) => event === 'audit'),
    [{ event: 'audit', share: 'docs', operation: 'removeFile', path: 'a.txt', result: 'done' }],
  );
});

test('a wrapper of a program takes patterns of names', async () => {
  const backend = veto(memoryBackend().seed({ 'a.exe': 'x', b: 'y' }), namesMatching(['*.exe', '.git']));
  assert.throws(() => backend.stat('a.exe'), { code: 'ENOENT' });
  assert.equal(await (async () => (await backend.stat('b')).sizeBytes)(), 1);
});

test('wrong wrappers are told with their place', () => {
  const read = (text: string) => readConfiguration({ file: { name: 'smbkit.yaml', text } });
  const share = (wrappers: string) => `shares:\n  docs:\n    memory: true\n    wrappers:\n${wrappers}`;
  for (const [wrappers, message] of [
    ['      - recyle: {}', /wrappers\[0\]\.recyle: unknown setting\. Did you mean "recycle"/],
    ['      - recycle: {}\n        veto: [a]', /wrappers\[0\]: must be one wrapper/],
    ['      - quota: { recount: soon }', /wrappers\[0\]\.quota\.recount: must be like 90s/],
    ['      - quota: { size: 1GB }', /wrappers\[0\]\.quota\.size: must be like 64KiB/],
    ['      - snapshots: { format: "%Y" }', /must hold %Y, %m and %d/],
    ['      - readOnly: false', /readOnly: must be true/],
    ['      - recycle: { folder: a/b }', /must be one name/],
  ] as const)
    assert.throws(() => read(share(wrappers)), message);
  assert.throws(
    () => read('shares:\n  docs: { path: /tmp, memorySize: 1GiB }'),
    /is for shares with "memory: true"/,
  );
  const { configuration } = read(share('      - snapshots: { path: ./snaps }\n      - audit: {}'));
  assert.equal(configuration.shares['docs']?.wrappers[0]?.snapshots?.path, join(process.cwd(), 'snaps'));
});

test('a share in memory is as large as the configuration says', async () => {
  const text = 'shares:\n  docs: { memory: true, memorySize: 64KiB }';
  const { configuration } = readConfiguration({ file: { name: 'smbkit.yaml', text } });
  const parts = {
    users: new AccountStore('SERVER', []),
    backends: new Map(),
    clock: systemClock,
    log: silentLog,
  };
  const [share] = await openShares(configuration, parts);
  assert.equal((await share?.backend.volume())?.totalBytes, 65_536);
});

test('limits of owners that another server keeps stop the start, and what was opened before is free again', async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'smbkit-quotas-'));
  const stateDir = join(folder, 'state');
  const shares = { docs: { path: folder, wrappers: [{ quota: { files: 100 } }] } };
  const start = () => serve({ port: 0, users: [], shares, stateDir });
  try {
    fs.mkdirSync(join(folder, 'files'));
    shares.docs.path = join(folder, 'files');
    await (await start()).close();
    const [volume = ''] = fs.readdirSync(join(stateDir, 'quotas'));
    const owner = join(stateDir, 'quotas', volume, 'owner');
    // As if a process lived that has taken the place: this one's parent.
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const stat = fs.readFileSync(`/proc/${process.ppid}/stat`, 'latin1');
    const since = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    fs.writeFileSync(owner, `${boot} ${process.ppid} ${since}`);
    await assert.rejects(start(), { name: 'StateFolderError', message: /another server uses it/ });
    fs.rmSync(owner);
    await (await start()).close();
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
