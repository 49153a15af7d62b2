/**
 * A session of Windows on two channels, as Microsoft published it, replayed through the server: every request is fed to it as it
 * was recorded, and every answer must come out byte for byte, and with it every hash, key, MIC and signature.
 *
 * What a server chooses freely is injected as Windows chose it: time, salt, server challenge, server GUID, names, NTLM version and
 * session id, through the seams that a server has for them; the mechanisms of the NEGOTIATE response (Windows offers NEGOEX as well)
 * through the authenticator. Three things that this server does otherwise are injected around its code, before anything is
 * hashed or signed: two fields of the NEGOTIATE response (the capability DFS and ServerStartTime), the number of credits that each
 * answer grants, and the reserved field of the header, in which Windows answers 0xFEFF.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createNtlm } from '../../src/auth/ntlm/acceptor.ts';
import { decodeAvPairs } from '../../src/auth/ntlm/av-pairs.ts';
import { AvId } from '../../src/auth/ntlm/flags.ts';
import { decodeChallenge } from '../../src/auth/ntlm/messages.ts';
import { Spnego } from '../../src/auth/spnego/acceptor.ts';
import { present } from '../../src/base/assert.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Entropy, systemEntropy } from '../../src/base/entropy.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { PreauthHash } from '../../src/crypto/preauth.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { Reply } from '../../src/server/command.ts';
import { commands } from '../../src/server/commands/index.ts';
import { negotiate } from '../../src/server/commands/negotiate.ts';
import { Peer } from '../../src/server/peer.ts';
import { HEADROOM_BYTES, ReplyBuffer } from '../../src/server/reply.ts';
import { FailedLogonThrottle } from '../../src/server/throttle.ts';
import { Connection } from '../../src/session/connection.ts';
import { ServerState } from '../../src/session/server-state.ts';
import type { Transport } from '../../src/session/transport.ts';
import { Smb1Dialect, Smb1NegotiateRequest } from '../../src/wire/smb1/negotiate.ts';
import { Capability, NegotiateResponse } from '../../src/wire/smb2/negotiate.ts';
import { PreauthIntegrityCapabilities } from '../../src/wire/smb2/negotiate-context.ts';
import { SessionSetupResponse } from '../../src/wire/smb2/session-setup.ts';
import { account, storeOf } from '../auth/fixtures.ts';
import { type ChannelVector, type MessageName, vectors } from '../crypto/vectors.ts';

const transcript = vectors.smb311_multichannel;
const { channel1, channel2 } = transcript;

/** What Windows chose on one connection. */
interface Chosen {
  readonly negotiated: NegotiateResponse;
  readonly salt: Buffer;
  readonly serverChallenge: Buffer;
  /** VERSION of its CHALLENGE. */
  readonly version: Buffer | undefined;
  readonly challengeTime: bigint;
  /** CreditResponse of its three answers. */
  readonly credits: readonly number[];
}

function chosenBy({ messages }: ChannelVector): Chosen {
  const negotiated = NegotiateResponse.decode(messages.neg_rsp, 64);
  const [preauth] = present(negotiated.negotiateContexts, 'contexts');
  const { salt } = PreauthIntegrityCapabilities.decode(present(preauth, 'context').data);
  const { securityBuffer } = SessionSetupResponse.decode(messages.ss1_rsp, 64);
  const challenge = decodeChallenge(securityBuffer.subarray(securityBuffer.indexOf('NTLMSSP')));
  const timestamp = present(decodeAvPairs(challenge.targetInfo).get(AvId.TIMESTAMP), 'timestamp');
  return {
    negotiated,
    salt,
    serverChallenge: challenge.serverChallenge,
    version: challenge.version,
    challengeTime: timestamp.readBigUInt64LE(),
    credits: [messages.neg_rsp, messages.ss1_rsp, messages.ss2_rsp].map((message) =>
      message.readUInt16LE(14),
    ),
  };
}

/** A server that chooses as it is told. */
class ScriptedServer {
  readonly state: ServerState;
  /** Whatever the server computed with, in order. */
  readonly hashes: string[] = [];
  readonly keys: string[] = [];
  readonly sessionKeys: string[] = [];
  #chosen = chosenBy(channel1);
  #now = 0n;

  constructor() {
    const clock = { ...systemClock, now: () => this.#now };
    const users = storeOf(account('Administrator', transcript.password));
    const name = transcript.domain;
    const names = { netbiosComputer: name, netbiosDomain: name, dnsComputer: name, dnsDomain: name };
    const entropy = this.#entropy();
    const { version } = this.#chosen;
    const ntlm = createNtlm({ users, names, clock, entropy, ...(version !== undefined && { version }) });
    const spnego = new Spnego([ntlm]);
    this.state = new ServerState({
      serverGuid: this.#chosen.negotiated.serverGuid,
      serverName: name,
      settings: {
        // Windows asked for no signing here, and the client offered no SIGNING_CAPABILITIES.
        signing: { required: false, algorithms: ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256'] },
        encryption: { mode: 'available', ciphers: ['AES-128-GCM', 'AES-128-CCM'] },
        dialects: { min: '2.0.2', max: '3.1.1' },
        session: { lifetimeMs: 0 },
        multichannel: true,
        guest: false,
        anonymous: false,
        targetNames: { level: 'off', names: [] },
        lockout: { failures: 0, windowMs: 900_000, durationMs: 900_000 },
        limits: defaultLimits,
      },
      authenticator: {
        negotiationHint: () => this.#chosen.negotiated.securityBuffer,
        begin: () => spnego.begin(),
      },
      throttle: new FailedLogonThrottle({ clock, delayMs: () => 0 }),
      keyLog: (_id, key) => void this.sessionKeys.push(key.toString('hex')),
      cryptoProvider: this.#provider(),
      clock,
      entropy,
      log: silentLog,
    });
    this.state.newSessionId = () => transcript.session_id;
  }

  connect(chosen: Chosen): ScriptedConnection {
    this.#chosen = chosen;
    return new ScriptedConnection(this.state, chosen, (time) => {
      this.#now = time;
    });
  }

  /** Salts are asked for in 32 bytes, challenges in 8; what else is random does not reach the wire. */
  #entropy(): Entropy {
    return {
      fill: (target) => {
        if (target.length === 32) target.set(this.#chosen.salt);
        else if (target.length === 8) target.set(this.#chosen.serverChallenge);
        else systemEntropy.fill(target);
        return target;
      },
    };
  }

  #provider(): CryptoProvider {
    const note = (key: Buffer): void => void this.keys.push(key.toString('hex'));
    return {
      name: 'noting',
      mac: (algorithm, key) => {
        note(key);
        return nodeProvider.mac(algorithm, key);
      },
      aead: (cipher, key) => {
        note(key);
        return nodeProvider.aead(cipher, key);
      },
    };
  }
}

/** The server's NEGOTIATE, but with two fields as Windows has them. */
function negotiateAs({ negotiated }: Chosen): typeof negotiate {
  return {
    ...negotiate,
    handle(context, request) {
      const reply = negotiate.handle(context, request);
      assert.ok(reply instanceof Reply);
      const { status, response, beforeSend } = reply;
      const { serverStartTime } = negotiated;
      const capabilities = response.capabilities | Capability.DFS;
      const hooks = beforeSend === undefined ? {} : { beforeSend };
      return new Reply(status, { ...response, serverStartTime, capabilities }, hooks);
    },
  };
}

class ScriptedConnection {
  readonly connection: Connection;
  readonly #peer: Peer;
  readonly #chosen: Chosen;
  readonly #setTime: (time: bigint) => void;
  readonly #answers: Buffer[] = [];

  constructor(state: ServerState, chosen: Chosen, setTime: (time: bigint) => void) {
    this.#chosen = chosen;
    this.#setTime = setTime;
    const transport: Transport = {
      remoteAddress: 'replay',
      localAddress: 'replay',
      queuedBytes: 0,
      frameSinceMs: undefined,
      stalledSinceMs: undefined,
      send: (parts) => void this.#answers.push(Buffer.concat(parts).subarray(4)),
      pause: () => {},
      resume: () => {},
      end: () => {},
      destroy: () => {},
    };
    this.connection = new Connection(state, transport);
    state.connections.add(this.connection);
    const host = {
      commands: new Map([...commands, [negotiate.code, negotiateAs(chosen)]]),
      fail: (_connection: Connection, error: unknown) => assert.fail(String(error)),
      released: () => {},
    };
    this.#peer = new Peer(host, this.connection);
  }

  /** The SMB1 negotiate that came before what was recorded: the first recorded MessageId is 1. */
  async begin(): Promise<void> {
    await this.#answerTo(
      Smb1NegotiateRequest.encode({ dialects: ['NT LM 0.12', Smb1Dialect.SMB_2_WILDCARD] }),
    );
    const { window } = this.connection;
    const grant = window.grant.bind(window);
    const script = [...this.#chosen.credits];
    window.grant = (requested) => grant(script.shift() ?? requested);
  }

  async negotiate(message: Buffer): Promise<Buffer> {
    this.#setTime(this.#chosen.negotiated.systemTime);
    return this.#answerTo(message);
  }

  async setup(message: Buffer): Promise<Buffer> {
    this.#setTime(this.#chosen.challengeTime);
    return this.#answerTo(message);
  }

  close(): void {
    this.#peer.closed();
  }

  async #answerTo(message: Buffer): Promise<Buffer> {
    this.#peer.message(Buffer.from(message));
    while (this.#answers.length === 0) await turn();
    return present(this.#answers.shift(), 'answer');
  }
}

describe('the transcript of two channels', () => {
  const server = new ScriptedServer();
  const answers = new Map<string, Buffer>();
  const connections: ScriptedConnection[] = [];
  let application = '';

  before(async () => {
    mockReservedField();
    mockHashes(server.hashes);
    for (const [name, channel] of [
      ['channel1', channel1],
      ['channel2', channel2],
    ] as const) {
      const connection = server.connect(chosenBy(channel));
      connections.push(connection);
      await connection.begin();
      const { neg_req, ss1_req, ss2_req } = channel.messages;
      answers.set(`${name} neg_rsp`, await connection.negotiate(neg_req));
      answers.set(`${name} ss1_rsp`, await connection.setup(ss1_req));
      answers.set(`${name} ss2_rsp`, await connection.setup(ss2_req));
    }
    const crypto = server.state.sessions.get(transcript.session_id)?.crypto;
    application = crypto?.withApplicationKey((key) => key.toString('hex')) ?? '';
  });
  after(() => {
    mock.restoreAll();
    for (const connection of connections) connection.close();
  });

  for (const [name, channel] of [
    ['channel1', channel1],
    ['channel2', channel2],
  ] as const) {
    for (const answer of ['neg_rsp', 'ss1_rsp', 'ss2_rsp'] satisfies readonly MessageName[]) {
      it(`${name}: the server answers ${answer} byte for byte, MICs and signature included`, () => {
        const message = present(answers.get(`${name} ${answer}`), 'answer');
        assert.equal(message.toString('hex'), channel.messages[answer].toString('hex'));
        const [, signature] = channel.signatures[answer] ?? [undefined, '00'.repeat(16)];
        assert.equal(message.subarray(48, 64).toString('hex'), signature);
      });
    }
  }

  it('every pre-authentication hash comes out', () => {
    const expected = [channel1, channel2].flatMap(({ preauth_after: hashes }) => Object.values(hashes));
    assert.equal(expected.length, 10);
    assert.deepEqual(
      server.hashes,
      expected.map((hash) => hash.toString('hex')),
    );
  });

  it('the exported session key and every key of the session come out', () => {
    const { sign, c2s, s2c, app } = channel1.keys;
    assert.deepEqual(server.sessionKeys, [channel1.ntlm.exported.toString('hex')]);
    // Those of the first channel in the order in which the session puts them to use, then the second one's signing key.
    const expected = [sign, s2c, c2s, channel2.keys.sign].map((key) => key.toString('hex'));
    assert.deepEqual(server.keys, expected);
    assert.equal(application, app.toString('hex'));
  });

  it('leaves one session on two channels', () => {
    const session = present(server.state.sessions.get(transcript.session_id), 'session');
    assert.equal(session.channels.size, 2);
    assert.equal(session.authenticated?.identity.name, 'Administrator');
  });
});

/** Windows answers 0xFEFF, the process id of clients of old, where this server has zeros. [MS-SMB2] 2.2.1.2 */
function mockReservedField(): void {
  const { writeHeader } = ReplyBuffer.prototype;
  mock.method(
    ReplyBuffer.prototype,
    'writeHeader',
    function (this: ReplyBuffer, ...given: Parameters<typeof writeHeader>) {
      writeHeader.apply(this, given);
      this.bytes.writeUInt32LE(0xfeff, HEADROOM_BYTES + 32);
    },
  );
}

/** Notes the value of every hash after each message that it took. */
function mockHashes(values: string[]): void {
  const { update } = PreauthHash.prototype;
  mock.method(
    PreauthHash.prototype,
    'update',
    function (this: PreauthHash, ...parts: Parameters<typeof update>) {
      update.apply(this, parts);
      values.push(this.value.toString('hex'));
    },
  );
}
