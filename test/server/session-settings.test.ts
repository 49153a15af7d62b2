/**
 * Settings of the session, each seen on the wire.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Log, LogFields } from '../../src/base/log.ts';
import { NtStatus } from '../../src/base/status.ts';
import { Cipher, SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import type { Server } from '../../src/server/server.ts';
import type { Settings } from '../../src/session/settings.ts';
import {
  allDialects,
  connectClient,
  type NegotiateOffer,
  type TestClient,
} from '../../src/testing/client.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { Capability, SecurityMode } from '../../src/wire/smb2/negotiate.ts';
import { SessionFlags } from '../../src/wire/smb2/session-setup.ts';
import { ShareFlags } from '../../src/wire/smb2/tree-connect.ts';
import { requestsOn } from '../abuse/request-table.ts';
import { refusal, TestClock } from '../abuse/scene.ts';
import { spared } from '../testing/expired-session.ts';
import { alice, type MemoryServerOptions, memoryServer } from '../testing/memory-server.ts';

type Connect = (offer?: NegotiateOffer) => Promise<TestClient>;

async function serving(
  options: MemoryServerOptions,
  body: (connect: Connect, server: Server) => Promise<void>,
): Promise<void> {
  const server = memoryServer(options);
  try {
    await body((offer) => connectClient(server.connect(), offer), server);
  } finally {
    await server.close({ drainMs: 0 });
  }
}

/** The same for settings alone. */
const serves = (settings: Partial<Settings>, body: Parameters<typeof serving>[1]): Promise<void> =>
  serving({ settings }, body);

const algorithms = ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256'] as const;
const ciphers = ['AES-128-GCM', 'AES-128-CCM', 'AES-256-GCM', 'AES-256-CCM'] as const;

describe('signing.required', () => {
  for (const required of [true, false]) {
    it(`${required}: is announced, and decides whether unsigned requests are served`, () =>
      serves({ signing: { required, algorithms } }, async (connect) => {
        for (const dialect of allDialects) {
          const client = await connect({ dialects: [dialect] });
          const announced = client.negotiated.response.securityMode & SecurityMode.SIGNING_REQUIRED;
          assert.equal(announced !== 0, required);
          const session = await client.logOn(alice);
          const tree = await session.connectTree('files');
          const file = await tree.open('x');
          const read = await tree.request(Command.READ, file.readRequest(0n, 1), { protection: 'none' });
          assert.equal(read.status, required ? NtStatus.ACCESS_DENIED : NtStatus.END_OF_FILE);
          assert.equal(read.isSigned, required);
        }
      }));
  }
});

describe('signing.algorithms', () => {
  for (const [index, first] of algorithms.entries()) {
    const rest = [...algorithms.slice(index + 1), ...algorithms.slice(0, index)];
    it(`${first} first: what the client offers in any order is signed with it`, () =>
      serves({ signing: { required: true, algorithms: [first, ...rest] } }, async (connect) => {
        const wanted = [SigningAlgorithm.AES_GMAC, SigningAlgorithm.AES_CMAC, SigningAlgorithm.HMAC_SHA256][
          index
        ];
        for (const signingAlgorithms of [
          [0, 1, 2],
          [2, 1, 0],
        ]) {
          const client = await connect({ signingAlgorithms });
          assert.equal(client.negotiated.signingAlgorithm, wanted);
          const session = await client.logOn(alice);
          assert.equal(session.signer?.algorithm, wanted);
          assert.equal((await client.echo(session)).isSignatureRight, true);
        }
      }));
  }

  it('without a common one: no context in the answer, and AES-CMAC', () =>
    serves({ signing: { required: true, algorithms: ['AES-GMAC'] } }, async (connect) => {
      const client = await connect({ signingAlgorithms: [SigningAlgorithm.HMAC_SHA256] });
      assert.equal(client.negotiated.signingAlgorithm, undefined);
      const session = await client.logOn(alice);
      assert.equal(session.signer?.algorithm, SigningAlgorithm.AES_CMAC);
      assert.equal((await client.echo(session)).isSignatureRight, true);
    }));
});

describe('encryption.mode', () => {
  const rows = [
    { mode: 'off', offers: false, asks: false, plainStatus: NtStatus.SUCCESS },
    { mode: 'available', offers: true, asks: false, plainStatus: NtStatus.SUCCESS },
    { mode: 'preferred', offers: true, asks: true, plainStatus: NtStatus.SUCCESS },
    { mode: 'required', offers: true, asks: true, plainStatus: NtStatus.ACCESS_DENIED },
  ] as const;
  for (const { mode, offers, asks, plainStatus } of rows) {
    for (const dialect of [0x0300, 0x0302, 0x0311]) {
      it(`${mode}, of the server, in ${dialect.toString(16)}`, () =>
        serves({ encryption: { mode, ciphers } }, async (connect) => {
          const client = await connect({ dialects: [dialect] });
          assert.equal(client.negotiated.cipher !== undefined, offers);
          const session = await client.logOn(alice);
          assert.equal((session.sessionFlags & SessionFlags.ENCRYPT_DATA) !== 0, asks);
          assert.equal((await client.echo(session)).isSealed, asks);
          const plain = await connect({ dialects: [dialect], ciphers: [] });
          const attempt = plain.logOn(alice);
          if (plainStatus === NtStatus.SUCCESS) assert.equal((await attempt).sessionFlags, 0);
          else assert.equal(await refusal(attempt), plainStatus);
        }));
    }
  }

  it('off in 3.1.1: a context that names no cipher', () =>
    serves({ encryption: { mode: 'off', ciphers } }, async (connect) => {
      const { response } = (await connect()).negotiated;
      const data = response.negotiateContexts?.find((row) => row.contextType === 2)?.data;
      assert.equal(data?.toString('hex'), '01000000');
    }));

  for (const mode of ['off', 'available', 'preferred', 'required'] as const) {
    it(`${mode}, of a share`, () =>
      serving({}, async (connect, server) => {
        const share = server.state.shares.get('files');
        assert.ok(share !== undefined);
        server.state.shares.set('files', { ...share, encryption: mode });
        const asks = mode === 'preferred' || mode === 'required';
        const tree = await (await (await connect()).logOn(alice)).connectTree('files');
        assert.equal((tree.response.shareFlags & ShareFlags.ENCRYPT_DATA) !== 0, asks);
        const plain = await (await connect({ ciphers: [] })).logOn(alice);
        const attempt = plain.connectTree('files');
        if (mode === 'required') assert.equal(await refusal(attempt), NtStatus.ACCESS_DENIED);
        else assert.equal((await attempt).response.shareFlags & ShareFlags.ENCRYPT_DATA, 0);
      }));
  }
});

describe('encryption.ciphers', () => {
  const ids = [Cipher.AES_128_GCM, Cipher.AES_128_CCM, Cipher.AES_256_GCM, Cipher.AES_256_CCM];
  for (const [index, first] of ciphers.entries()) {
    it(`${first} first: what the client offers in any order is sealed with it`, () =>
      serves(
        { encryption: { mode: 'required', ciphers: [first, ...ciphers.filter((name) => name !== first)] } },
        async (connect) => {
          for (const offered of [ids, ids.toReversed()]) {
            const client = await connect({ ciphers: offered });
            assert.equal(client.negotiated.cipher, ids[index]);
            const session = await client.logOn(alice);
            assert.ok((await client.echo(session)).isSealed);
          }
        },
      ));
  }

  it('without AES-128-CCM: 3.0 and 3.0.2 cannot encrypt', () =>
    serves({ encryption: { mode: 'available', ciphers: ['AES-128-GCM'] } }, async (connect) => {
      for (const dialect of [0x0300, 0x0302]) {
        const { response } = (await connect({ dialects: [dialect] })).negotiated;
        assert.equal(response.capabilities & Capability.ENCRYPTION, 0);
      }
    }));
});

describe('dialects', () => {
  const names = ['2.0.2', '2.1', '3.0', '3.0.2', '3.1.1'] as const;
  for (const [low, min] of names.entries()) {
    for (const [high, max] of names.entries()) {
      if (high < low) continue;
      it(`from ${min} to ${max}: nothing else is spoken`, () =>
        serves({ dialects: { min, max } }, async (connect) => {
          assert.equal((await connect()).negotiated.dialect, allDialects[high]);
          for (const [index, dialect] of allDialects.entries()) {
            const attempt = connect({ dialects: [dialect] });
            if (index >= low && index <= high) assert.equal((await attempt).negotiated.dialect, dialect);
            else assert.equal(await refusal(attempt), NtStatus.NOT_SUPPORTED);
          }
        }));
    }
  }
});

describe('a client that is too old', () => {
  it('is named in the log with what it offers', async () => {
    const lines: (readonly [event: string, fields: LogFields | undefined])[] = [];
    const log: Log = { enabled: () => true, write: (_, event, fields) => lines.push([event, fields]) };
    await serving({ log, settings: { dialects: { min: '3.0', max: '3.1.1' } } }, async (connect) => {
      assert.equal(await refusal(connect({ dialects: [0x0202, 0x0210] })), NtStatus.NOT_SUPPORTED);
    });
    const [, fields] = lines.find(([event]) => event === 'dialects-refused') ?? [];
    assert.deepEqual([fields?.['offered'], fields?.['min'], fields?.['max']], ['2.0.2 2.1', '3.0', '3.1.1']);
  });
});

describe('session.lifetime', () => {
  it('ends in NETWORK_SESSION_EXPIRED, signed, for all but what tidies up, until the client authenticates again', async () => {
    const clock = new TestClock();
    const options = { clock, settings: { session: { lifetimeMs: 60_000 } } };
    await serving(options, async (connect, server) => {
      for (const dialect of allDialects) {
        const client = await connect({ dialects: [dialect] });
        const session = await client.logOn(alice);
        const tree = await session.connectTree('files');
        const file = await tree.open('kept');
        await file.write(0n, Buffer.from('kept'));
        await clock.advance(59_999);
        assert.equal((await file.read(0n, 4)).toString(), 'kept');
        await clock.advance(1);
        for (const [command, body] of requestsOn(file)) {
          if (spared.includes(command)) continue;
          const response = await tree.request(command, body);
          assert.equal(response.status, NtStatus.NETWORK_SESSION_EXPIRED, `command ${command}`);
          assert.equal(response.isSignatureRight, true);
        }
        await session.reauthenticate(alice);
        assert.equal((await file.read(0n, 4)).toString(), 'kept');
        await clock.advance(60_000);
        for (const command of spared) {
          const body = requestsOn(file).get(command);
          assert.ok(body !== undefined);
          assert.equal((await tree.request(command, body)).status, NtStatus.SUCCESS, `command ${command}`);
        }
        assert.ok(!server.state.sessions.has(session.sessionId));
      }
    });
  });

  it('is renewed by every re-authentication, also before it ends', async () => {
    const clock = new TestClock();
    await serving({ clock, settings: { session: { lifetimeMs: 60_000 } } }, async (connect) => {
      const session = await (await connect()).logOn(alice);
      for (let round = 0; round < 3; round++) {
        await clock.advance(50_000);
        await session.reauthenticate(alice);
      }
      await session.connectTree('files');
    });
  });

  it('of 0 never ends', async () => {
    const clock = new TestClock();
    await serving({ clock }, async (connect) => {
      const session = await (await connect()).logOn(alice);
      await clock.advance(3_600_000);
      await session.connectTree('files');
    });
  });

  it('binds no channel to an expired session', async () => {
    const clock = new TestClock();
    await serving({ clock, settings: { session: { lifetimeMs: 60_000 } } }, async (connect) => {
      const session = await (await connect()).logOn(alice);
      await clock.advance(60_000);
      assert.equal(await refusal(session.bind(await connect(), alice)), NtStatus.NETWORK_SESSION_EXPIRED);
      await session.reauthenticate(alice);
      await session.bind(await connect(), alice);
    });
  });

  it('binds no channel to a session that expires between the legs, and says so', async () => {
    class LeapingClock extends TestClock {
      leapMs = 0;
      override monotonicMs(): number {
        return super.monotonicMs() + this.leapMs;
      }
    }
    const clock = new LeapingClock();
    await serving({ clock, settings: { session: { lifetimeMs: 60_000 } } }, async (connect) => {
      const session = await (await connect()).logOn(alice);
      const tamper = (token: Buffer, leg: number) => {
        if (leg > 0) clock.leapMs = 60_000;
        return token;
      };
      const binding = session.bind(await connect(), alice, { tamper });
      assert.equal(await refusal(binding), NtStatus.NETWORK_SESSION_EXPIRED);
      await session.reauthenticate(alice);
      await session.bind(await connect(), alice);
    });
  });
});

describe('multichannel', () => {
  for (const multichannel of [true, false]) {
    it(`${multichannel}: the capability, the list of interfaces and further channels`, () =>
      serves({ multichannel }, async (connect) => {
        const client = await connect();
        const { capabilities } = client.negotiated.response;
        assert.equal((capabilities & Capability.MULTI_CHANNEL) !== 0, multichannel);
        const session = await client.logOn(alice);
        const tree = await session.connectTree('files');
        const listing = tree.ioctl(Fsctl.QUERY_NETWORK_INTERFACE_INFO, Buffer.alloc(0));
        if (multichannel) assert.ok((await listing).length >= 152);
        else assert.equal(await refusal(listing), NtStatus.NOT_SUPPORTED);
        const binding = session.bind(await connect(), alice);
        if (multichannel) await binding;
        else assert.equal(await refusal(binding), NtStatus.REQUEST_NOT_ACCEPTED);
      }));
  }
});

describe('limits', () => {
  it('of sessions, logons and trees are kept', () =>
    serving(
      { limits: { sessionCountPerConnection: 2, treeConnectCountPerSession: 2, openCountPerSession: 2 } },
      async (connect) => {
        const client = await connect();
        const session = await client.logOn(alice);
        await client.logOn(alice);
        assert.equal(await refusal(client.logOn(alice)), NtStatus.INSUFFICIENT_RESOURCES);
        const tree = await session.connectTree('files');
        await session.connectTree('files');
        assert.equal(await refusal(session.connectTree('files')), NtStatus.INSUFFICIENT_RESOURCES);
        await tree.open('1');
        await tree.open('2');
        assert.equal(await refusal(tree.open('3')), NtStatus.TOO_MANY_OPENED_FILES);
      },
    ));

  it('of credits are kept', () =>
    serving({ limits: { creditCount: 20 } }, async (connect) => {
      const client = await connect();
      const session = await client.logOn(alice);
      for (let count = 0; count < 5; count++) await client.echo(session);
      assert.equal(client.credits, 20);
    }));

  it('of payloads are announced and kept', () =>
    serving({ limits: { payloadBytes: 131_072 } }, async (connect) => {
      const client = await connect();
      assert.equal(client.negotiated.response.maxReadSize, 131_072);
      const tree = await (await client.logOn(alice)).connectTree('files');
      const file = await tree.open('x');
      assert.equal(await refusal(file.read(0n, 131_073)), NtStatus.INVALID_PARAMETER);
    }));
});

describe('a change of the settings', () => {
  it('holds for connections made after it, and not for those that are there', () =>
    serving({}, async (connect, server) => {
      const before = await connect();
      const session = await before.logOn(alice);
      const { settings } = server.state;
      server.update({
        ...settings,
        dialects: { min: '2.0.2', max: '3.0.2' },
        signing: { required: true, algorithms: ['HMAC-SHA256'] },
        encryption: { mode: 'required', ciphers: ['AES-128-CCM'] },
      });
      assert.equal((await before.echo(session)).isSealed, false);
      await session.connectTree('files');
      const after = await connect();
      assert.equal(after.negotiated.dialect, 0x0302);
      assert.ok((await after.echo(await after.logOn(alice))).isSealed);
    }));

  it('leaves VALIDATE_NEGOTIATE_INFO of older connections true', () =>
    serving({}, async (connect, server) => {
      const client = await connect({ dialects: [0x0300, 0x0302] });
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      server.update({ ...server.state.settings, dialects: { min: '2.0.2', max: '3.0' } });
      const { capabilities, clientGuid, securityMode, dialects } = client.negotiated.request;
      const input = Buffer.alloc(28);
      input.writeUInt32LE(capabilities, 0);
      guidBytes(clientGuid).copy(input, 4);
      input.writeUInt16LE(securityMode, 20);
      input.writeUInt16LE(dialects.length, 22);
      for (const [index, dialect] of dialects.entries()) input.writeUInt16LE(dialect, 24 + index * 2);
      const output = await tree.ioctl(Fsctl.VALIDATE_NEGOTIATE_INFO, input);
      assert.equal(output.readUInt16LE(22), 0x0302);
    }));
});

function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
