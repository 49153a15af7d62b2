import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cipherParameters, SigningAlgorithm, signingParameters } from '../../src/crypto/algorithms.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { type CryptoProvider, IntegrityError } from '../../src/crypto/provider.ts';
import { secretBuffer } from '../../src/crypto/secret.ts';
import { Evp, loadEvp } from '../../src/native/evp.ts';
import { bindEvp } from '../../src/native/evp-functions.ts';
import { givesKnownAnswers } from '../../src/native/evp-self-test.ts';
import { Ffi, sharedFfi } from '../../src/native/ffi.ts';
import { processorHas } from '../../src/native/processor.ts';
import { createNativeProvider, fastestCryptoProvider } from '../../src/server/crypto-provider.ts';

const evp = loadEvp();

test('the fastest provider is the native one where it loads', () => {
  assert.equal(fastestCryptoProvider().name, evp === undefined ? 'node' : 'native');
  assert.equal(evp === undefined, process.env['SMBKIT_NATIVE'] === 'off');
});

/** A message of up to a few hundred KiB, cut into parts that may be empty. */
const cutMessage = fc
  .record({
    sizeBytes: fc.oneof(fc.nat(100), fc.nat(5000), fc.nat(300_000)),
    fill: fc.uint8Array({ minLength: 1, maxLength: 50 }),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
    isInOneBuffer: fc.boolean(),
  })
  .map(({ sizeBytes, fill, cuts, isInOneBuffer }) => {
    const whole = Buffer.alloc(sizeBytes, fill);
    const ends = [...cuts.map((cut) => Math.floor(cut * sizeBytes)), sizeBytes].sort((a, b) => a - b);
    const parts = ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
    return {
      whole: Buffer.from(whole),
      parts: isInOneBuffer ? parts : parts.map((part) => Buffer.from(part)),
    };
  });

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));

describe('native computation', () => {
  if (evp === undefined) return;
  const native: CryptoProvider = createNativeProvider(evp);

  for (const { id, name, nonceBytes } of signingParameters.values()) {
    test(`${name} gives what node:crypto gives, message after message`, () => {
      fc.assert(
        fc.property(bytes(16), (key) => {
          const theirs = nodeProvider.mac(id, Buffer.from(key));
          const ours = native.mac(id, Buffer.from(key));
          fc.assert(
            fc.property(bytes(nonceBytes), cutMessage, (nonce, { parts }) => {
              assert.deepEqual(ours.tag(nonce, parts), theirs.tag(nonce, parts));
            }),
            { numRuns: 20 },
          );
          ours.destroy();
          theirs.destroy();
        }),
        { numRuns: 10 },
      );
    });

    const isPaired = id !== SigningAlgorithm.AES_GMAC && processorHas('sha_ni', 'aes');
    test(`${name} ${isPaired ? 'gives the same for' : 'does not take'} two messages at once`, () => {
      const ours = native.mac(id, Buffer.alloc(16, 5));
      const { tagPair } = ours;
      assert.equal(tagPair !== undefined, isPaired);
      const theirs = nodeProvider.mac(id, Buffer.alloc(16, 5));
      const other = native.mac(id, Buffer.alloc(16, 6));
      const none = Buffer.alloc(0);
      fc.assert(
        fc.property(cutMessage, cutMessage, fc.boolean(), (first, second, mixes) => {
          // Another key in between, since all keys share the places where lanes are put.
          if (mixes) other.tagPair?.(second.whole, first.whole);
          if (tagPair === undefined) return;
          const expected = [theirs.tag(none, [first.whole]), theirs.tag(none, [second.whole])];
          assert.deepEqual(tagPair(first.whole, second.whole), expected);
        }),
        { numRuns: 300 },
      );
      ours.destroy();
      assert.throws(
        () => ours.tagPair?.(none, none) ?? ours.tag(Buffer.alloc(nonceBytes), []),
        IntegrityError,
      );
    });

    test(`${name} takes the key over and works no more when it is destroyed`, () => {
      const key = Buffer.alloc(16, 7);
      const mac = native.mac(id, key);
      assert.deepEqual(key, Buffer.alloc(16));
      mac.destroy();
      mac.destroy();
      assert.throws(() => mac.tag(Buffer.alloc(nonceBytes), [Buffer.alloc(1)]), IntegrityError);
    });
  }

  for (const cipher of cipherParameters.values()) {
    test(`${cipher.name} gives what node:crypto gives and opens it again, message after message`, () => {
      fc.assert(
        fc.property(bytes(cipher.keyBytes), (key) => {
          const theirs = nodeProvider.aead(cipher, Buffer.from(key));
          const ours = native.aead(cipher, Buffer.from(key));
          fc.assert(
            fc.property(bytes(cipher.nonceBytes), bytes(32), cutMessage, (nonce, associated, cut) => {
              const { whole, parts } = cut;
              const expected = theirs.seal(nonce, associated, [whole]);
              const { ciphertext, tag } = ours.seal(nonce, associated, parts);
              assert.deepEqual(tag, expected.tag);
              const sealed = Buffer.concat(ciphertext);
              assert.ok(sealed.equals(Buffer.concat(expected.ciphertext)));
              const forged = Buffer.from(tag);
              forged.writeUInt8(forged.readUInt8(0) ^ 0x80, 0);
              assert.throws(() => ours.open(nonce, associated, Buffer.from(sealed), forged), IntegrityError);
              assert.ok(ours.open(nonce, associated, sealed, tag).equals(whole));
            }),
            { numRuns: 15 },
          );
          ours.destroy();
          theirs.destroy();
        }),
        { numRuns: 10 },
      );
    });

    test(`${cipher.name} works where the message stands`, () => {
      const aead = native.aead(cipher, Buffer.alloc(cipher.keyBytes, 7));
      const nonce = Buffer.alloc(cipher.nonceBytes, 1);
      const message = Buffer.alloc(5000, 'message');
      const { ciphertext, tag } = aead.seal(nonce, Buffer.alloc(0), [
        message.subarray(100, 200),
        message.subarray(200, 3000),
      ]);
      for (const part of ciphertext) assert.equal(part.buffer, message.buffer);
      const plain = Buffer.alloc(5000, 'message');
      assert.deepEqual(message.subarray(0, 100), plain.subarray(0, 100));
      assert.deepEqual(message.subarray(3000), plain.subarray(3000));
      const opened = aead.open(nonce, Buffer.alloc(0), message.subarray(100, 3000), tag);
      assert.equal(opened.byteOffset, message.byteOffset + 100);
      assert.deepEqual(message, plain);
    });

    test(`${cipher.name} leaves zeros and nothing else when the tag is wrong`, () => {
      const aead = native.aead(cipher, Buffer.alloc(cipher.keyBytes, 7));
      const nonce = Buffer.alloc(cipher.nonceBytes, 1);
      const { ciphertext, tag } = aead.seal(nonce, Buffer.alloc(0), [Buffer.alloc(2000, 'secret')]);
      const frame = Buffer.concat([Buffer.from('before'), ...ciphertext, Buffer.from('after')]);
      tag.writeUInt8(tag.readUInt8(15) ^ 1, 15);
      assert.throws(() => aead.open(nonce, Buffer.alloc(0), frame.subarray(6, -5), tag), IntegrityError);
      assert.deepEqual(
        frame,
        Buffer.concat([Buffer.from('before'), Buffer.alloc(2000), Buffer.from('after')]),
      );
    });

    test(`${cipher.name} refuses keys, nonces and tags of other lengths`, () => {
      const { keyBytes, nonceBytes } = cipher;
      for (const length of [0, keyBytes - 1, keyBytes + 1]) {
        assert.throws(() => native.aead(cipher, Buffer.alloc(length)), { name: 'EvpError' });
      }
      const aead = native.aead(cipher, Buffer.alloc(keyBytes, 7));
      for (const length of [0, nonceBytes - 1, nonceBytes + 1]) {
        const short = Buffer.alloc(length);
        assert.throws(() => aead.seal(short, short, [Buffer.alloc(9)]), { name: 'EvpError' });
        assert.throws(() => aead.open(short, short, Buffer.alloc(9), Buffer.alloc(16)), { name: 'EvpError' });
      }
      assert.throws(
        () => aead.open(Buffer.alloc(nonceBytes), Buffer.alloc(0), Buffer.alloc(9), Buffer.alloc(17)),
        IntegrityError,
      );
    });
  }

  test('a failure leaves no error behind that node:crypto would stumble over', () => {
    const cipher = cipherParameters.get(1);
    assert.ok(cipher);
    const aead = native.aead(cipher, Buffer.alloc(16, 7));
    const nothing = Buffer.alloc(0);
    assert.throws(() => aead.open(Buffer.alloc(11), nothing, Buffer.alloc(9), Buffer.alloc(16)));
    const theirs = nodeProvider.aead(cipher, Buffer.alloc(16, 7));
    const { ciphertext, tag } = theirs.seal(Buffer.alloc(11), nothing, [Buffer.from('text')]);
    assert.equal(theirs.open(Buffer.alloc(11), nothing, Buffer.concat(ciphertext), tag).toString(), 'text');
  });

  test('secrets in memory of their own are taken over, too', () => {
    const key = secretBuffer(16);
    key.fill(3);
    native.mac(1, key).destroy();
    assert.ok(key.every((byte) => byte === 0));
  });
});

describe('the trial of the functions', () => {
  const ffi = sharedFfi();
  if (!(ffi instanceof Ffi)) return;
  const functions = bindEvp(ffi);
  assert.ok(functions);

  test('believes those that are right', () => assert.ok(givesKnownAnswers(new Evp(functions))));

  test('does not believe a cipher that does nothing', () => {
    const updateCipher = Object.assign(() => 1, { async: () => {} });
    assert.equal(givesKnownAnswers(new Evp({ ...functions, updateCipher })), false);
  });

  test('does not believe one that takes any tag', () => {
    const finishCipher = Object.assign(() => 1, { async: () => {} });
    assert.equal(givesKnownAnswers(new Evp({ ...functions, finishCipher })), false);
  });

  test('does not believe a code that is always the same', () => {
    const updateMac = Object.assign(() => 1, { async: () => {} });
    assert.equal(givesKnownAnswers(new Evp({ ...functions, updateMac })), false);
  });
});
