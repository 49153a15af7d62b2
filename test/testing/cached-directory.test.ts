import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { hasDirectoryLeasing } from '../../src/testing/cached-directory.ts';
import { connectClient, type OpenOptions, type TestTree } from '../../src/testing/client.ts';
import { type CachedDirectory, CachingClient } from '../../src/testing/client-cache.ts';
import { wishOptions } from '../../src/testing/client-grant.ts';
import { CreateOption, LeaseState } from '../../src/wire/flags.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';
import { alice, memoryServer } from './memory-server.ts';

const keyOfDirectory = '11111111-2222-3333-4444-555555555555';
const keyOfFile = '99999999-8888-7777-6666-555555555555';
const createGuid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const { READ_CACHING: R, HANDLE_CACHING: H } = LeaseState;
const wish = {
  ...({ kind: 'lease', isDurable: false, leaseState: R | H, leaseKey: keyOfDirectory, createGuid } as const),
};

interface Scene {
  readonly tree: TestTree;
  readonly rival: TestTree;
  readonly client: CachingClient;
  readonly noticed: readonly string[];
}

async function scene(dialect: number = DialectRevision.SMB_3_1_1): Promise<Scene> {
  const server = memoryServer();
  const connect = async (clientGuid: string) => {
    const client = await connectClient(server.connect(), { clientGuid, dialects: [dialect] });
    return (await client.logOn(alice)).connectTree('files');
  };
  const [tree, rival] = [await connect(createGuid), await connect(keyOfFile)];
  await make(rival, 'd', { createOptions: CreateOption.DIRECTORY_FILE });
  const noticed: string[] = [];
  const unused = () => () => {};
  const observer = {
    ...{ writing: unused, flushing: unused },
    noticed: (_: unknown, what: string) => void noticed.push(what),
  };
  return { tree, rival, noticed, client: new CachingClient(tree, observer, 1) };
}

/** Makes a file, of which everybody has heard then. */
async function make(tree: TestTree, name: string, options: OpenOptions = {}): Promise<void> {
  await (await tree.open(name, options)).close();
  for (let count = 0; count < 20; count++) await turn();
}

async function listed(directory: CachedDirectory): Promise<string> {
  const { entries, source } = await directory.list({ isPiecemeal: true });
  return `${source}: ${[...entries.keys()].join(' ')}`;
}

test('a directory is asked for its names once, until somebody else changes them', async () => {
  const { rival, client } = await scene();
  await make(rival, 'd\\a');
  const directory = await client.openDirectory('d', wish);
  assert.equal(await listed(directory), 'server: a');
  assert.equal(await listed(directory), 'cache: a');
  assert.notEqual(directory.known('a'), 0n);
  assert.equal(directory.known('b'), 0n);
  await make(rival, 'd\\b');
  assert.equal(directory.state, 0);
  assert.equal(directory.known('b'), undefined);
  assert.equal(await listed(directory), 'server: a b');
  assert.equal(await listed(directory), 'server: a b');
});

test('a name that was not found is known to be absent, until somebody else changes the directory', async () => {
  const { rival, client } = await scene();
  const directory = await client.openDirectory('d', wish);
  assert.equal(directory.known('a'), undefined);
  await directory.lookUp('a', async () => 0n);
  assert.equal(directory.known('a'), 0n);
  await directory.lookUp('b', async () => {
    await make(rival, 'd\\b');
    return 0n;
  });
  assert.equal(directory.known('a'), undefined);
  assert.equal(directory.known('b'), undefined);
});

test('what a client changes under its own lease leaves the lease alone, and is forgotten by the client', async () => {
  const { tree, client, noticed } = await scene();
  const directory = await client.openDirectory('d', wish);
  assert.equal(await listed(directory), 'server: ');
  const file = { kind: 'lease', isDurable: false, leaseState: 0, leaseKey: keyOfFile, createGuid } as const;
  const { parentLeaseKey } = directory;
  const options = wishOptions({ ...file, parentLeaseKey }, DialectRevision.SMB_3_1_1);
  await directory.changing(() => make(tree, 'd\\a', options));
  assert.equal(directory.state, R | H);
  assert.equal(await listed(directory), 'server: a');
  assert.equal(await listed(directory), 'cache: a');
  assert.deepEqual(noticed, []);
});

test('a directory that was closed stays open with its cache, until somebody minds', async () => {
  const { rival, client } = await scene();
  const directory = await client.openDirectory('d', wish);
  await listed(directory);
  await directory.close();
  assert.equal(await listed(directory), 'cache: ');
  await directory.close();
  await make(rival, 'd\\a');
  assert.equal(directory.isOpen, false);
});

test('what was cached does not outlive the connection, or the channel', async () => {
  const { tree, rival, client } = await scene();
  const directory = await client.openDirectory('d', wish);
  await listed(directory);
  client.move(tree);
  assert.equal(directory.known('a'), undefined);
  assert.equal(await listed(directory), 'server: ');
  await client.reconnect(rival);
  assert.equal(directory.isOpen, false);
  assert.equal(directory.known('a'), undefined);
});

test('before dialect 3.0 there are no leases on directories', async () => {
  const { tree, client } = await scene(DialectRevision.SMB_2_1);
  assert.equal(hasDirectoryLeasing(tree), false);
  const directory = await client.openDirectory('d', { ...wish, kind: 'none' });
  assert.equal(directory.parentLeaseKey, undefined);
  assert.equal(await listed(directory), 'server: ');
  assert.equal(await listed(directory), 'server: ');
});
