import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import { Cipher, cipherParameters, parametersOf } from '../../src/crypto/algorithms.ts';
import { type CryptoProvider, IntegrityError } from '../../src/crypto/provider.ts';
import { Opener, Sealer, SealingExhaustedError } from '../../src/crypto/sealing.ts';
import { providers } from './providers.ts';
import { captureCiphers, vectors } from './vectors.ts';

for (const [name, provider] of providers) {
  describe(name, () => {
    function openerOf(cipher: number, key: Buffer): Opener {
      return new Opener(provider, parametersOf(cipher), Buffer.from(key));
    }

    /** Seals again what a recording contains, under the recorded nonce. */
    function resealed(cipher: number, key: Buffer, frame: Buffer, plaintext: Buffer): Buffer {
      const parameters = parametersOf(cipher);
      const nonce = frame.subarray(20, 20 + parameters.nonceBytes);
      const aead = provider.aead(parameters, Buffer.from(key));
      const { ciphertext, tag } = aead.seal(nonce, frame.subarray(20, 52), [Buffer.from(plaintext)]);
      return Buffer.concat([frame.subarray(0, 4), tag, frame.subarray(20, 52), ...ciphertext]);
    }

    describe(`encrypted messages of other implementations`, () => {
      const { smb30, smb311 } = vectors.encryption_blogs;
      for (const [dialect, cipher, blog] of [
        ['3.0', Cipher.AES_128_CCM, smb30],
        ['3.1.1', Cipher.AES_128_GCM, smb311],
      ] as const) {
        it(`are opened and reproduced: the published example of ${dialect}`, () => {
          const request = openerOf(cipher, blog.c2s).open(Buffer.from(blog.transform_request));
          assert.deepEqual(request, blog.plain_request);
          const response = openerOf(cipher, blog.s2c).open(Buffer.from(blog.transform_response));
          assert.deepEqual(response, blog.plain_response);
          assert.deepEqual(
            resealed(cipher, blog.c2s, blog.transform_request, request),
            blog.transform_request,
          );
          assert.deepEqual(
            resealed(cipher, blog.s2c, blog.transform_response, response),
            blog.transform_response,
          );
        });
      }

      for (const [captured, capture] of Object.entries(vectors.wireshark_captures.cases)) {
        it(`are opened and reproduced: the capture ${captured}`, () => {
          const cipher = captureCiphers.get(captured) ?? 0;
          const plain = capture.decrypted_6_7;
          for (const [index, expected] of plain.entries()) {
            const [direction, frame] = capture.messages[6 + index] ?? ['c2s', EMPTY];
            const key = direction === 'c2s' ? capture.keys.c2s : capture.keys.s2c;
            assert.deepEqual(openerOf(cipher, key).open(Buffer.from(frame)), expected);
            assert.deepEqual(resealed(cipher, key, frame, expected), frame);
          }
        });
      }
    });

    describe(`every cipher`, () => {
      for (const cipher of cipherParameters.values()) {
        const key = Buffer.alloc(cipher.keyBytes, 9);
        const newSealer = (nonceCountMax = 1000, chosen: CryptoProvider = provider) =>
          new Sealer(chosen, cipher, { key: Buffer.from(key), sessionId: 0x1234_5678_9abc, nonceCountMax });

        it(`${cipher.name} seals under a complete transform header, written where the caller wants it`, () => {
          const room = Buffer.alloc(60, 0xff);
          const [header, ...ciphertext] = newSealer().seal([Buffer.from('he'), Buffer.from('llo')], room);
          assert.equal(header?.buffer, room.buffer);
          assert.equal(header?.length, 52);
          const frame = Buffer.concat([header ?? EMPTY, ...ciphertext]);
          assert.equal(frame.readUInt32BE(0), 0xfd534d42);
          assert.equal(frame.readUInt32LE(36), 5);
          assert.equal(frame.readUInt16LE(40), 0);
          assert.equal(frame.readUInt16LE(42), 1);
          assert.equal(frame.readBigUInt64LE(44), 0x1234_5678_9abcn);
          assert.ok(frame.subarray(20 + cipher.nonceBytes, 36).every((byte) => byte === 0));
          assert.ok(room.subarray(52).every((byte) => byte === 0xff));
          assert.equal(openerOf(cipher.id, key).open(frame).toString(), 'hello');
        });

        it(`${cipher.name} refuses a frame with any one bit changed, truncated or extended`, () => {
          const frame = Buffer.concat(newSealer().seal([Buffer.from('the quick brown fox')]));
          const opener = openerOf(cipher.id, key);
          for (let bit = 0; bit < frame.length * 8; bit++) {
            const forged = Buffer.from(frame);
            forged.writeUInt8(forged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
            assert.throws(() => opener.open(forged), IntegrityError, `bit ${bit}`);
          }
          for (let length = 0; length < frame.length; length++) {
            assert.throws(() => opener.open(Buffer.from(frame.subarray(0, length))), IntegrityError);
          }
          assert.throws(() => opener.open(Buffer.concat([frame, Buffer.alloc(1)])), IntegrityError);
          assert.equal(opener.open(frame).toString(), 'the quick brown fox');
        });

        it(`${cipher.name} throws rather than use a nonce twice or beyond the limit`, () => {
          const sealer = newSealer(3);
          const nonces = [1, 2, 3].map(() =>
            Buffer.concat(sealer.seal([Buffer.alloc(1)])).toString('hex', 20, 36),
          );
          assert.equal(new Set(nonces).size, 3);
          assert.throws(() => sealer.seal([Buffer.alloc(1)]), SealingExhaustedError);
          assert.throws(() => sealer.seal([Buffer.alloc(1)]), SealingExhaustedError);
        });

        it(`${cipher.name} does not use the nonce of a failed attempt again`, () => {
          const nonces: string[] = [];
          let failures = 1;
          const failing: CryptoProvider = {
            ...provider,
            aead: (row, source) => {
              const aead = provider.aead(row, source);
              const seal: typeof aead.seal = (nonce, associated, parts) => {
                nonces.push(nonce.toString('hex'));
                if (failures-- > 0) throw new Error('the cipher failed');
                return aead.seal(nonce, associated, parts);
              };
              return { ...aead, seal };
            },
          };
          const sealer = newSealer(10, failing);
          assert.throws(() => sealer.seal([Buffer.alloc(1)]), /failed/);
          sealer.seal([Buffer.alloc(1)]);
          assert.equal(new Set(nonces).size, 2);
        });
      }

      it('leaves no unverified plaintext behind', () => {
        const cipher = parametersOf(Cipher.AES_128_GCM);
        const key = Buffer.alloc(16, 9);
        const frame = Buffer.concat(
          new Sealer(provider, cipher, { key: Buffer.from(key), sessionId: 1 }).seal([
            Buffer.alloc(256, 0x41),
          ]),
        );
        frame.writeUInt8(frame.readUInt8(4) ^ 1, 4);
        let leaked: unknown;
        try {
          leaked = openerOf(Cipher.AES_128_GCM, key).open(frame);
        } catch (error) {
          leaked = error;
        }
        assert.ok(leaked instanceof IntegrityError);
        assert.ok(!JSON.stringify(Object.entries(leaked)).includes('AAAA'));
      });
    });
  });
}
