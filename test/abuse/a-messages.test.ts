/** Rows A6 to A10: messages before authentication. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isError, NtStatus } from '../../src/base/status.ts';
import type { Server } from '../../src/server/server.ts';
import { negotiateRequestOf } from '../../src/testing/client-negotiate.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { Smb1Dialect, Smb1NegotiateRequest } from '../../src/wire/smb1/negotiate.ts';
import { Command, HEADER_BYTES, RequestHeader, ResponseHeader } from '../../src/wire/smb2/header.ts';
import { NegotiateRequest } from '../../src/wire/smb2/negotiate.ts';
import {
  EncryptionCapabilities,
  type NegotiateContext,
  NegotiateContextType,
  PreauthIntegrityCapabilities,
} from '../../src/wire/smb2/negotiate-context.ts';
import { SessionSetupRequest } from '../../src/wire/smb2/session-setup.ts';
import { underAbuse } from './fixture.ts';
import { allCommands, asAbuse, bodyOf, commandName, observed } from './messages.ts';

/** A connection that is spoken to by hand. */
class Raw {
  readonly connection;
  readonly statuses: number[] = [];
  /** Of the last answer. */
  sessionId = 0;

  constructor(server: Server) {
    const connection = server.connect('10.0.0.66');
    assert.ok(connection !== undefined);
    connection.onMessage = (message) => {
      const { status, sessionId } = ResponseHeader.decode(message, 0, HEADER_BYTES);
      this.statuses.push(status);
      this.sessionId = sessionId;
    };
    this.connection = connection;
  }

  /** Sends a message; returns the status of its answer, or `closed` or `silent`. */
  async say(message: Buffer): Promise<number | 'closed' | 'silent'> {
    const before = this.statuses.length;
    asAbuse(() => this.connection.send(message));
    await turn();
    const status = this.statuses[before];
    if (status !== undefined) return status;
    return this.connection.isClosed ? 'closed' : 'silent';
  }
}

function request(command: Command, body: Buffer, more: Partial<RequestHeader> = {}): Buffer {
  const header = RequestHeader.encode({
    creditCharge: 1,
    channelSequence: 0,
    command,
    credits: 1,
    flags: 0,
    nextCommand: 0,
    messageId: 0,
    treeId: 0,
    sessionId: 0,
    signature: Buffer.alloc(16),
    ...more,
  });
  return Buffer.concat([header, body]);
}

const salt = Buffer.alloc(32, 7);
const otherGuid = '99999999-aaaa-bbbb-cccc-dddddddddddd';
const negotiateBody = NegotiateRequest.encode(negotiateRequestOf({}, salt));
const negotiate = request(Command.NEGOTIATE, negotiateBody);
const smb1 = (...dialects: string[]): Buffer => Smb1NegotiateRequest.encode({ dialects });

describe('A6: short messages', () => {
  for (const [name, protocolId] of [
    ['SMB 2', 'fe534d42'],
    ['a transform', 'fd534d42'],
    ['a compression transform', 'fc534d42'],
    ['SMB 1', 'ff534d42'],
    ['nothing known', 'ab534d42'],
  ] as const) {
    it(`of ${name}, of 1 to 130 bytes, are answered with an error or a closed connection`, async () => {
      await underAbuse(async ({ server }) => {
        const random = new SeededEntropy(6);
        for (let length = 1; length <= 130; length++) {
          for (const isNegotiated of [false, true]) {
            const raw = new Raw(server);
            if (isNegotiated) assert.equal(await raw.say(negotiate), 0);
            const message = random.bytes(length);
            Buffer.from(protocolId, 'hex').copy(message);
            const outcome = await raw.say(message);
            const isRefused = outcome === 'closed' || (typeof outcome === 'number' && isError(outcome));
            assert.ok(isRefused, `${outcome}: ${message.toString('hex')}`);
            if (outcome !== 'closed') raw.connection.close();
          }
        }
      });
    });
  }

  it('with a right header and a random rest are answered with an error or a closed connection', async () => {
    await underAbuse(async ({ server }) => {
      const random = new SeededEntropy(66);
      for (let round = 0; round < 2000; round++) {
        const raw = new Raw(server);
        const isNegotiated = round % 2 === 0;
        if (isNegotiated) await raw.say(negotiate);
        const command = random.pick(allCommands);
        const body = random.bytes(random.below(130));
        const outcome = await raw.say(request(command, body, { messageId: isNegotiated ? 1 : 0 }));
        const isRefused = outcome === 'closed' || (typeof outcome === 'number' && isError(outcome));
        // An ECHO may be right by chance, and a CANCEL has no answer.
        const isSpared = command === Command.ECHO || command === Command.CANCEL;
        assert.ok(isRefused || isSpared, `${command}: ${outcome}: ${body.toString('hex')}`);
        raw.connection.close();
      }
    });
  });
});

describe('A7: changes of the protocol', () => {
  const cases: readonly (readonly [string, readonly Buffer[]])[] = [
    ['SMB 1 after SMB 2', [negotiate, smb1(Smb1Dialect.SMB_2_WILDCARD)]],
    ['SMB 1 without dialects', [smb1()]],
    ['SMB 1 with its own dialects alone', [smb1('NT LM 0.12', 'LANMAN2.1')]],
    ['SMB 1 twice', [smb1(Smb1Dialect.SMB_2_WILDCARD), smb1(Smb1Dialect.SMB_2_WILDCARD)]],
    [
      'the wildcard and then no negotiate',
      [smb1(Smb1Dialect.SMB_2_WILDCARD), request(Command.ECHO, Buffer.from('04000000', 'hex'))],
    ],
    ['SMB 2.002 by SMB 1 and a second negotiate', [smb1(Smb1Dialect.SMB_2_002), negotiate]],
    ['another command of SMB 1', [Buffer.from(`ff534d4273${'00'.repeat(60)}`, 'hex')]],
  ];
  for (const [name, messages] of cases) {
    it(`${name}: closed`, async () => {
      await underAbuse(async ({ server }) => {
        const raw = new Raw(server);
        let outcome: unknown;
        for (const message of messages) outcome = await raw.say(message);
        assert.equal(outcome, 'closed');
      });
    });
  }
});

describe('A8: NEGOTIATE again', () => {
  it('in the same segment closes the connection and overwrites nothing', async () => {
    await underAbuse(async ({ server }) => {
      const raw = new Raw(server);
      const framed = (message: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, message.length]), message]);
      const offer = negotiateRequestOf({ dialects: [0x0210], clientGuid: otherGuid }, salt);
      const other = request(Command.NEGOTIATE, NegotiateRequest.encode(offer), { messageId: 1 });
      const mine = [...server.state.connections].at(-1);
      raw.connection.write(Buffer.concat([framed(negotiate), framed(other)]));
      await turn();
      assert.equal(raw.connection.isClosed, true);
      assert.equal(mine?.negotiated?.dialect.revision, 0x0311);
      assert.notEqual(mine.negotiated.clientGuid, otherGuid);
    });
  });

  it('after a logon closes the connection', async () => {
    await underAbuse(async ({ tree }) => {
      const { connection } = (await tree()).session;
      connection.sendRaw(request(Command.NEGOTIATE, negotiateBody, { messageId: connection.nextMessageId }));
      await connection.closed;
    });
  });
});

const preauth = (value: Buffer): NegotiateContext => ({
  contextType: NegotiateContextType.PREAUTH_INTEGRITY_CAPABILITIES,
  data: value,
});
const rightPreauth = preauth(PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt }));
const encryption = (ciphers: number[]): NegotiateContext => ({
  contextType: NegotiateContextType.ENCRYPTION_CAPABILITIES,
  data: EncryptionCapabilities.encode({ ciphers }),
});

describe('A9: negotiate contexts', () => {
  const withContexts = (...negotiateContexts: NegotiateContext[]): Buffer =>
    NegotiateRequest.encode({ ...negotiateRequestOf({}, salt), negotiateContexts });
  const edited = (edit: (body: Buffer) => void): Buffer => {
    const body = Buffer.from(negotiateBody);
    edit(body);
    return body;
  };
  const span = (name: string) => {
    const found = NegotiateRequest.spans(negotiateBody).find((field) => field.name === name);
    assert.ok(found !== undefined, name);
    return found.start;
  };
  const offsets = [0, 1, 63, 64, 99, 100, 101, 103, 0xffff, 0x7fff_ffff, 0xffff_ffff];
  const cases: readonly (readonly [string, Buffer])[] = [
    ['no dialects', edited((body) => body.writeUInt16LE(0, span('dialectCount')))],
    ['65535 dialects', edited((body) => body.writeUInt16LE(0xffff, span('dialectCount')))],
    ...offsets.map((offset): [string, Buffer] => [
      `contexts at ${offset}`,
      edited((body) => body.writeUInt32LE(offset, span('negotiateContextOffset'))),
    ]),
    ...[0, 4, 100, 0xffff].map((count): [string, Buffer] => [
      `${count} contexts claimed`,
      edited((body) => body.writeUInt16LE(count, span('negotiateContextCount'))),
    ]),
    ['no contexts', withContexts()],
    ['no preauthentication context', withContexts(encryption([1]))],
    ['two preauthentication contexts', withContexts(rightPreauth, rightPreauth)],
    ['two encryption contexts', withContexts(rightPreauth, encryption([1]), encryption([2]))],
    ['no hash', withContexts(preauth(PreauthIntegrityCapabilities.encode({ hashAlgorithms: [], salt })))],
    ['an unknown hash', withContexts(preauth(Buffer.from('0100000007000000', 'hex')))],
    ['a salt longer than its data', withContexts(preauth(Buffer.from('0100ffff0100', 'hex')))],
    ['more hashes than its data holds', withContexts(preauth(Buffer.from('ffff00000100', 'hex')))],
    ['an empty preauthentication context', withContexts(preauth(Buffer.alloc(0)))],
    ['no cipher', withContexts(rightPreauth, encryption([]))],
    ...[1000, 10_000].map((count): [string, Buffer] => [
      `${count} contexts`,
      withContexts(
        rightPreauth,
        ...Array.from({ length: count - 1 }, () => ({ contextType: 0x4000, data: Buffer.alloc(0) })),
      ),
    ]),
  ];
  for (const [name, body] of cases) {
    it(`${name}: refused, and nothing is negotiated`, async () => {
      await underAbuse(async ({ server }) => {
        const raw = new Raw(server);
        const outcome = await raw.say(request(Command.NEGOTIATE, body));
        const refusals: (number | string)[] = [
          'closed',
          NtStatus.INVALID_PARAMETER,
          NtStatus.SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP,
        ];
        assert.ok(refusals.includes(outcome), String(outcome));
        const next = request(Command.SESSION_SETUP, bodyOf(Command.SESSION_SETUP), { messageId: 1 });
        assert.equal(await raw.say(next), 'closed');
      });
    });
  }
});

/** What is answered before a logon where that is not USER_SESSION_DELETED. */
const beforeLogon = new Map<number, readonly (number | string)[]>([
  [Command.ECHO, [0]],
  [Command.CANCEL, ['silent']],
  [
    Command.SESSION_SETUP,
    [NtStatus.LOGON_FAILURE, NtStatus.INVALID_PARAMETER, NtStatus.USER_SESSION_DELETED],
  ],
]);

describe('A10: the order of things', () => {
  const random = new SeededEntropy(10);
  const sessionIds = (): readonly number[] => [0, -1, random.next()];
  /** A session whose logon has begun, on the connection. */
  const begun = async (raw: Raw): Promise<number> => {
    const body = SessionSetupRequest.encode({
      flags: 0,
      securityMode: 1,
      capabilities: 1,
      previousSessionId: 0,
      securityBuffer: Buffer.from(`4e544c4d5353500001000000978208e2${'00'.repeat(24)}`, 'hex'),
    });
    assert.equal(
      await raw.say(request(Command.SESSION_SETUP, body, { messageId: 1 })),
      NtStatus.MORE_PROCESSING_REQUIRED,
    );
    return raw.sessionId;
  };
  for (const command of allCommands) {
    if (command === Command.NEGOTIATE) continue;
    it(`${commandName(command)} before NEGOTIATE: closed`, async () => {
      await underAbuse(async ({ server }) => {
        for (const sessionId of sessionIds()) {
          const raw = new Raw(server);
          assert.equal(await raw.say(request(command, bodyOf(command), { sessionId })), 'closed');
        }
      });
    });

    it(`${commandName(command)} before a logon reaches no store`, async () => {
      const calls: string[] = [];
      await underAbuse(
        async ({ server }) => {
          for (const sessionId of sessionIds()) {
            const raw = new Raw(server);
            assert.equal(await raw.say(negotiate), 0);
            const message = request(command, bodyOf(command), { sessionId, messageId: 1, treeId: 1 });
            const outcome = await raw.say(message);
            const expected: readonly (number | string)[] = beforeLogon.get(command) ?? [
              NtStatus.USER_SESSION_DELETED,
            ];
            assert.ok(expected.includes(outcome), `SessionId ${sessionId}: ${outcome}`);
            raw.connection.close();
          }
          const raw = new Raw(server);
          assert.equal(await raw.say(negotiate), 0);
          const header = { sessionId: await begun(raw), messageId: 2, treeId: 1 };
          const outcome = await raw.say(request(command, bodyOf(command), header));
          const isExpected = beforeLogon.get(command) ?? [NtStatus.USER_SESSION_DELETED];
          assert.ok(isExpected.includes(outcome), `in the middle of a logon: ${outcome}`);
          raw.connection.close();
          assert.deepEqual(calls, [], 'no store is asked');
        },
        { wrapStore: (store) => observed(store, (operation) => void calls.push(operation)) },
      );
    });
  }
});
