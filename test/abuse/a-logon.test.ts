/** Rows A11, A13, A14 and B11: what a client can do with logons that never succeed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { NTLM_OID } from '../../src/auth/ntlm/acceptor.ts';
import { derOid } from '../../src/auth/spnego/der.ts';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { connectClient, type TestClient } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { SessionSetupRequest, SessionSetupResponse } from '../../src/wire/smb2/session-setup.ts';
import { alice } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { underAbuse } from './fixture.ts';
import { refusal, TestClock } from './scene.ts';

const { INVALID_PARAMETER, INSUFFICIENT_RESOURCES, LOGON_FAILURE, MORE_PROCESSING_REQUIRED } = NtStatus;

function setupBody(securityBuffer: Buffer): Buffer {
  return SessionSetupRequest.encode({
    flags: 0,
    securityMode: 1,
    capabilities: 1,
    previousSessionId: 0,
    securityBuffer,
  });
}

async function setup(client: TestClient, token: Buffer): Promise<number> {
  return (await client.request({ command: Command.SESSION_SETUP, body: setupBody(token) })).status;
}

/** NTLMSSP NEGOTIATE without SPNEGO. [MS-NLMP] 2.2.1.1 */
const ntlmNegotiate = Buffer.from(`4e544c4d5353500001000000978208e2${'00'.repeat(24)}`, 'hex');

describe('A11: half-open sessions', () => {
  it('end at the limit of a connection, and with it', async () => {
    await underAbuse(async ({ server, connect }) => {
      const client = await connect();
      const { sessionSetupCountPerConnection } = server.state.limits;
      const statuses = new Map<number, number>();
      const count = figure(5000, 100_000);
      for (let round = 0; round < count; round++) {
        const status = await setup(client, ntlmNegotiate);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      assert.equal(statuses.get(NtStatus.MORE_PROCESSING_REQUIRED), sessionSetupCountPerConnection);
      assert.equal(statuses.get(NtStatus.INSUFFICIENT_RESOURCES), count - sessionSetupCountPerConnection);
      assert.equal(server.counters().sessions, sessionSetupCountPerConnection + 2);
      client.close();
      await turn();
      assert.equal(server.counters().sessions, 2);
    });
  });

  it('time out, and with them their connection', async () => {
    const clock = new VirtualClock();
    await underAbuse(
      async ({ server, connect }) => {
        const client = await connect();
        assert.equal(await setup(client, ntlmNegotiate), NtStatus.MORE_PROCESSING_REQUIRED);
        await clock.advance(29_000);
        assert.equal(client.isClosed, false);
        await clock.advance(3000);
        assert.equal(client.isClosed, true);
        assert.equal(server.counters().sessions, 2);
      },
      { clock },
    );
  });

  it('with NTLM messages of unknown types fail and leave nothing', async () => {
    await underAbuse(async ({ server, connect }) => {
      const client = await connect();
      for (const type of [0, 2, 3, 4, 255, 0xffff_ffff]) {
        const token = Buffer.from(ntlmNegotiate);
        token.writeUInt32LE(type, 8);
        const status = await setup(client, token);
        assert.ok(status === NtStatus.LOGON_FAILURE || status === NtStatus.INVALID_PARAMETER, `type ${type}`);
      }
      assert.equal(server.counters().sessions, 2);
      client.close();
    });
  });
});

/** DER: a tag, a length in its shortest form, the content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([Buffer.from([tag, 0x84]), length, body]);
}

const spnegoOid = Buffer.from('06062b0601050502', 'hex');
const ntlmOid = Buffer.from('060a2b06010401823702020a', 'hex');
const kerberosOid = Buffer.from('06092a864886f712010202', 'hex');
const initiate = (...fields: readonly Buffer[]): Buffer =>
  der(0x60, spnegoOid, der(0xa0, der(0x30, ...fields)));
const mechTypes = (...oids: readonly Buffer[]): Buffer => der(0xa0, der(0x30, ...oids));
const mechToken = (token: Buffer): Buffer => der(0xa2, der(0x04, token));

function nested(depth: number, tag: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth && inner.length < 8000; level++) inner = der(tag, inner);
  return inner;
}

describe('A13: SPNEGO and ASN.1', () => {
  const right = initiate(mechTypes(ntlmOid), mechToken(ntlmNegotiate));
  const bombs: readonly (readonly [string, Buffer])[] = [
    ['2,000 sequences in each other', nested(2000, 0x30)],
    ['2,000 context tags in each other', initiate(nested(2000, 0xa0))],
    ['2,000 octet strings in each other', initiate(mechTypes(ntlmOid), mechToken(nested(2000, 0x04)))],
    ['a length of 2^31', Buffer.from(`608480000000${spnegoOid.toString('hex')}`, 'hex')],
    ['a length of 2^32 - 1', Buffer.from(`6084ffffffff${spnegoOid.toString('hex')}`, 'hex')],
    ['a length of 127 bytes', Buffer.concat([Buffer.from([0x60, 0xff]), Buffer.alloc(127, 0xff)])],
    ['a length of eight bytes', Buffer.from('60880000000000000000', 'hex')],
    ['an indefinite length', Buffer.concat([Buffer.from([0x60, 0x80]), spnegoOid, Buffer.alloc(2)])],
    ['1,000 mechanisms', initiate(mechTypes(...Array.from({ length: 1000 }, () => ntlmOid)))],
    ['10,000 mechanisms', initiate(mechTypes(...Array.from({ length: 10_000 }, () => ntlmOid)))],
    ['no mechanism', initiate(mechTypes(), mechToken(ntlmNegotiate))],
    ['no field at all', initiate()],
    ['another OID outside', der(0x60, kerberosOid, Buffer.alloc(8))],
    ['an OID without end', initiate(mechTypes(der(0x06, Buffer.alloc(200, 0x80))))],
    ['an empty OID', initiate(mechTypes(der(0x06)))],
    ['unknown mechanisms alone', initiate(mechTypes(der(0x06, Buffer.from('2a0304', 'hex'))))],
    ['an answer where a question belongs', der(0xa1, der(0x30, der(0xa2, der(0x04, ntlmNegotiate))))],
    [
      'a mechanism token of the wrong type',
      initiate(mechTypes(ntlmOid), der(0xa2, der(0x02, Buffer.from([1])))),
    ],
    ['an empty token', Buffer.alloc(0)],
    ['one byte', Buffer.from([0x60])],
  ];
  for (const [name, token] of bombs) {
    it(`${name}: no session, and quickly`, async () => {
      await underAbuse(async ({ server, connect }) => {
        const client = await connect();
        const before = process.cpuUsage().user;
        const status = await setup(client, token).catch(() => 'closed' as const);
        const spentMs = (process.cpuUsage().user - before) / 1000;
        const isRefused = status === NtStatus.LOGON_FAILURE || status === NtStatus.INVALID_PARAMETER;
        assert.ok(isRefused || status === 'closed', `status ${status}`);
        // Far above what it takes, far below what a bomb would.
        assert.ok(spentMs < 500, `${spentMs} ms`);
        assert.equal(server.counters().sessions, 2);
        client.close();
      });
    });
  }

  it('cut off or changed anywhere: an error, and nothing thrown', async () => {
    await underAbuse(async ({ connect }) => {
      const random = new SeededEntropy(13);
      let client = await connect();
      const tokens = [
        ...Array.from(right, (_, length) => right.subarray(0, length)),
        ...Array.from({ length: 1000 }, () => {
          const changed = Buffer.from(right);
          for (let count = 1 + random.below(3); count > 0; count--) {
            changed[random.below(changed.length)] = random.below(256);
          }
          return changed;
        }),
      ];
      for (const [index, token] of tokens.entries()) {
        if (index % 25 === 0 || client.isClosed) {
          client.close();
          client = await connect();
        }
        const status = await setup(client, token).catch(() => NtStatus.INVALID_PARAMETER);
        const known: readonly number[] = [LOGON_FAILURE, INVALID_PARAMETER, MORE_PROCESSING_REQUIRED];
        // Some changes leave a message right, and too many halves of logons are refused.
        assert.ok([...known, INSUFFICIENT_RESOURCES].includes(status), `${status}: ${token.toString('hex')}`);
      }
      client.close();
    });
  });

  /** A logon with the last byte of its own last message changed, where the checksum over the mechanisms stands. */
  const otherMic = (token: Buffer, leg: number): Buffer => {
    if (leg === 0) return token;
    const copy = Buffer.from(token);
    copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
    return copy;
  };
  const kerberos = '1.2.840.113554.1.2.2';

  it('a wrong checksum over the mechanisms: no session', async () => {
    await underAbuse(async ({ server, connect }) => {
      for (const mechanismsBefore of [[], [kerberos]]) {
        const client = await connect();
        const options = { mechanismsBefore, tamper: otherMic };
        assert.equal(await refusal(client.logOn(alice, options)), LOGON_FAILURE);
        assert.equal(server.counters().sessions, 2);
        client.close();
      }
    });
  });

  it('mechanisms put in front or taken away on the way: no session', async () => {
    await underAbuse(async ({ server, connect }) => {
      const ntlmFirst = derOid(NTLM_OID);
      const edits: readonly (readonly [readonly string[], (token: Buffer) => Buffer])[] = [
        [[kerberos], () => initiate(mechTypes(ntlmFirst))],
        [[], () => initiate(mechTypes(kerberosOid, ntlmFirst), mechToken(Buffer.alloc(4)))],
      ];
      for (const [mechanismsBefore, edit] of edits) {
        const client = await connect();
        const tamper = (token: Buffer, leg: number) => (leg === 0 ? edit(token) : token);
        assert.equal(await refusal(client.logOn(alice, { mechanismsBefore, tamper })), LOGON_FAILURE);
        assert.equal(server.counters().sessions, 2);
        client.close();
      }
      const client = await connect();
      await (await client.logOn(alice, { mechanismsBefore: [kerberos] })).logOff();
      client.close();
    });
  });
});

/** The application's form of a GSS token. RFC 4121 4.1 */
const ticketOf = (...parts: readonly Buffer[]): Buffer =>
  der(0x60, kerberosOid, Buffer.from([1, 0]), ...parts);
const integer = (value: number): Buffer => der(0x02, Buffer.from([value]));

/** An AP-REQ with a ticket and an authenticator of that encryption type. RFC 4120 5.5.1 */
function apReq(etype: number, cipherBytes: number): Buffer {
  const sealed = der(0x30, der(0xa0, integer(etype)), der(0xa2, der(0x04, Buffer.alloc(cipherBytes, 0x5a))));
  const realm = der(0xa1, der(0x1b, Buffer.from('EXAMPLE.COM')));
  const ticket = der(0x61, der(0x30, der(0xa0, integer(5)), realm, der(0xa3, sealed)));
  const options = der(0xa2, der(0x03, Buffer.alloc(5)));
  return der(
    0x6e,
    der(0x30, der(0xa0, integer(5)), der(0xa1, integer(14)), options, der(0xa3, ticket), der(0xa4, sealed)),
  );
}

describe('B11: Kerberos tickets', () => {
  const right = ticketOf(apReq(18, 300));
  const tickets: readonly (readonly [string, Buffer])[] = [
    ['whole ones', right],
    ['with RC4', ticketOf(apReq(23, 300))],
    ['with DES', ticketOf(apReq(3, 64))],
    ['cut short', right.subarray(0, 100)],
    ['of 15,000 bytes', ticketOf(apReq(18, 7000))],
    ['without the GSS form', apReq(18, 300)],
  ];
  for (const [what, ticket] of tickets) {
    it(`let nobody in, ${what}: Kerberos alone is refused, and beside NTLM the password is asked for`, async () => {
      await underAbuse(async ({ server, connect }) => {
        const client = await connect();
        const alone = [ticket, initiate(mechTypes(kerberosOid), mechToken(ticket))];
        for (const token of alone) assert.equal(await setup(client, token), NtStatus.INVALID_PARAMETER);
        assert.equal(server.counters().sessions, 2);
        const beside = initiate(mechTypes(kerberosOid, ntlmOid), mechToken(ticket));
        const answer = await client.request({ command: Command.SESSION_SETUP, body: setupBody(beside) });
        assert.equal(answer.status, NtStatus.MORE_PROCESSING_REQUIRED);
        const { securityBuffer } = answer.decode(SessionSetupResponse);
        assert.ok(securityBuffer.includes(ntlmOid) && !securityBuffer.includes(kerberosOid));
        client.close();
        // Two answers to one question: the second finds nothing that it could go on with.
        const twice = await connect();
        const both = await Promise.all([setup(twice, alone[1] ?? ticket), setup(twice, alone[1] ?? ticket)]);
        assert.deepEqual(both, [NtStatus.INVALID_PARAMETER, NtStatus.INVALID_PARAMETER]);
        twice.close();
      });
    });
  }
});

describe('A14: failed logons', () => {
  const rounds = figure(20, 600);

  it(`${100 * rounds} of them leave nothing, and a right one goes on`, async (t) => {
    await underAbuse(async ({ server, connect }) => {
      const before = process.memoryUsage().heapUsed;
      for (let round = 0; round < rounds; round++) {
        const client = await connect();
        for (let attempt = 0; attempt < 100; attempt++) {
          const wrong = { user: `nobody${attempt}`, password: 'wrong' };
          await assert.rejects(client.logOn(wrong), NtStatusError);
        }
        client.close();
      }
      t.diagnostic(
        `heap: ${Math.round((process.memoryUsage().heapUsed - before) / (100 * rounds))} bytes a logon, garbage included`,
      );
      const client = await connect();
      await (await client.logOn(alice)).logOff();
      client.close();
      await turn();
      assert.equal(server.counters().sessions, 2);
    });
  });

  it('a thousand a second for as long as anybody likes wait in places that are counted, and no other address waits with them', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ server }) => {
        const { unauthenticatedConnectionCount } = server.state.limits;
        let refused = 0;
        const attempts: Promise<unknown>[] = [];
        for (let count = 0; count < figure(1000, 20_000); count++) {
          const transport = server.connect('10.0.0.66');
          if (transport === undefined) {
            refused++;
            continue;
          }
          const client = await connectClient(transport);
          attempts.push(
            client.logOn({ user: `nobody${count}`, password: 'wrong' }).catch(() => client.close()),
          );
          if (count % 100 === 0) await clock.advance(100);
          assert.ok(server.counters().connections <= unauthenticatedConnectionCount + 2);
        }
        assert.ok(refused > 0, 'the places of one address are taken');
        const client = await connectClient(server.connect('10.0.0.99'));
        const right = client.logOn(alice);
        await clock.advance(0);
        await (await right).logOff();
        client.close();
        await clock.advance(3_600_000);
        await Promise.all(attempts);
      },
      { clock, limits: { failedLogonDelayMs: 2000, connectionCountPerAddress: 100 } },
    );
  });
});
