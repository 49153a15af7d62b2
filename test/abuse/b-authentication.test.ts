import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AV_FLAG_MIC, AvId, NtlmFlag } from '../../src/auth/ntlm/flags.ts';
import {
  type AuthenticateMessage,
  decodeAuthenticate,
  encodeAuthenticate,
} from '../../src/auth/ntlm/messages.ts';
import { NtStatus } from '../../src/base/status.ts';
import { SessionCrypto } from '../../src/crypto/session-crypto.ts';
import { type LogOnOptions, type SentRequest, succeeded, type TestClient } from '../../src/testing/client.ts';
import { NtlmClient } from '../../src/testing/ntlm-client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { SessionSetupRequest, SessionSetupResponse } from '../../src/wire/smb2/session-setup.ts';
import { alice } from '../testing/memory-server.ts';
import { recorded, refusal, settled, underAbuse } from './scene.ts';

const { LOGON_FAILURE } = NtStatus;

/** Logs in without SPNEGO, with the last message changed on its way. */
function changed(change: (authenticate: Buffer) => Buffer, more: LogOnOptions = {}): LogOnOptions {
  return { isRaw: true, tamper: (token, leg) => (leg === 1 ? change(token) : token), ...more };
}

/** The same for a change of the fields. */
const field = (change: (message: AuthenticateMessage) => AuthenticateMessage) =>
  changed((bytes) => encodeAuthenticate(change(decodeAuthenticate(bytes))));

function setup(client: TestClient, securityBuffer: Buffer, sessionId = 0): SentRequest {
  const fixed = { flags: 0, securityMode: 1, capabilities: 1, previousSessionId: 0 };
  const body = SessionSetupRequest.encode({ ...fixed, securityBuffer });
  return client.send({ command: Command.SESSION_SETUP, body, header: { sessionId } });
}

describe('a wrong answer to the challenge', () => {
  it('B1 leaves no session that its key could be used with', () =>
    underAbuse(async ({ server, connect }) => {
      const client = await connect();
      const ntlm = new NtlmClient({ entropy: client.entropy, credentials: { ...alice, password: 'wrong' } });
      const preauth = client.preauth.fork();
      const first = setup(client, ntlm.negotiateMessage);
      const challenge = await first.response;
      const { sessionId } = challenge.header;
      const { securityBuffer } = challenge.decode(SessionSetupResponse);
      const last = setup(client, ntlm.authenticate(securityBuffer), sessionId);
      for (const message of [first.message, challenge.message, last.message]) preauth.update(message);
      assert.equal((await last.response).status, LOGON_FAILURE);
      assert.ok(!server.state.sessions.has(sessionId));

      const { dialect, cipher, signingAlgorithm } = client.negotiated;
      const keys = { dialect, cipher, signingAlgorithm, sessionId, preauthHash: preauth.value };
      const crypto = new SessionCrypto({
        role: 'client',
        ...keys,
        fullSessionKey: Buffer.from(ntlm.sessionKey),
      });
      const session = { sessionId, crypto, signer: crypto.signer, protection: 'sign' } as const;
      const body = Buffer.from([4, 0, 0, 0]);
      const logoff = await client.request({ command: Command.LOGOFF, body, session });
      assert.equal(logoff.status, NtStatus.USER_SESSION_DELETED);
      client.sendRaw(Buffer.concat(crypto.seal([Buffer.alloc(68)])));
      await client.closed;
    }));

  it('B1 sent before the challenge is answered: the session is not there yet', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const ntlm = new NtlmClient({ entropy: client.entropy, credentials: alice });
      const { header } = await setup(client, ntlm.negotiateMessage).response;
      const body = Buffer.from([4, 0, 0, 0]);
      const early = await client.request({
        command: Command.LOGOFF,
        body,
        header: { sessionId: header.sessionId },
      });
      assert.equal(early.status, NtStatus.USER_SESSION_DELETED);
    }));
});

describe('a malformed answer to the challenge', () => {
  const statuses: readonly number[] = [LOGON_FAILURE, NtStatus.INVALID_PARAMETER];

  it('B2 of every length below the shortest of NTLMv2 is refused', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      for (let length = 0; length < 44; length++) {
        const short = field((message) => ({
          ...message,
          ntChallengeResponse: message.ntChallengeResponse.subarray(0, length),
        }));
        assert.equal(await refusal(client.logOn(alice, short)), LOGON_FAILURE, `${length} bytes`);
      }
    }));

  it('B2 with a session key of no, 15 or 17 bytes is refused', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const withKey = (length: number): LogOnOptions => ({
        ...field((message) => ({ ...message, encryptedRandomSessionKey: Buffer.alloc(length, 7) })),
        // Without a MIC nothing but the length is wrong.
        ntlm: { sendsMic: false },
      });
      for (const length of [0, 15, 17, 1000])
        assert.equal(await refusal(client.logOn(alice, withKey(length))), LOGON_FAILURE, `${length} bytes`);
      await client.logOn(alice, { isRaw: true, ntlm: { sendsMic: false } });
    }));

  it('B2 with any offset or length out of bounds or overlapping is refused', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      // [MS-NLMP] 2.2.1.3: six fields of Len, MaxLen and BufferOffset, from byte 12 on.
      for (let at = 12; at < 60; at += 8) {
        for (const value of [0xffff, 0x7fff]) {
          const tamper = changed((bytes) => {
            const copy = Buffer.from(bytes);
            copy.writeUInt16LE(value, at);
            return copy;
          });
          assert.ok(statuses.includes(await refusal(client.logOn(alice, tamper))), `length at ${at}`);
        }
        const offsets = changed((bytes) => {
          const copy = Buffer.from(bytes);
          if (copy.readUInt16LE(at) === 0) copy.writeUInt16LE(8, at);
          copy.writeUInt32LE(0, at + 4);
          return copy;
        });
        assert.ok(statuses.includes(await refusal(client.logOn(alice, offsets))), `offset at ${at}`);
      }
    }));

  it('B2 with AV pairs that do not end, or cut off anywhere, is refused', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const endless = field((message) => {
        const response = Buffer.from(message.ntChallengeResponse);
        // Where the list ends, the last pair now promises more than there is.
        response.writeUInt16LE(AvId.TIMESTAMP, response.length - 8);
        response.writeUInt16LE(0xfff0, response.length - 6);
        return { ...message, ntChallengeResponse: response };
      });
      assert.ok(statuses.includes(await refusal(client.logOn(alice, endless))));
      for (let length = 0; length < 200; length += 3) {
        const cut = changed((bytes) => bytes.subarray(0, length));
        assert.ok(statuses.includes(await refusal(client.logOn(alice, cut))), `${length} bytes`);
      }
    }));
});

describe('an answer that was edited in flight', () => {
  const flips = {
    SIGN: NtlmFlag.SIGN,
    KEY_EXCH: NtlmFlag.KEY_EXCH,
    ALWAYS_SIGN: NtlmFlag.ALWAYS_SIGN,
    'key strength': NtlmFlag.ENCRYPTION_128,
  };
  for (const [name, flag] of Object.entries(flips)) {
    it(`B3 is refused: ${name} taken out`, () =>
      underAbuse(async ({ connect }) => {
        const client = await connect();
        const edited = changed((bytes) => {
          const copy = Buffer.from(bytes);
          copy.writeUInt32LE((copy.readUInt32LE(60) & ~flag) >>> 0, 60);
          return copy;
        });
        assert.equal(await refusal(client.logOn(alice, edited)), LOGON_FAILURE);
      }));
  }

  it('B3 is refused: a wrong, zeroed or missing MIC, another version', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const edits: Readonly<Record<string, LogOnOptions>> = {
        wrong: changed((bytes) => flipped(bytes, 72)),
        zeroed: changed((bytes) => Buffer.from(bytes).fill(0, 72, 88)),
        missing: field(({ mic: _mic, ...message }) => message),
        version: changed((bytes) => flipped(bytes, 64)),
      };
      for (const [name, edit] of Object.entries(edits)) {
        assert.equal(await refusal(client.logOn(alice, edit)), LOGON_FAILURE, name);
      }
    }));

  it('B3 is refused: the flag that promises a MIC taken out of the response', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const edit = field(({ mic: _mic, ...message }) => {
        const response = Buffer.from(message.ntChallengeResponse);
        const pair = Buffer.from([AvId.FLAGS, 0, 4, 0, AV_FLAG_MIC, 0, 0, 0]);
        const at = response.indexOf(pair);
        assert.ok(at > 0);
        response.writeUInt32LE(0, at + 4);
        return { ...message, ntChallengeResponse: response };
      });
      assert.equal(await refusal(client.logOn(alice, edit)), LOGON_FAILURE);
    }));
});

describe('weak answers', () => {
  const ess = Buffer.concat([Buffer.alloc(8, 3), Buffer.alloc(16)]);
  const answers = {
    LM: { lm: Buffer.alloc(24, 1), nt: Buffer.alloc(0) },
    NTLMv1: { lm: Buffer.alloc(24, 1), nt: Buffer.alloc(24, 2) },
    'NTLMv1 with extended session security': { lm: ess, nt: Buffer.alloc(24, 2) },
    'LMv2 alone': { lm: Buffer.alloc(24, 5), nt: Buffer.alloc(0) },
  };
  for (const [name, { lm, nt }] of Object.entries(answers)) {
    it(`B4 ${name} is refused`, () =>
      underAbuse(async ({ connect }) => {
        const client = await connect();
        const weak = field(({ mic: _mic, ...message }) => ({
          ...message,
          lmChallengeResponse: lm,
          ntChallengeResponse: nt,
        }));
        assert.equal(await refusal(client.logOn(alice, weak)), LOGON_FAILURE);
      }));
  }
});

describe('nobody by accident', () => {
  const nobody: Readonly<Record<string, LogOnOptions>> = {
    'a user with an empty response': field(({ mic: _mic, ...message }) => ({
      ...message,
      lmChallengeResponse: Buffer.alloc(0),
      ntChallengeResponse: Buffer.alloc(0),
    })),
    'a user with one byte of LM response': field(({ mic: _mic, ...message }) => ({
      ...message,
      lmChallengeResponse: Buffer.alloc(1),
      ntChallengeResponse: Buffer.alloc(0),
    })),
    'no user with somebody’s response': field(({ mic: _mic, ...message }) => ({ ...message, userName: '' })),
    'a proven user who says to be anonymous': changed((bytes) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt32LE((copy.readUInt32LE(60) | NtlmFlag.ANONYMOUS) >>> 0, 60);
      return copy;
    }),
  };
  for (const [name, options] of Object.entries(nobody)) {
    it(`B5 ${name} is refused`, () =>
      underAbuse(
        async ({ connect }) => {
          const client = await connect();
          assert.equal(await refusal(client.logOn(alice, options)), LOGON_FAILURE);
        },
        // Even where anonymous clients are let in, these are none.
        { settings: { anonymous: true } },
      ));
  }

  it('B5 anonymous clients and unknown users are refused unless they are let in', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      assert.equal(await refusal(client.logOn({ user: '', password: '' })), LOGON_FAILURE);
      assert.equal(await refusal(client.logOn({ user: 'nobody', password: '' })), LOGON_FAILURE);
      assert.equal(await refusal(client.logOn({ user: 'nobody', password: 'x' })), LOGON_FAILURE);
    }));

  it('B5 a known user with a wrong password is no guest', () =>
    underAbuse(
      async ({ connect }) => {
        const client = await connect();
        assert.equal(await refusal(client.logOn({ ...alice, password: 'wrong' })), LOGON_FAILURE);
        const guest = await client.logOn({ user: 'nobody', password: 'x' });
        assert.ok(guest.isGuest);
      },
      { settings: { guest: true } },
    ));
});

describe('sessions without keys', () => {
  for (const credentials of [
    { user: '', password: '' },
    { user: 'nobody', password: 'x' },
  ]) {
    const who = credentials.user === '' ? 'anonymous' : 'guest';
    it(`B6 a key of zeros opens nothing: ${who}`, () =>
      underAbuse(
        async ({ server, connect }) => {
          const client = await connect();
          const session = await client.logOn(credentials);
          assert.equal(session.setupResponse.isSigned, false);
          const { dialect, cipher, signingAlgorithm } = client.negotiated;
          const keys = { dialect, cipher, signingAlgorithm, sessionId: session.sessionId };
          const crypto = new SessionCrypto({
            role: 'client',
            ...keys,
            preauthHash: Buffer.alloc(64),
            fullSessionKey: Buffer.alloc(16),
          });
          const forged = { ...keys, crypto, signer: crypto.signer, protection: 'sign' } as const;
          // A signature that nobody can verify counts for nothing, and is never answered with one.
          const signed = await client.echo(forged);
          assert.equal(signed.isSigned, false);
          const answers = recorded(client.transport);
          client.sendRaw(Buffer.concat(crypto.seal([Buffer.alloc(68)])));
          await settled(server);
          assert.ok(client.isClosed, 'sealed for a session without keys');
          assert.deepEqual(answers, []);
        },
        { settings: { guest: true, anonymous: true } },
      ));
  }

  it('B6 a zero key in the exchange is an ordinary key, known to the one who proved the password', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const entropy = { fill: <T extends Uint8Array>(target: T): T => target.fill(0) && target };
      const session = await client.logOn(alice, { ntlm: { entropy } });
      assert.deepEqual(session.sessionKey, Buffer.alloc(16));
      assert.equal((await client.echo(session)).isSignatureRight, true);
      succeeded(await session.logOff());
    }));
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}
