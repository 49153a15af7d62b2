import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { memoryBackend, type RunningServer, type ServeOptions, serve } from '../../src/index.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LockFlags, LockRequest } from '../../src/wire/smb2/lock.ts';
import { Capability, SecurityMode } from '../../src/wire/smb2/negotiate.ts';
import { type Negotiated, negotiate } from './wire-client.ts';

const start = (settings: Partial<ServeOptions> = {}): Promise<RunningServer> =>
  serve({ port: 0, users: [{ name: 'anna', password: 'x' }], shares: { a: memoryBackend() }, ...settings });

async function negotiated(
  settings: Partial<ServeOptions>,
  dialects?: readonly number[],
): Promise<Negotiated> {
  await using server = await start(settings);
  return await negotiate(server.address.port, dialects);
}

const has = (flags: number, flag: number) => (flags & flag) !== 0;

describe('seen in the first answer of the server', () => {
  it('signing.required', async () => {
    assert.ok(has((await negotiated({})).securityMode, SecurityMode.SIGNING_REQUIRED));
    const relaxed = await negotiated({ signing: { required: false } });
    assert.ok(!has(relaxed.securityMode, SecurityMode.SIGNING_REQUIRED));
  });

  it('signing.algorithms: the first of the server that the client knows', async () => {
    assert.equal((await negotiated({})).signingAlgorithm, 2);
    assert.equal(
      (await negotiated({ signing: { algorithms: ['AES-CMAC', 'AES-GMAC'] } })).signingAlgorithm,
      1,
    );
    assert.equal((await negotiated({ signing: { algorithms: ['HMAC-SHA256'] } })).signingAlgorithm, 0);
  });

  it('encryption.ciphers: the first of the server that the client knows', async () => {
    const ciphers = { 'AES-128-CCM': 1, 'AES-128-GCM': 2, 'AES-256-CCM': 3, 'AES-256-GCM': 4 } as const;
    for (const name of ['AES-128-CCM', 'AES-128-GCM', 'AES-256-CCM', 'AES-256-GCM'] as const) {
      assert.equal((await negotiated({ encryption: { ciphers: [name] } })).cipher, ciphers[name], name);
    }
    assert.equal((await negotiated({})).cipher, 2);
  });

  it('encryption.mode off: no cipher and no capability', async () => {
    const off = { encryption: { mode: 'off' } } satisfies Partial<ServeOptions>;
    assert.ok([undefined, 0].includes((await negotiated(off)).cipher));
    assert.ok(!has((await negotiated(off, [0x0300])).capabilities, Capability.ENCRYPTION));
    assert.ok(has((await negotiated({}, [0x0300])).capabilities, Capability.ENCRYPTION));
  });

  it('dialects.min and dialects.max', async () => {
    assert.equal((await negotiated({})).dialect, 0x0311);
    assert.equal((await negotiated({ dialects: { max: '3.0.2' } })).dialect, 0x0302);
    assert.equal((await negotiated({ dialects: { min: '2.0.2', max: '2.0.2' } })).dialect, 0x0202);
    const old = [0x0202, 0x0210];
    assert.equal((await negotiated({ dialects: { min: '2.0.2' } }, old)).dialect, 0x0210);
    assert.equal((await negotiated({}, old)).status, NtStatus.NOT_SUPPORTED);
  });

  it('multichannel', async () => {
    assert.ok(has((await negotiated({}, [0x0300])).capabilities, Capability.MULTI_CHANNEL));
    const single = await negotiated({ multichannel: false }, [0x0300]);
    assert.ok(!has(single.capabilities, Capability.MULTI_CHANNEL));
  });

  it('limits.payloadBytes', async () => {
    assert.equal((await negotiated({})).maxReadSize, 8 * 1024 * 1024);
    assert.equal((await negotiated({ limits: { payloadBytes: 1024 * 1024 } })).maxReadSize, 1024 * 1024);
  });

  it('profile hardened', async () => {
    const hardened = await negotiated({ profile: 'hardened' });
    assert.equal(hardened.dialect, 0x0311);
    assert.ok(has(hardened.securityMode, SecurityMode.SIGNING_REQUIRED));
    assert.equal((await negotiated({ profile: 'hardened' }, [0x0300])).status, NtStatus.NOT_SUPPORTED);
  });

  it('a change on the running server, from the next connection on', async () => {
    await using server = await start();
    assert.equal((await negotiate(server.address.port)).dialect, 0x0311);
    server.settings.update({ dialects: { max: '3.0' }, signing: { required: false } });
    const after = await negotiate(server.address.port);
    assert.equal(after.dialect, 0x0300);
    assert.ok(!has(after.securityMode, SecurityMode.SIGNING_REQUIRED));
    assert.throws(() => server.settings.update({ dialects: { min: '3.1.1' } }));
    assert.equal((await negotiate(server.address.port)).dialect, 0x0300);
  });
});

describe('changed while the server runs', () => {
  it('limits of names and locks hold from then on', async () => {
    await using server = await start();
    const socket = connect(server.address.port, '127.0.0.1');
    await once(socket, 'connect');
    const client = await connectClient(streamTransport(socket));
    const tree = await (await client.logOn({ user: 'anna', password: 'x' })).connectTree('a');
    const name = 'd'.repeat(200);
    const long = `${name}\\${name}`;
    const isStatus = (status: NtStatus) => (error: unknown) =>
      error instanceof NtStatusError && error.status === status;
    await assert.rejects(tree.open(long), isStatus(NtStatus.OBJECT_PATH_NOT_FOUND));
    const file = await tree.open('f');
    server.settings.update({ limits: { pathChars: 255, lockCountPerOpen: 1 } });
    await assert.rejects(tree.open(long), isStatus(NtStatus.OBJECT_NAME_INVALID));
    const statuses: number[] = [];
    for (const offset of [0n, 10n]) {
      const locks = [{ offset, length: 1n, flags: LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY }];
      const body = LockRequest.encode({ lockSequence: 0, fileId: file.fileId, locks });
      statuses.push((await tree.request(Command.LOCK, body)).status);
    }
    assert.deepEqual(statuses, [NtStatus.SUCCESS, NtStatus.INSUFFICIENT_RESOURCES]);
    client.close();
  });
});
