import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Cipher, Dialect, SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import { IntegrityError } from '../../src/crypto/provider.ts';
import { SealingExhaustedError } from '../../src/crypto/sealing.ts';
import { type Role, SessionCrypto, type SessionCryptoOptions } from '../../src/crypto/session-crypto.ts';
import { RecordingProvider } from './recording-provider.ts';
import { vectors } from './vectors.ts';

const { session_id: sessionId, channel1, channel2 } = vectors.smb311_multichannel;

/** One end of the recorded session. */
function recordedSession(role: Role, more: Partial<SessionCryptoOptions> = {}): SessionCrypto {
  return new SessionCrypto({
    role,
    dialect: Dialect.SMB_3_1_1,
    sessionId,
    fullSessionKey: Buffer.from(channel1.ntlm.exported),
    preauthHash: channel1.preauth_after['ss2_req'],
    cipher: Cipher.AES_128_GCM,
    ...more,
  });
}

function bindRecorded(crypto: SessionCrypto, signingAlgorithm?: SigningAlgorithm) {
  return crypto.bindChannel(Buffer.from(channel2.ntlm.exported), {
    preauthHash: channel2.preauth_after['ss2_req'],
    signingAlgorithm,
  });
}

function message(role: Role, messageId: number): Buffer {
  const bytes = Buffer.alloc(72, 0x33);
  bytes.writeUInt16LE(3, 12);
  bytes.writeUInt32LE(role === 'server' ? 9 : 8, 16);
  bytes.writeBigUInt64LE(BigInt(messageId), 24);
  return bytes;
}

describe('a session', () => {
  it('verifies and signs the recorded exchange on both of its channels', () => {
    const server = recordedSession('server');
    const client = recordedSession('client');
    const bound = bindRecorded(server);
    const boundAtClient = bindRecorded(client);
    const { messages } = channel2;

    assert.ok(client.verify(client.signer, Buffer.from(channel1.messages.ss2_rsp)));
    // [MS-SMB2] 3.3.5.5.2: until it is bound, the channel's messages are signed with the session's key.
    assert.ok(server.verify(server.signer, Buffer.from(messages.ss1_req)));
    assert.ok(client.verify(client.signer, Buffer.from(messages.ss1_rsp)));
    assert.ok(server.verify(server.signer, Buffer.from(messages.ss2_req)));
    assert.ok(client.verify(boundAtClient, Buffer.from(messages.ss2_rsp)));
    assert.ok(!client.verify(client.signer, Buffer.from(messages.ss2_rsp)));

    const response = Buffer.from(messages.ss2_rsp).fill(0, 48, 64);
    server.sign(bound, response);
    assert.deepEqual(response, messages.ss2_rsp);
  });

  it('opens what the other end sealed, in both directions, and nothing of its own', () => {
    const server = recordedSession('server');
    const client = recordedSession('client');
    const fromClient = Buffer.concat(client.seal([Buffer.from('request')]));
    const fromServer = Buffer.concat(server.seal([Buffer.from('response')]));
    assert.equal(server.open(fromClient).toString(), 'request');
    assert.equal(client.open(fromServer).toString(), 'response');
    assert.throws(() => server.open(fromServer), IntegrityError);
    assert.throws(() => client.open(fromClient), IntegrityError);
  });

  it('does not take its own messages, reflected, for the peer’s', () => {
    const server = recordedSession('server');
    const own = message('server', 5);
    server.sign(server.signer, own);
    assert.ok(recordedSession('client').verify(recordedSession('client').signer, Buffer.from(own)));
    assert.ok(!server.verify(server.signer, own));
    assert.throws(() => server.sign(server.signer, message('client', 6)));
  });

  for (const [dialect, algorithm] of [
    [Dialect.SMB_2_0_2, SigningAlgorithm.HMAC_SHA256],
    [Dialect.SMB_2_1, SigningAlgorithm.HMAC_SHA256],
    [Dialect.SMB_3_0, SigningAlgorithm.AES_CMAC],
    [Dialect.SMB_3_0_2, SigningAlgorithm.AES_CMAC],
    [Dialect.SMB_3_1_1, SigningAlgorithm.AES_CMAC],
  ] as const) {
    it(`of dialect ${dialect.toString(16)} signs with algorithm ${algorithm} and cannot seal without a cipher`, () => {
      const crypto = recordedSession('server', { dialect, cipher: undefined });
      assert.equal(crypto.signer.algorithm, algorithm);
      assert.ok(!crypto.canSeal);
      assert.throws(() => crypto.seal([Buffer.alloc(1)]));
      assert.throws(() => crypto.open(Buffer.alloc(100)), IntegrityError);
    });
  }

  for (const algorithm of Object.values(SigningAlgorithm)) {
    it(`of dialect 3.1.1 signs with the algorithm ${algorithm} on the channels that negotiated it`, () => {
      const crypto = recordedSession('server', { signingAlgorithm: algorithm });
      assert.equal(crypto.signer.algorithm, algorithm);
      assert.equal(bindRecorded(crypto, algorithm).algorithm, algorithm);
      assert.equal(bindRecorded(crypto).algorithm, SigningAlgorithm.AES_CMAC);
    });
  }

  it('binds no channel in dialect 2.x', () => {
    const crypto = recordedSession('server', { dialect: Dialect.SMB_2_1, cipher: undefined });
    assert.throws(() => crypto.bindChannel(Buffer.alloc(16, 1)));
  });

  it('lends the application key', () => {
    const copy = recordedSession('server').withApplicationKey((key) => Buffer.from(key));
    assert.deepEqual(copy, channel1.keys.app);
  });

  it('forgets a released channel and keeps its own signer', () => {
    const crypto = recordedSession('server');
    const bound = bindRecorded(crypto);
    crypto.releaseChannel(bound);
    crypto.releaseChannel(crypto.signer);
    assert.throws(() => crypto.sign(bound, message('server', 7)));
    crypto.sign(crypto.signer, message('server', 8));
  });
});

describe('nonces', () => {
  for (const cipher of Object.values(Cipher)) {
    it(`of cipher ${cipher} never repeat, over channels, both ends and restarts`, () => {
      const provider = new RecordingProvider();
      const scenario = fc.array(fc.array(fc.nat({ max: 4 }), { maxLength: 30 }), {
        minLength: 1,
        maxLength: 4,
      });
      let sessions = 0;
      fc.assert(
        fc.property(scenario, (lives) => {
          for (const life of lives) playLife(provider, cipher, sessions++, life);
        }),
        { numRuns: 30 },
      );
      assert.ok(provider.uses.length > 100);
      assert.equal(new Set(provider.uses).size, provider.uses.length);
    });
  }

  it('run out with an error, not with a repetition', () => {
    const crypto = recordedSession('server', { nonceCountMax: 2 });
    crypto.seal([Buffer.alloc(1)]);
    crypto.seal([Buffer.alloc(1)]);
    assert.throws(() => crypto.seal([Buffer.alloc(1)]), SealingExhaustedError);
  });
});

/** One session with four channels, each message signed or sealed on the channel that `life` names. */
function playLife(provider: RecordingProvider, cipher: number, seed: number, life: readonly number[]): void {
  const key = () => Buffer.alloc(16, `session ${seed}`);
  const preauthHash = Buffer.alloc(64, 1);
  const more = { provider, cipher, preauthHash, signingAlgorithm: SigningAlgorithm.AES_GMAC };
  const ends = (['server', 'client'] as const).map((role) =>
    recordedSession(role, { ...more, fullSessionKey: key() }),
  );
  for (const crypto of ends) {
    const channels = [1, 2, 3].map((n) =>
      crypto.bindChannel(key(), { preauthHash: Buffer.alloc(64, n + 1) }),
    );
    const signers = [crypto.signer, ...channels];
    for (const [messageId, channel] of life.entries()) {
      const bytes = message(crypto.role, messageId);
      const signer = signers[channel];
      if (signer === undefined) crypto.seal([bytes]);
      else crypto.sign(signer, bytes);
    }
    crypto.destroy();
  }
}

describe('the end of a session', () => {
  it('finds every key buffer overwritten', () => {
    const provider = new RecordingProvider();
    const fullSessionKey = Buffer.from(channel1.ntlm.exported);
    const secondKey = Buffer.from(channel2.ntlm.exported);
    let applicationKey: Buffer = Buffer.alloc(0);
    const seen: Buffer[] = [];
    const crypto = recordedSession('server', {
      provider,
      fullSessionKey,
      observe: (keys, sessionKey) => {
        for (const key of [...Object.values(keys), sessionKey]) if (Buffer.isBuffer(key)) seen.push(key);
      },
    });
    crypto.bindChannel(secondKey, { preauthHash: channel2.preauth_after['ss2_req'] });
    crypto.withApplicationKey((key) => {
      applicationKey = key;
    });
    assert.equal(provider.keyBuffers.length, 4, 'two signing keys, one to seal, one to open');
    assert.equal(seen.length, 5);
    assert.deepEqual(applicationKey, channel1.keys.app);

    crypto.destroy();
    for (const key of [...provider.keyBuffers, ...seen, fullSessionKey, secondKey, applicationKey]) {
      assert.ok(key.length > 0 && key.every((byte) => byte === 0));
    }
  });

  it('stops everything', () => {
    const crypto = recordedSession('server');
    const bound = bindRecorded(crypto);
    const request = Buffer.concat(recordedSession('client').seal([Buffer.from('late')]));
    crypto.destroy();
    crypto.destroy();
    assert.ok(crypto.isDestroyed);
    assert.ok(!crypto.canSeal);
    assert.throws(() => crypto.sign(crypto.signer, message('server', 1)));
    assert.throws(() => crypto.sign(bound, message('server', 1)));
    assert.throws(() => crypto.seal([Buffer.alloc(1)]));
    assert.throws(() => crypto.open(request));
    assert.throws(() => bindRecorded(crypto));
    assert.throws(() => crypto.withApplicationKey(() => 0));
    assert.ok(!crypto.verify(crypto.signer, Buffer.from(channel2.messages.ss1_req)));
  });
});

describe('inspection, JSON and errors', () => {
  it('show no key', () => {
    const crypto = recordedSession('server', { signingAlgorithm: SigningAlgorithm.HMAC_SHA256 });
    bindRecorded(crypto);
    const texts = [
      inspect(crypto, { showHidden: true, depth: null, getters: true, maxArrayLength: null }),
      JSON.stringify(crypto),
      `${crypto}`,
    ];
    for (const failing of [() => crypto.open(Buffer.alloc(90)), () => crypto.bindChannel(Buffer.alloc(0))]) {
      assert.throws(failing, (error) => texts.push(inspect(error, { showHidden: true, depth: null })) > 0);
    }
    const { sign, s2c, c2s, app } = channel1.keys;
    for (const key of [sign, s2c, c2s, app, channel2.keys.sign, channel1.ntlm.exported]) {
      const forms = [
        key.toString('hex'),
        inspect(key).slice(8, 40),
        JSON.stringify(key),
        key.toString('base64'),
      ];
      for (const text of texts) for (const form of forms) assert.ok(!text.includes(form));
    }
  });
});
