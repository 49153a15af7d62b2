import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import {
  Dialect,
  SigningAlgorithm,
  signingAlgorithmOf,
  signingParameters,
} from '../../src/crypto/algorithms.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { deriveAllKeys } from '../../src/crypto/session-keys.ts';
import { createSigner, type Signer, writeSigningNonce } from '../../src/crypto/signing.ts';
import { PairingProvider } from './pairing-provider.ts';
import { providers } from './providers.ts';
import { vectors } from './vectors.ts';

const SIGNATURE = 48;
const CANCEL = 0x0c;
const dialects = { '2.0.2': Dialect.SMB_2_0_2, '2.1': Dialect.SMB_2_1, '3.0': Dialect.SMB_3_0 };

function signerOf(algorithm: SigningAlgorithm, key: Buffer, provider: CryptoProvider): Signer {
  return createSigner(provider, algorithm, Buffer.from(key));
}

/** `message` signed anew, starting from a spoilt signature. */
function resigned(signer: Signer, message: Buffer): Buffer {
  const copy = Buffer.from(message);
  copy.fill(0xee, SIGNATURE, SIGNATURE + 16);
  signer.sign(copy);
  return copy;
}

for (const [providerName, provider] of providers) {
  describe(`signatures of other implementations (${providerName})`, () => {
    for (const { dialect, algorithm, key, session_key: sessionKey, message } of vectors.signing.cases) {
      it(`are reproduced in dialect ${dialect} with ${algorithm}`, () => {
        const id = signingAlgorithmOf(dialects[dialect]);
        assert.equal(id, algorithm === 'cmac' ? SigningAlgorithm.AES_CMAC : SigningAlgorithm.HMAC_SHA256);
        const keys = deriveAllKeys({ dialect: dialects[dialect], fullSessionKey: sessionKey ?? key });
        assert.deepEqual(keys.signing, key);
        const signer = signerOf(id, keys.signing, provider);
        assert.deepEqual(resigned(signer, message), message);
        assert.ok(signer.verify(Buffer.from(message)));
      });
    }

    it('are reproduced with AES-GMAC, where CANCEL has a nonce of its own', () => {
      const row = vectors.signing.gmac_computed;
      const signer = signerOf(SigningAlgorithm.AES_GMAC, row.key, provider);
      const nonce = Buffer.alloc(12);
      writeSigningNonce(row.message, nonce);
      assert.deepEqual(nonce, row.nonce_cancel_request);
      const signed = resigned(signer, row.message);
      assert.deepEqual(signed.subarray(SIGNATURE, 64), row.signature_cancel_request);

      // The same bytes under the nonce of an ordinary request.
      const zeroed = Buffer.from(row.message).fill(0, SIGNATURE, 64);
      const mac = provider.mac(SigningAlgorithm.AES_GMAC, Buffer.from(row.key));
      assert.deepEqual(mac.tag(row.nonce_if_not_cancel, [zeroed]), row.signature_if_not_cancel);
    });

    for (const [name, capture] of Object.entries(vectors.wireshark_captures.cases)) {
      it(`are reproduced for the capture ${name}`, () => {
        const { message_index: index, algorithm, signature, nonce } = capture.signed;
        const message = capture.messages[index]?.[1] ?? EMPTY;
        const id = algorithm === 'cmac' ? SigningAlgorithm.AES_CMAC : SigningAlgorithm.AES_GMAC;
        const signer = signerOf(id, capture.keys.sign, provider);
        const signed = resigned(signer, message);
        assert.deepEqual(signed.subarray(SIGNATURE, 64), signature);
        assert.deepEqual(signed, message);
        assert.ok(signer.verify(message));
        if (nonce === undefined) return;
        const written = Buffer.alloc(12);
        writeSigningNonce(message, written);
        assert.deepEqual(written, nonce);
      });
    }

    const { channel1, channel2 } = vectors.smb311_multichannel;
    const keys = new Map([
      ['channel1.sign', channel1.keys.sign],
      ['channel2.sign', channel2.keys.sign],
    ]);
    for (const [name, channel] of Object.entries({ channel1, channel2 })) {
      for (const [message, signed] of Object.entries(channel.signatures)) {
        it(`are reproduced for ${message} of the recorded ${name}`, () => {
          const bytes = Object.entries(channel.messages).find(([key]) => key === message)?.[1] ?? EMPTY;
          const [keyName = '', signature] = signed ?? [];
          const signer = signerOf(SigningAlgorithm.AES_CMAC, keys.get(keyName) ?? EMPTY, provider);
          assert.equal(bytes.subarray(SIGNATURE, 64).toString('hex'), signature);
          assert.ok(signer.verify(Buffer.from(bytes)));
          assert.deepEqual(resigned(signer, bytes), bytes);
        });
      }
    }
  });

  describe(`every signing algorithm (${providerName})`, () => {
    for (const { id, name } of signingParameters.values()) {
      const signer = signerOf(id, Buffer.from('fedcba9876543210'), provider);
      const message = Buffer.alloc(64 + 24, 0x5a);
      signer.sign(message);

      it(`${name} refuses a message with any one bit changed`, () => {
        assert.ok(signer.verify(message));
        for (let bit = 0; bit < message.length * 8; bit++) {
          const forged = Buffer.from(message);
          forged.writeUInt8(forged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          assert.ok(!signer.verify(forged), `bit ${bit}`);
        }
      });

      it(`${name} refuses a truncated, an extended and a headless message`, () => {
        for (let length = 0; length < message.length; length++) {
          assert.ok(!signer.verify(Buffer.from(message.subarray(0, length))), `${length} bytes`);
        }
        assert.ok(!signer.verify(Buffer.concat([message, Buffer.alloc(1)])));
      });

      it(`${name} refuses the signature of another key and of another message`, () => {
        assert.ok(!signerOf(id, Buffer.from('0123456789abcdef'), provider).verify(Buffer.from(message)));
        const other = Buffer.from(message);
        other.writeUInt8(1, 80);
        signer.sign(other);
        const swapped = Buffer.from(message);
        other.copy(swapped, SIGNATURE, SIGNATURE, 64);
        assert.ok(!signer.verify(swapped));
      });

      it(`${name} leaves the bytes of a verified message as they were`, () => {
        for (const bytes of [message, Buffer.alloc(64, 3)]) {
          const copy = Buffer.from(bytes);
          signer.verify(copy);
          assert.deepEqual(copy, bytes);
        }
      });

      it(`${name} signs a message in parts like the whole`, () => {
        const head = Buffer.from(message.subarray(0, 66));
        const tail = [message.subarray(66, 70), message.subarray(70)];
        head.fill(0xff, SIGNATURE, 64);
        signer.sign(head, tail);
        assert.deepEqual(head, message.subarray(0, 66));
        assert.ok(signer.verify(head, tail));
        assert.ok(!signer.verify(head, tail.slice(1)));
      });

      it(`${name} does not work after destroy()`, () => {
        const doomed = signerOf(id, Buffer.from('fedcba9876543210'), provider);
        doomed.destroy();
        assert.throws(() => doomed.sign(Buffer.alloc(64)));
        assert.throws(() => doomed.verify(Buffer.alloc(64)));
      });
    }
  });
}

describe('two messages at once', () => {
  const key = Buffer.from('fedcba9876543210');
  const messages = [20_000, 30_000, 16_384].map((size, index) => Buffer.alloc(size, index + 1));
  const single = signerOf(SigningAlgorithm.HMAC_SHA256, key, nodeProvider);
  const signed = messages.map((message) => resigned(single, message));
  /** Copies without signatures. */
  const unsigned = (): Buffer[] => messages.map((message) => Buffer.from(message).fill(0xee, SIGNATURE, 64));

  it('are long, and of an algorithm and a provider for which it pays', () => {
    const signer = signerOf(SigningAlgorithm.HMAC_SHA256, key, new PairingProvider());
    assert.deepEqual(
      [16_383, 16_384].map((size) => signer.isPairable(Buffer.alloc(size))),
      [false, true],
    );
    assert.equal(single.isPairable(Buffer.alloc(1_000_000)), false);
  });

  it('are signed when the second comes, and the last of an odd number when it is settled', () => {
    const provider = new PairingProvider();
    const signer = signerOf(SigningAlgorithm.HMAC_SHA256, key, provider);
    const copies = unsigned();
    for (const message of copies) signer.signSoon(message);
    assert.deepEqual(copies.slice(0, 2), signed.slice(0, 2));
    assert.notDeepEqual(copies[2], signed[2]);
    signer.settle();
    signer.settle();
    assert.deepEqual(copies, signed);
    assert.equal(provider.pairs, 1);
  });

  it('are signed before the key is forgotten', () => {
    const signer = signerOf(SigningAlgorithm.HMAC_SHA256, key, new PairingProvider());
    const [message = EMPTY] = unsigned();
    signer.signSoon(message);
    signer.destroy();
    assert.deepEqual(message, signed[0]);
  });

  it('are verified with the work of one, each by itself, and left as they were', () => {
    const provider = new PairingProvider();
    const signer = signerOf(SigningAlgorithm.HMAC_SHA256, key, provider);
    const [first = EMPTY, second = EMPTY] = signed.map((message) => Buffer.from(message));
    for (const forged of [undefined, first, second]) {
      forged?.writeUInt8(forged.readUInt8(SIGNATURE) ^ 1, SIGNATURE);
      const before = [Buffer.from(first), Buffer.from(second)];
      signer.foresee(first, second);
      assert.deepEqual([first, second], before);
      assert.deepEqual([signer.verify(first), signer.verify(second)], [forged !== first, forged !== second]);
      forged?.writeUInt8(forged.readUInt8(SIGNATURE) ^ 1, SIGNATURE);
    }
    assert.equal(provider.pairs, 3);
  });

  it('are foreseen for themselves alone: another message, or the same once more, is computed anew', () => {
    const signer = signerOf(SigningAlgorithm.HMAC_SHA256, key, new PairingProvider());
    const [first = EMPTY, second = EMPTY] = signed.map((message) => Buffer.from(message));
    signer.foresee(first, second);
    assert.ok(signer.verify(Buffer.from(first)));
    assert.ok(signer.verify(first));
    first.writeUInt8(first.readUInt8(100) ^ 1, 100);
    assert.ok(!signer.verify(first));
    signer.foresee(second, first);
    assert.ok(signer.verify(second));
    second.writeUInt8(second.readUInt8(100) ^ 1, 100);
    assert.ok(!signer.verify(second));
  });
});

describe('the nonce of AES-GMAC', () => {
  it('differs for every MessageId, direction and CANCEL', () => {
    const seen = new Set<string>();
    const header = Buffer.alloc(64);
    const nonce = Buffer.alloc(12);
    const ids = [0n, 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];
    for (const id of ids) {
      for (const flags of [0, 1]) {
        for (const command of [0, CANCEL]) {
          header.writeBigUInt64LE(id, 24);
          header.writeUInt32LE(flags | 8, 16);
          header.writeUInt16LE(command, 12);
          writeSigningNonce(header, nonce);
          seen.add(nonce.toString('hex'));
        }
      }
    }
    assert.equal(seen.size, ids.length * 4);
  });
});

describe('the choice of the algorithm', () => {
  it('follows the dialect before 3.1.1 and the negotiation in 3.1.1', () => {
    const { HMAC_SHA256, AES_CMAC, AES_GMAC } = SigningAlgorithm;
    assert.equal(signingAlgorithmOf(Dialect.SMB_2_0_2), HMAC_SHA256);
    assert.equal(signingAlgorithmOf(Dialect.SMB_2_1, AES_GMAC), HMAC_SHA256);
    assert.equal(signingAlgorithmOf(Dialect.SMB_3_0), AES_CMAC);
    assert.equal(signingAlgorithmOf(Dialect.SMB_3_0_2, HMAC_SHA256), AES_CMAC);
    assert.equal(signingAlgorithmOf(Dialect.SMB_3_1_1), AES_CMAC);
    assert.equal(signingAlgorithmOf(Dialect.SMB_3_1_1, HMAC_SHA256), HMAC_SHA256, 'number 0 is an algorithm');
    assert.equal(signingAlgorithmOf(Dialect.SMB_3_1_1, AES_GMAC), AES_GMAC);
    assert.throws(() => signingAlgorithmOf(Dialect.SMB_3_1_1, 3));
    assert.throws(() => signingAlgorithmOf(0x02ff));
  });
});
