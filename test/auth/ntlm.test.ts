import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UserStore } from '../../src/auth/identity.ts';
import { decodeAvPairs } from '../../src/auth/ntlm/av-pairs.ts';
import { AvId, NtlmFlag } from '../../src/auth/ntlm/flags.ts';
import { type AuthenticateMessage, decodeChallenge } from '../../src/auth/ntlm/messages.ts';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus } from '../../src/base/status.ts';
import { windowsClientFlags } from '../../src/testing/ntlm-client.ts';
import { account, ntlmClient, ntlmServer, storeOf, users } from './fixtures.ts';
import { type Change, changed, logOn, refused } from './ntlm-logon.ts';

const withoutMic = { sendsMic: false };

describe('a user with the right password', () => {
  it('is let in with the identity of the account and the session key of the client', async () => {
    const client = ntlmClient('ALICE', 'Secret.1', { domain: 'anything', targetName: 'cifs/server' });
    const done = await logOn(client);
    assert.equal(done.identity.kind, 'user');
    assert.equal(done.identity.name, 'alice');
    assert.equal(done.identity.domain, 'SERVER');
    assert.equal(done.identity.sid, 'S-1-5-21-1-2-3-1001');
    assert.deepEqual(done.identity.groups, ['S-1-5-32-545', 'S-1-1-0', 'S-1-5-2', 'S-1-5-11']);
    assert.deepEqual(done.sessionKey, client.sessionKey);
    assert.equal(done.targetName, 'cifs/server');
  });

  for (const domain of ['', 'SERVER', 'server', 'a b c']) {
    it(`is let in from the domain '${domain}'`, async () => {
      await logOn(ntlmClient('alice', 'Secret.1', { domain }));
    });
  }

  it('is let in although the client computed with its domain in upper case, or with none', async () => {
    for (const domain of ['EXAMPLE', '']) {
      const client = ntlmClient('alice', 'Secret.1', { domain, ...withoutMic });
      await logOn(
        client,
        {},
        changed((message) => ({ ...message, domainName: 'example' })),
      );
    }
  });

  it('is let in with letters beyond ASCII', async () => {
    await logOn(ntlmClient('ÜNÏCØDÉ', 'pässwörd'));
  });

  const { KEY_EXCH, ENCRYPTION_56, ENCRYPTION_128, SIGN, VERSION, SEAL, UNICODE, OEM } = NtlmFlag;
  for (const [name, flags] of Object.entries({
    'without NEGOTIATE_56': windowsClientFlags & ~ENCRYPTION_56,
    'without NEGOTIATE_128': windowsClientFlags & ~ENCRYPTION_128,
    'without KEY_EXCH': windowsClientFlags & ~KEY_EXCH,
    'without VERSION': windowsClientFlags & ~VERSION,
    'with KEY_EXCH but neither SIGN nor SEAL': windowsClientFlags & ~SIGN,
    'with SEAL': windowsClientFlags | SEAL,
    'without UNICODE': (windowsClientFlags & ~UNICODE) | OEM,
    'without extended session security': windowsClientFlags & ~NtlmFlag.EXTENDED_SESSIONSECURITY,
  })) {
    it(`is let in by a client ${name}`, async () => {
      const client = ntlmClient('alice', 'Secret.1', { flags: flags >>> 0 });
      const done = await logOn(client);
      assert.deepEqual(done.sessionKey, client.sessionKey);
    });
  }

  it('is let in by a client that sends no MIC, or a MIC nobody announced', async () => {
    await logOn(ntlmClient('alice', 'Secret.1', withoutMic));
    const stray = changed((message) => ({ ...message, mic: Buffer.alloc(16, 1) }));
    await logOn(ntlmClient('alice', 'Secret.1', withoutMic), {}, stray);
  });

  it('is let in when the store answers later', async () => {
    const late: UserStore = { lookup: async (name, domain) => users.lookup(name, domain) };
    await logOn(ntlmClient('alice', 'Secret.1'), { users: late });
    await refused(logOn(ntlmClient('alice', 'wrong'), { users: late }));
  });

  it('has a session key of its own, and the borrowed hash is overwritten', async () => {
    const store = storeOf(account('alice', 'Secret.1'));
    const done = await logOn(ntlmClient('alice', 'Secret.1'), { users: store });
    await refused(logOn(ntlmClient('alice', 'wrong'), { users: store }));
    assert.equal(store.lent.length, 2);
    for (const hash of store.lent) assert.ok(hash.every((byte) => byte === 0));
    assert.ok(done.sessionKey?.some((byte) => byte !== 0));
  });
});

describe('refusals', () => {
  it('look alike for a wrong password, an unknown user, a disabled account and one without a hash', async () => {
    const attempts = [
      ['alice', 'wrong'],
      ['nobody', 'Secret.1'],
      ['disabled', 'Secret.1'],
      ['nohash', ''],
    ] as const;
    for (const [user, password] of attempts) {
      const error = await refused(logOn(ntlmClient(user, password)), user);
      assert.equal(error.errorData, undefined);
    }
  });

  it('do not turn into a guest logon for a known user', async () => {
    const options = { allowsGuest: true };
    for (const user of ['alice', 'disabled', 'nohash'])
      await refused(logOn(ntlmClient(user, 'wrong'), options), user);
  });

  it('say nothing of the password, the hash or the response', async () => {
    const error = await refused(logOn(ntlmClient('alice', 'Hunter2!Hunter2!')));
    assert.match(error.message, /^NTLM: [a-z ]+$/);
  });

  it('end the authentication', async () => {
    const server = ntlmServer().begin();
    const client = ntlmClient('alice', 'wrong');
    const challenged = await server.step(client.negotiateMessage);
    assert.ok(challenged.kind === 'continue');
    const right = ntlmClient('alice', 'Secret.1').authenticate(challenged.token);
    await refused(Promise.resolve().then(() => server.step(client.authenticate(challenged.token))));
    await refused(Promise.resolve().then(() => server.step(right)));
  });
});

describe('guests and anonymous clients', () => {
  it('are refused unless the configuration lets them in', async () => {
    await refused(logOn(ntlmClient('nobody', 'x')));
    await refused(logOn(ntlmClient('', '')));
    await refused(logOn(ntlmClient('', ''), { allowsGuest: true }));
    await refused(logOn(ntlmClient('nobody', 'x'), { allowsAnonymous: true }));
  });

  it('have an identity of their own and no session key', async () => {
    const guest = await logOn(ntlmClient('nobody', 'x'), { allowsGuest: true });
    assert.equal(guest.identity.kind, 'guest');
    assert.equal(guest.identity.name, 'nobody');
    assert.equal(guest.sessionKey, undefined);
    assert.equal(guest.integrity, undefined);
    const anonymous = await logOn(ntlmClient('', ''), { allowsAnonymous: true });
    assert.equal(anonymous.identity.kind, 'anonymous');
    assert.equal(anonymous.identity.name, '');
    assert.equal(anonymous.sessionKey, undefined);
    for (const { identity } of [guest, anonymous]) assert.ok(!identity.groups.includes('S-1-5-11'));
  });

  const everybody = { allowsGuest: true, allowsAnonymous: true };
  it('are nobody who gives a name and no response, or a response and no name', async () => {
    const noResponse = changed((message) => ({ ...message, ntChallengeResponse: EMPTY }));
    const oneByte = changed((message) => ({
      ...message,
      ntChallengeResponse: EMPTY,
      lmChallengeResponse: Buffer.alloc(1),
    }));
    const noName = changed((message) => ({ ...message, userName: '' }));
    for (const tamper of [noResponse, oneByte, noName]) {
      await refused(logOn(ntlmClient('alice', 'Secret.1', withoutMic), everybody, tamper));
    }
  });
});

describe('old and short responses', () => {
  const attempt = (change: Change) => logOn(ntlmClient('alice', 'Secret.1', withoutMic), {}, changed(change));

  it('of LM, NTLMv1, NTLMv1 with extended session security and LMv2 are refused', async () => {
    const response = Buffer.alloc(24, 9);
    const half = Buffer.concat([Buffer.alloc(8, 9), Buffer.alloc(16)]);
    const shapes: Partial<AuthenticateMessage>[] = [
      { lmChallengeResponse: response, ntChallengeResponse: EMPTY },
      { lmChallengeResponse: response, ntChallengeResponse: response },
      { lmChallengeResponse: half, ntChallengeResponse: response },
    ];
    for (const shape of shapes) await refused(attempt((message) => ({ ...message, ...shape })));
  });

  it('of every length up to that of NTLMv2 are refused', async () => {
    for (let length = 0; length < 48; length++) {
      const cut: Change = (message) => ({
        ...message,
        ntChallengeResponse: message.ntChallengeResponse.subarray(0, length),
      });
      await refused(attempt(cut), `${length} bytes`);
    }
  });

  for (const length of [0, 1, 15, 17, 255]) {
    it(`with a session key of ${length} bytes are refused`, async () => {
      await refused(attempt((message) => ({ ...message, encryptedRandomSessionKey: Buffer.alloc(length) })));
    });
  }

  it('without the end of their AV_PAIRs are refused', async () => {
    const cut: Change = (message) => ({
      ...message,
      ntChallengeResponse: message.ntChallengeResponse.subarray(0, message.ntChallengeResponse.length - 8),
    });
    await refused(attempt(cut));
  });
});

describe('the message integrity code', () => {
  const micOf = (bytes: Buffer) => bytes.subarray(72, 88);

  it('is demanded when the response announces it', async () => {
    const zeroed = (bytes: Buffer) => {
      micOf(bytes).fill(0);
      return bytes;
    };
    const dropped = changed(({ mic, ...message }) => message);
    const droppedWithVersion = changed(({ mic, version, ...message }) => message);
    for (const tamper of [zeroed, dropped, droppedWithVersion]) {
      await refused(logOn(ntlmClient('alice', 'Secret.1'), {}, tamper));
    }
  });

  it('covers every bit of the AUTHENTICATE message', async () => {
    const client = ntlmClient('alice', 'Secret.1');
    let size = 0;
    await logOn(client, {}, (bytes) => {
      size = bytes.length;
      return bytes;
    });
    for (let bit = 0; bit < size * 8; bit++) {
      const flip = (bytes: Buffer) => {
        bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        return bytes;
      };
      // A flipped length within the list of AV pairs makes the list itself wrong.
      const statuses = [NtStatus.LOGON_FAILURE, NtStatus.INVALID_PARAMETER];
      await refused(logOn(ntlmClient('alice', 'Secret.1'), {}, flip), `bit ${bit}`, statuses);
    }
  });

  it('covers the NEGOTIATE and the CHALLENGE message', async () => {
    for (const flag of [NtlmFlag.SEAL, NtlmFlag.ENCRYPTION_56, NtlmFlag.LM_KEY]) {
      const server = ntlmServer().begin();
      const client = ntlmClient('alice', 'Secret.1');
      const negotiate = Buffer.from(client.negotiateMessage);
      negotiate.writeUInt32LE((negotiate.readUInt32LE(12) ^ flag) >>> 0, 12);
      const challenged = await server.step(negotiate);
      assert.ok(challenged.kind === 'continue');
      const answer = client.authenticate(challenged.token);
      await refused(
        Promise.resolve().then(() => server.step(answer)),
        `flag ${flag} in NEGOTIATE`,
      );
    }
    const server = ntlmServer().begin();
    const client = ntlmClient('alice', 'Secret.1');
    const challenged = await server.step(client.negotiateMessage);
    assert.ok(challenged.kind === 'continue');
    const edited = Buffer.from(challenged.token);
    edited.writeUInt32LE((edited.readUInt32LE(20) & ~NtlmFlag.ENCRYPTION_56) >>> 0, 20);
    await refused(Promise.resolve().then(() => server.step(client.authenticate(edited))));
  });
});

describe('the challenge', () => {
  const challengeTo = async (flags: number) => {
    const step = await ntlmServer()
      .begin()
      .step(ntlmClient('alice', 'x', { flags }).negotiateMessage);
    assert.ok(step.kind === 'continue');
    return decodeChallenge(step.token);
  };

  it('echoes what the client can do and nothing else', async () => {
    const { SIGN, SEAL, ENCRYPTION_128, ENCRYPTION_56, KEY_EXCH } = NtlmFlag;
    const optional = [SIGN, SEAL, ENCRYPTION_128, ENCRYPTION_56, KEY_EXCH];
    const basic = NtlmFlag.UNICODE | NtlmFlag.NTLM | NtlmFlag.REQUEST_TARGET | NtlmFlag.LM_KEY;
    for (let choice = 0; choice < 2 ** optional.length; choice++) {
      const asked = optional.filter((_, i) => (choice & (1 << i)) !== 0);
      const flags = asked.reduce((mask, flag) => (mask | flag) >>> 0, basic);
      const { negotiateFlags } = await challengeTo(flags);
      const echoed = optional.filter((flag) => (negotiateFlags & flag) !== 0);
      assert.deepEqual(echoed, asked);
      assert.equal(negotiateFlags & NtlmFlag.LM_KEY, 0);
    }
  });

  it('names the target and carries its information and a version, as clients demand', async () => {
    const challenge = await challengeTo(windowsClientFlags);
    const demanded =
      NtlmFlag.REQUEST_TARGET | NtlmFlag.TARGET_INFO | NtlmFlag.VERSION | NtlmFlag.TARGET_TYPE_SERVER;
    assert.equal((challenge.negotiateFlags & demanded) >>> 0, demanded);
    assert.equal(challenge.targetName, 'SERVER');
    assert.ok(challenge.version.some((byte) => byte !== 0));
    const pairs = decodeAvPairs(challenge.targetInfo);
    assert.equal(pairs.get(AvId.DNS_COMPUTER_NAME)?.toString('utf16le'), 'server.example');
    assert.equal(pairs.get(AvId.TIMESTAMP)?.readBigUInt64LE(), 132_000_000_000_000_000n);
  });

  it('is another one each time', async () => {
    const mechanism = ntlmServer();
    const seen = new Set<string>();
    for (let n = 0; n < 3; n++) {
      const step = await mechanism.begin().step(ntlmClient('alice', 'x').negotiateMessage);
      if (step.kind === 'continue') seen.add(decodeChallenge(step.token).serverChallenge.toString('hex'));
    }
    assert.equal(seen.size, 3);
  });
});
