import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { ConfigurationError, memoryBackend, serve } from '../../src/index.ts';
import {
  allDialects,
  connectClient,
  createRequestOf,
  streamTransport,
  type TestFile,
  type TestSession,
} from '../../src/testing/client.ts';
import { LeaseState, OplockLevel } from '../../src/wire/flags.ts';
import { CreateResponse } from '../../src/wire/smb2/create.ts';
import {
  CreateContextName,
  DurableHandleReconnectV2,
  DurableHandleRequestV2,
  DurableHandleResponseV2,
  RequestLeaseV2,
} from '../../src/wire/smb2/create-context.ts';
import type { FileId } from '../../src/wire/smb2/file-id.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { LockRequest } from '../../src/wire/smb2/lock.ts';
import { ShareCapability } from '../../src/wire/smb2/tree-connect.ts';

const command = resolve(dirname(import.meta.filename), '../../src/cli/main.ts');
const anna = { user: 'anna', password: 'Secret.1' };
const bert = { user: 'bert', password: 'Secret.2' };
const leaseKey = '11111111-2222-3333-4444-555555555555';
const createGuid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const clientGuid = '12345678-1234-1234-1234-123456789abc';
const rivalGuid = '99999999-8888-7777-6666-555555555555';
const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;
const exclusively = 0x12;
const PERSISTENT = 2;

/** A folder served as a share `data`, by one process after the other. */
class Site {
  readonly root = mkdtempSync(join(tmpdir(), 'smbkit-available-'));
  readonly configFile = join(this.root, 'smbkit.json');
  process: ChildProcess | undefined;
  port = 0;

  constructor(continuousAvailability = true) {
    for (const folder of ['data', 'state']) mkdirSync(join(this.root, folder));
    const users = [anna, bert].map(({ user, password }) => ({ name: user, password }));
    const shares = { data: { path: join(this.root, 'data'), continuousAvailability } };
    const server = { port: 0, stateDir: join(this.root, 'state') };
    const configuration = { server, users, shares, dialects: { min: '2.0.2' } };
    writeFileSync(this.configFile, JSON.stringify(configuration), { mode: 0o600 });
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [command, 'serve', '--json', '--config', this.configFile], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const event: Record<string, unknown> = JSON.parse(line);
      if (event['event'] !== 'listening') continue;
      this.port = Number(event['port']);
      return;
    }
    throw new Error('the server ended before it listened');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async logOn(who = anna, guid = clientGuid, dialects = allDialects): Promise<TestSession> {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const client = await connectClient(streamTransport(socket), { clientGuid: guid, dialects });
    return client.logOn(who);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
  }
}

const leaseContext = {
  name: CreateContextName.REQUEST_LEASE,
  data: RequestLeaseV2.encode({
    leaseKey,
    leaseState: R | W | H,
    leaseFlags: 0,
    parentLeaseKey: '00000000-0000-0000-0000-000000000000',
    epoch: 7,
  }),
};

function persistent(guid = createGuid) {
  const data = DurableHandleRequestV2.encode({ timeout: 60_000, flags: PERSISTENT, createGuid: guid });
  return { name: CreateContextName.DURABLE_HANDLE_REQUEST_V2, data };
}

/** What is opened first: leased, persistent. */
const leased = { oplockLevel: OplockLevel.LEASE, contexts: [leaseContext, persistent()] };

function reconnect(fileId: FileId, guid = createGuid) {
  const data = DurableHandleReconnectV2.encode({ fileId, createGuid: guid, flags: PERSISTENT });
  const context = { name: CreateContextName.DURABLE_HANDLE_RECONNECT_V2, data };
  return { oplockLevel: OplockLevel.LEASE, contexts: [leaseContext, context] };
}

function isPersistent({ created }: TestFile): boolean {
  const { createContexts } = created;
  const answer = createContexts.find(({ name }) => name === CreateContextName.DURABLE_HANDLE_REQUEST_V2);
  return answer !== undefined && (DurableHandleResponseV2.decode(answer.data).flags & PERSISTENT) !== 0;
}

function leaseStateOf({ created }: TestFile): number | undefined {
  const { createContexts } = created;
  const answer = createContexts.find(({ name }) => name === CreateContextName.REQUEST_LEASE);
  return answer && RequestLeaseV2.decode(answer.data).leaseState;
}

async function lock({ tree, fileId }: TestFile, flags: number): Promise<number> {
  const locks = [{ offset: 10n, length: 5n, flags }];
  const { status } = await tree.request(Command.LOCK, LockRequest.encode({ lockSequence: 0, fileId, locks }));
  return status;
}

const isStatus = (status: number) => (error: unknown) =>
  error instanceof NtStatusError && error.status === status;

describe('a share that is continuously available', () => {
  it('says so to clients of version 3, and to no others', async () => {
    await using site = new Site();
    await site.start();
    for (const [dialects, expected] of [
      [allDialects, ShareCapability.CONTINUOUS_AVAILABILITY],
      [allDialects.slice(0, 2), 0],
    ] as const) {
      const { response } = await (await site.logOn(anna, clientGuid, dialects)).connectTree('data');
      assert.equal(response.capabilities, expected);
    }
  });

  it('gives an open back with its lease and locks after kill -9', async () => {
    await using site = new Site();
    await site.start();
    const before = await (await site.logOn()).connectTree('data');
    const first = await before.open('Kept.txt', leased);
    assert.ok(isPersistent(first));
    assert.equal(leaseStateOf(first), R | W | H);
    const { fileId } = first;
    await first.write(0n, Buffer.from('what was written'));
    assert.equal(await lock(first, exclusively), NtStatus.SUCCESS);
    await site.end('SIGKILL');
    await site.start();

    const rival = await (await site.logOn(bert, rivalGuid)).connectTree('data');
    const other = await (await site.logOn(bert)).connectTree('data');
    await assert.rejects(other.open('kept.txt', reconnect(fileId)), isStatus(NtStatus.ACCESS_DENIED));
    const after = await (await site.logOn()).connectTree('data');
    const again = await after.open('kept.txt', reconnect(fileId));
    assert.equal(again.fileId.persistent, fileId.persistent);
    assert.equal(leaseStateOf(again), R | W | H);
    assert.equal(String(await again.read(0n, 100)), 'what was written');
    // The lease still counts: others wait until it is given up, and then meet the lock.
    const opening = rival.open('Kept.txt');
    const notice = await after.session.connection.nextUnsolicited();
    assert.equal(notice.header.command, Command.OPLOCK_BREAK);
    await again.close();
    const opened = await opening;
    assert.equal(await lock(opened, exclusively), NtStatus.SUCCESS);
  });

  it('keeps locks against others until its client is back', async () => {
    await using site = new Site();
    await site.start();
    const before = await (await site.logOn()).connectTree('data');
    const first = await before.open('locked', { contexts: [persistent()] });
    assert.equal(await lock(first, exclusively), NtStatus.SUCCESS);
    await site.end('SIGKILL');
    await site.start();
    const rival = await (await site.logOn(bert, rivalGuid)).connectTree('data');
    const opened = await rival.open('locked');
    assert.equal(await lock(opened, exclusively), NtStatus.LOCK_NOT_GRANTED);
  });

  it('keeps opens over an orderly restart too, and forgets those that were closed', async () => {
    await using site = new Site();
    await site.start();
    const before = await (await site.logOn()).connectTree('data');
    const kept = await before.open('kept', leased);
    const closed = await before.open('closed', { contexts: [persistent(rivalGuid)] });
    await closed.close();
    await site.end('SIGTERM');
    await site.start();
    const after = await (await site.logOn()).connectTree('data');
    const gone = after.open('closed', { ...reconnect(closed.fileId, rivalGuid), oplockLevel: 0 });
    await assert.rejects(gone, isStatus(NtStatus.OBJECT_NAME_NOT_FOUND));
    await after.open('kept', reconnect(kept.fileId));
  });

  it('answers a replayed creation with the open that it made before', async () => {
    await using site = new Site();
    await site.start();
    const before = await (await site.logOn()).connectTree('data');
    const first = await before.open('replayed', leased);
    await site.end('SIGKILL');
    await site.start();
    const after = await (await site.logOn()).connectTree('data');
    await assert.rejects(after.open('replayed', leased), isStatus(NtStatus.DUPLICATE_OBJECTID));
    const replay = await after.request(Command.CREATE, createRequestOf('replayed', leased), {
      header: { flags: HeaderFlags.REPLAY_OPERATION },
    });
    assert.equal(replay.status, NtStatus.SUCCESS);
    assert.equal(replay.decode(CreateResponse).fileId.persistent, first.fileId.persistent);
  });

  it('forgets an open whose file is another one by now', async () => {
    await using site = new Site();
    await site.start();
    const before = await (await site.logOn()).connectTree('data');
    const { fileId } = await before.open('swapped', leased);
    await site.end('SIGKILL');
    writeFileSync(join(site.root, 'data', 'new'), 'another');
    renameSync(join(site.root, 'data', 'new'), join(site.root, 'data', 'swapped'));
    await site.start();
    const after = await (await site.logOn()).connectTree('data');
    await assert.rejects(after.open('swapped', reconnect(fileId)), isStatus(NtStatus.OBJECT_NAME_NOT_FOUND));
  });
});

describe('a share that is not', () => {
  it('grants no persistent handles', async () => {
    await using site = new Site(false);
    await site.start();
    const tree = await (await site.logOn()).connectTree('data');
    const answer = await tree.open('plain', leased);
    assert.ok(!isPersistent(answer));
    assert.ok(!readdirSync(join(site.root, 'state')).includes('opens'));
  });
});

describe('continuousAvailability', () => {
  it('needs a state folder and files that stay', async () => {
    const shares = { data: { backend: memoryBackend(), continuousAvailability: true } };
    await assert.rejects(serve({ port: 0, shares }), (error: unknown) => {
      return error instanceof ConfigurationError && /set server\.stateDir/.test(error.message);
    });
  });
});
