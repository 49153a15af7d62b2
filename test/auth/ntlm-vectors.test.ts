import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeAvPairs, encodeAvPairs } from '../../src/auth/ntlm/av-pairs.ts';
import { AvId, hasFlag, NtlmFlag } from '../../src/auth/ntlm/flags.ts';
import {
  decodeAuthenticate,
  decodeChallenge,
  encodeAuthenticate,
  encodeChallenge,
  withMic,
} from '../../src/auth/ntlm/messages.ts';
import {
  decodeNtlmv2Response,
  encodeTemp,
  ntHashOf,
  proofOf,
  responseKeyOf,
  sessionBaseKeyOf,
} from '../../src/auth/ntlm/ntlmv2.ts';
import { NtlmIntegrity, sealKeyOf, signKeyOf } from '../../src/auth/ntlm/session-security.ts';
import { Spnego } from '../../src/auth/spnego/acceptor.ts';
import { decodeNegotiationToken, encodeMechTypeList } from '../../src/auth/spnego/tokens.ts';
import { EMPTY, utf16le } from '../../src/base/bytes.ts';
import { hmacMd5 } from '../../src/crypto/hash.ts';
import { Rc4, rc4 } from '../../src/crypto/rc4.ts';
import { NtlmClient } from '../../src/testing/ntlm-client.ts';
import { vectors } from '../crypto/vectors.ts';
import { account, clockAt, ntlmServer, scriptedEntropy, storeOf } from './fixtures.ts';

const nlmp = vectors.ms_nlmp_4_2_4;
const C2S = 'client-to-server';
const S2C = 'server-to-client';

// The vector's LMOWFv1 has no counterpart here: nothing is computed from LM hashes.
describe('the NTLMv2 example of MS-NLMP', () => {
  const responseKey = responseKeyOf(ntHashOf(nlmp.password), nlmp.user, nlmp.domain);

  it('gives the response keys', () => {
    assert.deepEqual(ntHashOf(nlmp.password), nlmp.ntowfv1);
    assert.deepEqual(responseKey, nlmp.ntowfv2);
  });

  it('gives the response and its keys', () => {
    const temp = encodeTemp(
      nlmp.time.readBigUInt64LE(),
      nlmp.client_challenge,
      decodeAvPairs(nlmp.target_info),
    );
    assert.deepEqual(temp, nlmp.temp);
    const proof = proofOf(responseKey, nlmp.server_challenge, temp);
    assert.deepEqual(proof, nlmp.nt_proof);
    const sessionBaseKey = sessionBaseKeyOf(responseKey, proof);
    assert.deepEqual(sessionBaseKey, nlmp.session_base_key_is_kxkey);
    assert.deepEqual(rc4(sessionBaseKey, nlmp.random_session_key), nlmp.encrypted_random_session_key);
  });

  it('gives the signing and sealing keys', () => {
    const key = nlmp.random_session_key;
    assert.deepEqual(signKeyOf(key, C2S), nlmp.signkey_c2s);
    assert.deepEqual(signKeyOf(key, S2C), nlmp.signkey_s2c);
    const { ENCRYPTION_128, ENCRYPTION_56 } = NtlmFlag;
    assert.deepEqual(sealKeyOf(key, C2S, ENCRYPTION_128), nlmp.sealkey_c2s_128);
    assert.deepEqual(sealKeyOf(key, S2C, ENCRYPTION_128), nlmp.sealkey_s2c_128);
    assert.deepEqual(sealKeyOf(key, C2S, ENCRYPTION_56), nlmp.sealkey_c2s_56);
    assert.deepEqual(sealKeyOf(key, S2C, ENCRYPTION_56), nlmp.sealkey_s2c_56);
    assert.deepEqual(sealKeyOf(key, C2S, 0), nlmp.sealkey_c2s_40);
    assert.deepEqual(sealKeyOf(key, S2C, 0), nlmp.sealkey_s2c_40);
  });

  it('gives the sealed message and both its signatures', () => {
    const plaintext = utf16le(nlmp.wrap_plaintext_utf16);
    const plain = new NtlmIntegrity(nlmp.random_session_key, NtlmFlag.ENCRYPTION_128, C2S).makeMic(plaintext);
    assert.deepEqual(plain, nlmp.wrap_signature_without_key_exch);
    // Sealing and signing share one key stream; only signing is needed here, so the stream is driven by hand.
    const stream = new Rc4(sealKeyOf(nlmp.random_session_key, C2S, NtlmFlag.ENCRYPTION_128));
    assert.deepEqual(stream.update(plaintext), nlmp.wrap_data);
    assert.deepEqual(stream.update(plain.subarray(4, 12)), nlmp.wrap_signature.subarray(4, 12));
  });

  it('reads and writes the CHALLENGE message', () => {
    const message = decodeChallenge(nlmp.challenge_message);
    assert.deepEqual(message.serverChallenge, nlmp.server_challenge);
    assert.equal(message.targetName, nlmp.server_name);
    assert.deepEqual(message.targetInfo, nlmp.target_info);
    assert.deepEqual(encodeAvPairs(decodeAvPairs(message.targetInfo)), nlmp.target_info);
    assert.deepEqual(encodeChallenge(message), nlmp.challenge_message);
  });

  it('reads and writes the AUTHENTICATE message', () => {
    const message = decodeAuthenticate(nlmp.authenticate_message);
    assert.equal(message.userName, nlmp.user);
    assert.equal(message.domainName, nlmp.domain);
    assert.equal(message.workstation, nlmp.workstation);
    assert.deepEqual(message.lmChallengeResponse, nlmp.lmv2);
    assert.deepEqual(message.ntChallengeResponse, Buffer.concat([nlmp.nt_proof, nlmp.temp]));
    assert.deepEqual(message.encryptedRandomSessionKey, nlmp.encrypted_random_session_key);
    assert.equal(message.mic, undefined);
    assert.deepEqual(encodeAuthenticate(message), nlmp.authenticate_message);
  });

  it('is what the client sends', () => {
    const { negotiateFlags, version = EMPTY } = decodeAuthenticate(nlmp.authenticate_message);
    const client = new NtlmClient({
      credentials: {
        user: nlmp.user,
        domain: nlmp.domain,
        password: nlmp.password,
        workstation: nlmp.workstation,
      },
      entropy: scriptedEntropy(nlmp.client_challenge, nlmp.random_session_key),
      flags: negotiateFlags,
      version,
    });
    const challenge = decodeChallenge(nlmp.challenge_message);
    const agreed = { ...challenge, negotiateFlags: (challenge.negotiateFlags | negotiateFlags) >>> 0 };
    assert.deepEqual(client.authenticate(encodeChallenge(agreed)), nlmp.authenticate_message);
    assert.deepEqual(client.sessionKey, nlmp.random_session_key);
  });

  it('is accepted', async () => {
    const server = ntlmServer({
      users: storeOf(account(nlmp.user, nlmp.password)),
      entropy: scriptedEntropy(nlmp.server_challenge),
    }).begin();
    const { negotiateFlags } = decodeAuthenticate(nlmp.authenticate_message);
    const negotiate = new NtlmClient({
      credentials: { user: 'x', password: 'x' },
      entropy: scriptedEntropy(),
      flags: negotiateFlags,
    }).negotiateMessage;
    await server.step(negotiate);
    const done = await server.step(nlmp.authenticate_message);
    assert.ok(done.kind === 'complete');
    assert.deepEqual(done.sessionKey, nlmp.random_session_key);
  });
});

describe('the published mechListMIC of a client', () => {
  const { exported_session_key: key, mech_types_der: list, client_mic: mic } = vectors.spnego_mechlistmic;
  const flags = NtlmFlag.ENCRYPTION_128 | NtlmFlag.KEY_EXCH;

  it('is made and verified', () => {
    assert.deepEqual(new NtlmIntegrity(key, flags, C2S).makeMic(list), mic);
    assert.ok(new NtlmIntegrity(key, flags, S2C).verifyMic(list, mic));
  });

  it('is refused with any one bit changed', () => {
    for (let bit = 0; bit < 128; bit++) {
      const wrong = Buffer.from(mic);
      wrong.writeUInt8(wrong.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.ok(!new NtlmIntegrity(key, flags, S2C).verifyMic(list, wrong), `bit ${bit}`);
    }
  });
});

/** Token at the end of an SMB2 SESSION_SETUP message, request or response. [MS-SMB2] 2.2.5, 2.2.6 */
function securityBufferOf(message: Buffer): Buffer {
  const isResponse = (message.readUInt32LE(16) & 1) !== 0;
  const place = 64 + (isResponse ? 4 : 12);
  const offset = message.readUInt16LE(place);
  return message.subarray(offset, offset + message.readUInt16LE(place + 2));
}

/** The NTLM message in a token, wrapped or raw. */
function ntlmOf(token: Buffer): Buffer {
  if (token.toString('latin1', 0, 7) === 'NTLMSSP') return token;
  const message = decodeNegotiationToken(token);
  return (message.kind === 'init' ? message.mechToken : message.responseToken) ?? EMPTY;
}

describe('recorded logons whose session key is known', () => {
  for (const [name, capture] of Object.entries(vectors.wireshark_captures.cases)) {
    const tokens = capture.messages.slice(2, 6).map(([, message]) => securityBufferOf(message));
    const [negotiate = EMPTY, challenge = EMPTY, authenticate = EMPTY, last = EMPTY] = tokens;
    const ntlm = [negotiate, challenge, authenticate].map(ntlmOf);
    const message = decodeAuthenticate(ntlm[2] ?? EMPTY);

    it(`are read and written byte for byte: ${name}`, () => {
      const decoded = decodeChallenge(ntlm[1] ?? EMPTY);
      // Samba leaves room between header and payload where Windows has the version.
      assert.equal(
        encodeChallenge(decoded).length - 56,
        decoded.targetInfo.length + utf16le(decoded.targetName).length,
      );
      assert.deepEqual(encodeAvPairs(decodeAvPairs(decoded.targetInfo)), decoded.targetInfo);
      assert.ok(decodeNtlmv2Response(message.ntChallengeResponse).avPairs.has(AvId.TIMESTAMP));
    });

    it(`have the message integrity codes that the key gives: ${name}`, () => {
      if (message.mic === undefined) return assert.equal(last.length, 0, 'a raw logon has no last token');
      const zeroed = withMic(ntlm[2] ?? EMPTY, Buffer.alloc(16));
      const mic = hmacMd5(capture.session_key, ntlm[0] ?? EMPTY, ntlm[1] ?? EMPTY, zeroed);
      assert.deepEqual(mic, message.mic);
    });

    it(`have the mechListMICs that the key gives: ${name}`, () => {
      if (message.mic === undefined) return assert.equal(last.length, 0, 'a raw logon has no last token');
      const init = decodeNegotiationToken(negotiate);
      const [fromClient, fromServer] = [authenticate, last].map(decodeNegotiationToken);
      assert.ok(init.kind === 'init' && fromClient?.kind === 'resp' && fromServer?.kind === 'resp');
      const server = new NtlmIntegrity(capture.session_key, message.negotiateFlags, S2C);
      assert.ok(server.verifyMic(init.mechTypeList, fromClient.mechListMic ?? EMPTY));
      assert.deepEqual(server.makeMic(init.mechTypeList), fromServer.mechListMic);
      assert.deepEqual(encodeMechTypeList(init.mechTypes), init.mechTypeList);
    });
  }
});

describe('the recorded two-channel session', () => {
  const { channel1, channel2, user, password, domain } = vectors.smb311_multichannel;
  for (const [name, channel] of Object.entries({ channel1, channel2 })) {
    const { ntlm, messages } = channel;
    const authenticate = ntlmOf(securityBufferOf(messages.ss2_req));
    const challenge = ntlmOf(securityBufferOf(messages.ss1_rsp));
    const message = decodeAuthenticate(authenticate);

    it(`gives every key of NTLM on ${name}`, () => {
      assert.deepEqual(ntHashOf(password), ntlm.nthash);
      assert.equal(message.domainName, domain);
      const responseKey = responseKeyOf(ntlm.nthash, user, message.domainName);
      assert.deepEqual(responseKey, ntlm.ntowfv2);
      const response = decodeNtlmv2Response(message.ntChallengeResponse);
      const proof = proofOf(responseKey, decodeChallenge(challenge).serverChallenge, response.temp);
      assert.deepEqual(proof, response.proof);
      const sessionBaseKey = sessionBaseKeyOf(responseKey, proof);
      assert.deepEqual(sessionBaseKey, ntlm.sbk);
      assert.deepEqual(rc4(sessionBaseKey, message.encryptedRandomSessionKey), ntlm.exported);
    });

    it(`gives the MIC and both mechListMICs on ${name}`, () => {
      const negotiate = ntlmOf(securityBufferOf(messages.ss1_req));
      const zeroed = withMic(authenticate, Buffer.alloc(16));
      const mic = hmacMd5(ntlm.exported, negotiate, challenge, zeroed);
      assert.deepEqual(mic, ntlm.mic);
      assert.deepEqual(mic, message.mic);
      const list = encodeMechTypeList([vectors.spnego_mechlistmic.mech_types_der.subarray(2)]);
      for (const [direction, [checksum, signKey, sealKey]] of [
        [C2S, ntlm.c2s],
        [S2C, ntlm.s2c],
      ] as const) {
        const keys = [
          signKeyOf(ntlm.exported, direction),
          sealKeyOf(ntlm.exported, direction, message.negotiateFlags),
        ];
        assert.deepEqual(keys, [signKey, sealKey]);
        const integrity = new NtlmIntegrity(ntlm.exported, message.negotiateFlags, direction);
        assert.deepEqual(integrity.makeMic(list), checksum);
      }
      assert.ok(hasFlag(message.negotiateFlags, NtlmFlag.KEY_EXCH));
    });

    it(`is reproduced token for token by the acceptor on ${name}`, async () => {
      const { serverChallenge, version, targetInfo } = decodeChallenge(challenge);
      const time = decodeAvPairs(targetInfo).get(AvId.TIMESTAMP)?.readBigUInt64LE() ?? 0n;
      const own = { netbiosComputer: domain, netbiosDomain: domain, dnsComputer: domain, dnsDomain: domain };
      const mechanism = ntlmServer({
        users: storeOf(account('Administrator', password)),
        names: own,
        clock: clockAt(time),
        entropy: scriptedEntropy(serverChallenge),
        version,
      });
      const server = new Spnego([mechanism]).begin();
      const first = await server.step(securityBufferOf(messages.ss1_req));
      assert.ok(first.kind === 'continue');
      assert.deepEqual(first.token, securityBufferOf(messages.ss1_rsp));
      const last = await server.step(securityBufferOf(messages.ss2_req));
      assert.ok(last.kind === 'complete');
      assert.deepEqual(last.token, securityBufferOf(messages.ss2_rsp));
      assert.deepEqual(last.sessionKey, ntlm.exported);
      assert.equal(last.targetName, `cifs/${domain}`);
      assert.equal(last.identity.name, 'Administrator');
      assert.ok(securityBufferOf(messages.ss2_req).includes(ntlm.rest));
    });
  }
});
