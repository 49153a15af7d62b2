import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EMPTY } from '../../src/base/bytes.ts';
import { Cipher, cipherParameters, parametersOf, SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import { hmacMd5, hmacSha256, md5 } from '../../src/crypto/hash.ts';
import { md4 } from '../../src/crypto/md4.ts';
import { createNodeProvider, hasNativeCmac, nodeProvider } from '../../src/crypto/node-provider.ts';
import { IntegrityError } from '../../src/crypto/provider.ts';
import { Rc4, rc4 } from '../../src/crypto/rc4.ts';
import { equalSecrets } from '../../src/crypto/secret.ts';
import { providers } from './providers.ts';
import { vectors } from './vectors.ts';

const { primitives } = vectors;
const cbcProvider = createNodeProvider({ nativeCmac: false });

describe('digests', () => {
  for (const [message, digest] of primitives.md4_rfc1320) {
    it(`MD4 of ${message.length} bytes is that of RFC 1320`, () => assert.deepEqual(md4(message), digest));
  }

  it('MD4 pads every length up to three blocks to whole blocks', () => {
    const seen = new Set<string>();
    for (let length = 0; length <= 192; length++) seen.add(md4(Buffer.alloc(length)).toString('hex'));
    assert.equal(seen.size, 193);
    // 55 and 56 bytes are the last that fits one block and the first that does not; reference: `openssl dgst -provider legacy -md4`.
    assert.equal(md4(Buffer.alloc(55, 'a')).toString('hex'), 'c889c81dd86c4d2e025778944ea02881');
    assert.equal(md4(Buffer.alloc(56, 'a')).toString('hex'), 'd5f9a9e9257077a5f08b0b92f348b0ad');
  });

  for (const [algorithm, key, message, tag] of primitives.hmac) {
    it(`HMAC-${algorithm} is that of the RFC`, () => {
      const hmac = algorithm === 'md5' ? hmacMd5 : hmacSha256;
      assert.deepEqual(hmac(key, message), tag);
      assert.deepEqual(hmac(key, message.subarray(0, 1), message.subarray(1)), tag);
    });
  }

  it('MD5 of parts is that of the whole', () => {
    assert.equal(
      md5(Buffer.from('a'), Buffer.from('bc')).toString('hex'),
      '900150983cd24fb0d6963f7d28e17f72',
    );
  });
});

describe('RC4', () => {
  for (const [key, stream] of primitives.rc4_rfc6229_first16) {
    it(`makes the stream of RFC 6229 for a key of ${key.length} bytes`, () => {
      assert.deepEqual(rc4(key, Buffer.alloc(16)), stream);
    });
  }

  it('goes on where it stopped', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 32 }),
        fc.uint8Array(),
        fc.uint8Array(),
        (key, a, b) => {
          const stream = new Rc4(key);
          const pieces = Buffer.concat([stream.update(a), stream.update(b)]);
          assert.deepEqual(pieces, rc4(key, Buffer.concat([a, b])));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has nothing left of the key after destroy()', () => {
    const stream = new Rc4(Buffer.from('secret'));
    stream.destroy();
    assert.deepEqual(stream.update(Buffer.alloc(8)), Buffer.alloc(8));
  });
});

describe('AES-CMAC', () => {
  const { key, message, mac_by_length: macs } = primitives.aes_cmac_rfc4493;
  for (const [name, provider] of providers) {
    for (const [length, mac] of Object.entries(macs)) {
      it(`${name} of ${length} bytes is that of RFC 4493`, () => {
        const cmac = provider.mac(SigningAlgorithm.AES_CMAC, Buffer.from(key));
        assert.deepEqual(cmac.tag(EMPTY, [message.subarray(0, Number(length))]), mac);
      });
    }
  }

  // Older runtimes have no CMAC of their own to compare with.
  const comparable = hasNativeCmac ? it : () => {};
  comparable('by CBC equals that of the runtime, for all divisions into parts, message after message', () => {
    const native = nodeProvider.mac(SigningAlgorithm.AES_CMAC, Buffer.from(key));
    const cbc = cbcProvider.mac(SigningAlgorithm.AES_CMAC, Buffer.from(key));
    const parts = fc.array(fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes)));
    fc.assert(
      fc.property(parts, (message) => assert.deepEqual(cbc.tag(EMPTY, message), native.tag(EMPTY, message))),
    );
    for (const length of [65_535, 65_536, 65_537, 65_552, 131_089, 1_048_576]) {
      const large = Buffer.alloc(length, length & 0xff);
      assert.deepEqual(cbc.tag(EMPTY, [large]), native.tag(EMPTY, [large]), `${length} bytes`);
    }
  });

  it('by CBC does not depend on how the message is divided', () => {
    const cbc = cbcProvider.mac(SigningAlgorithm.AES_CMAC, Buffer.from(key));
    const whole = cbc.tag(EMPTY, [message]);
    for (let cut = 0; cut <= message.length; cut++) {
      assert.deepEqual(
        cbc.tag(EMPTY, [message.subarray(0, cut), message.subarray(cut)]),
        whole,
        `cut at ${cut}`,
      );
    }
  });
});

for (const [name, provider] of providers) {
  describe(`AES-GMAC (${name})`, () => {
    for (const [key, nonce, message, tag] of primitives.aes_gmac.cases) {
      it(`is that of the published case with ${message.length} bytes`, () => {
        const gmac = provider.mac(SigningAlgorithm.AES_GMAC, Buffer.from(key));
        assert.deepEqual(gmac.tag(nonce, [message]), tag);
        assert.deepEqual(gmac.tag(nonce, [message.subarray(0, 5), message.subarray(5)]), tag);
      });
    }
  });

  describe(`AES-GCM (${name})`, () => {
    for (const [key, nonce, plaintext, associated, expected] of primitives.aes_gcm.cases) {
      it(`with a ${key.length * 8}-bit key and ${plaintext.length} bytes is the published case`, () => {
        const cipher = parametersOf(key.length === 16 ? Cipher.AES_128_GCM : Cipher.AES_256_GCM);
        const aead = provider.aead(cipher, Buffer.from(key));
        const sealed = aead.seal(nonce, associated, inTwo(plaintext, 7));
        assert.deepEqual(Buffer.concat([...sealed.ciphertext, sealed.tag]), expected);
        const opened = aead.open(nonce, associated, Buffer.concat(sealed.ciphertext), sealed.tag);
        assert.deepEqual(opened, plaintext);
      });
    }
  });

  describe(`AES-CCM (${name})`, () => {
    for (const [key, nonce, plaintext, associated, tagBytes, expected] of primitives.aes_ccm.cases) {
      // The native one takes the nonces of SMB only, for which sealing.test.ts has recordings.
      if (name === 'native') continue;
      it(`with a nonce of ${nonce.length} bytes is the published case`, () => {
        const options = { authTagLength: tagBytes };
        const reference = createCipheriv('aes-128-ccm', key, nonce, options);
        reference.setAAD(associated, { plaintextLength: plaintext.length });
        const ciphertext = reference.update(plaintext);
        reference.final();
        assert.deepEqual(Buffer.concat([ciphertext, reference.getAuthTag()]), expected);

        // Ours has 16-byte tags only; the ciphertext is the same for all of them.
        const aead = provider.aead(parametersOf(Cipher.AES_128_CCM), Buffer.from(key));
        const sealed = aead.seal(nonce, associated, inTwo(plaintext, 3));
        assert.deepEqual(Buffer.concat(sealed.ciphertext), expected.subarray(0, plaintext.length));
        assert.equal(sealed.tag.length, 16);
        assert.deepEqual(
          aead.open(nonce, associated, Buffer.concat(sealed.ciphertext), sealed.tag),
          plaintext,
        );
      });
    }
  });

  describe(`every cipher (${name})`, () => {
    for (const cipher of cipherParameters.values()) {
      const key = () => Buffer.alloc(cipher.keyBytes, 7);
      const nonce = Buffer.alloc(cipher.nonceBytes, 1);

      it(`${cipher.name} opens what it sealed, in any number of parts`, () => {
        const aead = provider.aead(cipher, key());
        const parts = fc.array(
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
          { minLength: 1 },
        );
        fc.assert(
          fc.property(parts, fc.uint8Array(), (message, associated) => {
            const plaintext = Buffer.concat(message);
            const { ciphertext, tag } = aead.seal(nonce, Buffer.from(associated), message);
            const opened = aead.open(nonce, Buffer.from(associated), Buffer.concat(ciphertext), tag);
            assert.deepEqual(opened, plaintext);
          }),
          { numRuns: 50 },
        );
      });

      it(`${cipher.name} refuses short tags, wrong tags and wrong associated data`, () => {
        const aead = provider.aead(cipher, key());
        const { ciphertext, tag } = aead.seal(nonce, EMPTY, [Buffer.from('attack at dawn')]);
        const bytes = Buffer.concat(ciphertext);
        for (let bit = 0; bit < 128; bit++) {
          const wrong = Buffer.from(tag);
          wrong.writeUInt8(wrong.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          assert.throws(() => aead.open(nonce, EMPTY, Buffer.from(bytes), wrong), IntegrityError);
        }
        assert.throws(() => aead.open(nonce, Buffer.from('x'), Buffer.from(bytes), tag), IntegrityError);
        for (const length of [0, 4, 8, 12, 15]) {
          assert.throws(() => aead.open(nonce, EMPTY, bytes, tag.subarray(0, length)), `${length}-byte tag`);
        }
      });

      it(`${cipher.name} works no more after destroy()`, () => {
        const aead = provider.aead(cipher, key());
        aead.destroy();
        assert.throws(() => aead.seal(nonce, EMPTY, [Buffer.alloc(4)]), IntegrityError);
      });
    }
  });
}

/** Copies, since a provider may work where the message stands. */
function inTwo(message: Buffer, cut: number): Buffer[] {
  return [Buffer.from(message.subarray(0, cut)), Buffer.from(message.subarray(cut))];
}

describe('equalSecrets', () => {
  it('tells equal from different, also in length', () => {
    assert.ok(equalSecrets(Buffer.from('abc'), Buffer.from('abc')));
    assert.ok(!equalSecrets(Buffer.from('abc'), Buffer.from('abd')));
    assert.ok(!equalSecrets(Buffer.from('abc'), Buffer.from('abcd')));
  });
});
