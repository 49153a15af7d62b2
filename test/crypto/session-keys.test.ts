import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cipher, Dialect } from '../../src/crypto/algorithms.ts';
import { deriveBytes, deriveKey } from '../../src/crypto/kdf.ts';
import { PreauthHash } from '../../src/crypto/preauth.ts';
import { deriveAllKeys } from '../../src/crypto/session-keys.ts';
import { captureCiphers, vectors } from './vectors.ts';

describe('the counter-mode derivation', () => {
  it('gives every published answer of NIST', () => {
    const { cases } = vectors.nist_sp800_108_ctr_sha256;
    assert.equal(cases.length, 40);
    for (const [key, input, out] of cases) assert.deepEqual(deriveBytes(key, input, out.length), out);
  });

  for (const { key, label, context, L, out } of vectors.kdf_extra.third_party) {
    it(`gives the third-party answer for ${L} bits`, () => {
      assert.deepEqual(deriveKey(key, label.replaceAll('\\0', '\0'), context, L / 8), out);
    });
  }
});

describe('the keys of a session', () => {
  for (const dialect of [Dialect.SMB_2_0_2, Dialect.SMB_2_1]) {
    it(`are the session key itself in dialect ${dialect.toString(16)}`, () => {
      const keys = deriveAllKeys({ dialect, fullSessionKey: Buffer.from('0123456789abcdefgh') });
      assert.equal(keys.signing.toString(), '0123456789abcdef');
      assert.equal(keys.application.toString(), '0123456789abcdef');
      assert.notEqual(keys.signing.buffer, keys.application.buffer);
      assert.equal(keys.clientToServer, undefined);
      assert.equal(keys.serverToClient, undefined);
    });
  }

  for (const row of vectors.smb30_keys.cases) {
    for (const dialect of [Dialect.SMB_3_0, Dialect.SMB_3_0_2]) {
      it(`come from the fixed labels in dialect ${dialect.toString(16)}: ${row.note}`, () => {
        const keys = deriveAllKeys({ dialect, fullSessionKey: row.session_key, cipher: Cipher.AES_128_CCM });
        assert.deepEqual(keys.signing, row.signing);
        assert.deepEqual(keys.clientToServer, row.c2s);
        assert.deepEqual(keys.serverToClient, row.s2c);
        assert.deepEqual(keys.application, row.application);
      });
    }
  }

  it('use the full session key for 256-bit ciphers and its first 16 bytes for everything else', () => {
    const row = vectors.kdf_extra.kerberos_full_session_key_computed;
    const inputs = {
      dialect: Dialect.SMB_3_1_1,
      fullSessionKey: row.full_session_key,
      preauthHash: row.preauth,
    };
    for (const cipher of [Cipher.AES_256_CCM, Cipher.AES_256_GCM]) {
      const keys = deriveAllKeys({ ...inputs, cipher });
      assert.deepEqual(keys.signing, row.sign);
      assert.deepEqual(keys.clientToServer, row.c2s);
      assert.deepEqual(keys.serverToClient, row.s2c);
      assert.deepEqual(keys.application, row.app);
    }
    const short = deriveAllKeys({ ...inputs, cipher: Cipher.AES_128_GCM });
    const first = deriveAllKeys({ ...inputs, fullSessionKey: row.session_key, cipher: Cipher.AES_128_GCM });
    assert.deepEqual(short, first);
  });

  it('sign as an independent implementation does in 3.1.1', () => {
    const { session_key: fullSessionKey, preauth: preauthHash, signing } = vectors.signing.smb_rs_311_key;
    assert.deepEqual(
      deriveAllKeys({ dialect: Dialect.SMB_3_1_1, fullSessionKey, preauthHash }).signing,
      signing,
    );
  });

  it('pad a session key of less than 16 bytes with zeros', () => {
    const short = Buffer.from('01234567');
    const padded = Buffer.concat([short, Buffer.alloc(8)]);
    const of = (fullSessionKey: Buffer) => deriveAllKeys({ dialect: Dialect.SMB_3_0, fullSessionKey });
    assert.deepEqual(of(short), of(padded));
  });

  it('cannot come from an empty session key, a missing hash or a cipher of another dialect', () => {
    const fullSessionKey = Buffer.alloc(16, 1);
    const dialect = Dialect.SMB_3_1_1;
    assert.throws(() => deriveAllKeys({ dialect: Dialect.SMB_3_0, fullSessionKey: Buffer.alloc(0) }));
    assert.throws(() => deriveAllKeys({ dialect, fullSessionKey }));
    assert.throws(() => deriveAllKeys({ dialect, fullSessionKey, preauthHash: Buffer.alloc(63) }));
    assert.throws(() =>
      deriveAllKeys({ dialect: Dialect.SMB_3_0, fullSessionKey, cipher: Cipher.AES_128_GCM }),
    );
    assert.throws(() => deriveAllKeys({ dialect: 0x02ff, fullSessionKey }));
  });
});

describe('the pre-authentication hash', () => {
  const { channel1, channel2 } = vectors.smb311_multichannel;
  for (const [name, channel] of Object.entries({ channel1, channel2 })) {
    it(`of the recorded ${name} is right after each of its messages`, () => {
      const hash = new PreauthHash();
      const steps = Object.entries(channel.preauth_after);
      assert.equal(steps.length, 5);
      for (const [message, expected] of steps) {
        const bytes =
          Object.entries(channel.messages).find(([key]) => key === message)?.[1] ?? Buffer.alloc(0);
        hash.update(bytes.subarray(0, 64), bytes.subarray(64));
        assert.deepEqual(hash.value, expected, message);
      }
    });

    it(`of the recorded ${name} leads to its four keys`, () => {
      const keys = deriveAllKeys({
        dialect: Dialect.SMB_3_1_1,
        fullSessionKey: channel.ntlm.exported,
        preauthHash: channel.preauth_after['ss2_req'],
        cipher: Cipher.AES_128_GCM,
      });
      assert.deepEqual(keys.signing, channel.keys.sign);
      assert.deepEqual(keys.clientToServer, channel.keys.c2s);
      assert.deepEqual(keys.serverToClient, channel.keys.s2c);
      assert.deepEqual(keys.application, channel.keys.app);
    });
  }

  for (const [name, capture] of Object.entries(vectors.wireshark_captures.cases)) {
    it(`of the capture ${name} leads to its four keys`, () => {
      const hash = new PreauthHash();
      for (const [, message] of capture.messages.slice(0, 5)) hash.update(message);
      const is311 = name.startsWith('smb311');
      if (is311) assert.deepEqual(hash.value, capture.preauth);
      const keys = deriveAllKeys({
        dialect: is311 ? Dialect.SMB_3_1_1 : Dialect.SMB_3_0,
        fullSessionKey: capture.session_key,
        preauthHash: hash.value,
        cipher: captureCiphers.get(name),
      });
      assert.deepEqual(keys.signing, capture.keys.sign);
      assert.deepEqual(keys.clientToServer, capture.keys.c2s);
      assert.deepEqual(keys.serverToClient, capture.keys.s2c);
      assert.deepEqual(keys.application, capture.keys.app);
    });
  }

  for (const [name, blog] of Object.entries(vectors.encryption_blogs)) {
    it(`leads to the cipher keys of the published ${name} example`, () => {
      const is311 = blog.preauth !== undefined;
      const keys = deriveAllKeys({
        dialect: is311 ? Dialect.SMB_3_1_1 : Dialect.SMB_3_0,
        fullSessionKey: blog.session_key,
        preauthHash: blog.preauth,
        cipher: is311 ? Cipher.AES_128_GCM : Cipher.AES_128_CCM,
      });
      assert.deepEqual(keys.clientToServer, blog.c2s);
      assert.deepEqual(keys.serverToClient, blog.s2c);
    });
  }

  it('goes on separately after a fork', () => {
    const connection = new PreauthHash();
    connection.update(Buffer.from('negotiate'));
    const before = Buffer.from(connection.value);
    const session = connection.fork();
    session.update(Buffer.from('session setup'));
    assert.deepEqual(connection.value, before);
    assert.notDeepEqual(session.value, before);
  });
});
