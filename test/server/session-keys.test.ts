import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { AcceptorContext, AuthenticationStep } from '../../src/auth/mechanism.ts';
import { present } from '../../src/base/assert.ts';
import { NtStatus } from '../../src/base/status.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { Server } from '../../src/server/server.ts';
import {
  allDialects,
  connectClient,
  type NegotiateOffer,
  type TestClient,
  type TestSession,
} from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { refusal, settled } from '../abuse/scene.ts';
import { alice, bob, memoryServer } from '../testing/memory-server.ts';

/** Overwrites the keys that it is given when it is told to, and not before: zeros prove that it was told. */
class HoldingProvider implements CryptoProvider {
  readonly name = 'holding';
  readonly keys: Buffer[] = [];

  mac(...[algorithm, key]: Parameters<CryptoProvider['mac']>) {
    const mac = nodeProvider.mac(algorithm, Buffer.from(key));
    return { tag: mac.tag, destroy: this.#holding(key, () => mac.destroy()) };
  }

  aead(...[cipher, key]: Parameters<CryptoProvider['aead']>) {
    const aead = nodeProvider.aead(cipher, Buffer.from(key));
    return { seal: aead.seal, open: aead.open, destroy: this.#holding(key, () => aead.destroy()) };
  }

  #holding(key: Buffer, destroy: () => void): () => void {
    this.keys.push(key);
    return () => {
      key.fill(0);
      destroy();
    };
  }
}

/** A server, and every buffer in which it ever had a key. */
class Exposed implements AsyncDisposable {
  readonly server: Server;
  readonly #provider = new HoldingProvider();
  /** Session keys as authentication made them. */
  readonly authenticated: Buffer[] = [];
  /** Holds up the next authentication step until called. */
  hold: Promise<void> | undefined;

  constructor(settings: Parameters<typeof memoryServer>[0] = {}) {
    this.server = memoryServer({ ...settings, cryptoProvider: this.#provider });
    const { authenticator } = this.server.state;
    const begin = () => this.#observed(authenticator.begin());
    Object.assign(this.server.state, { authenticator: { ...authenticator, begin } });
  }

  get keys(): readonly Buffer[] {
    return [...this.#provider.keys, ...this.authenticated];
  }

  async connect(offer: NegotiateOffer = {}): Promise<TestClient> {
    return connectClient(this.server.connect(), offer);
  }

  /** Every buffer of a live session, the application key among them. */
  all(session: TestSession): readonly Buffer[] {
    const state = present(this.server.state.sessions.get(session.sessionId), 'session');
    const application = present(state.crypto, 'keys').withApplicationKey((key) => key);
    return [...this.keys, application];
  }

  /** Until the server waits for {@link hold}. */
  async held(): Promise<void> {
    for (let turns = 0; turns < 20; turns++) await turn();
  }

  settle(): Promise<void> {
    return settled(this.server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close({ drainMs: 0 });
  }

  #observed(acceptor: AcceptorContext): AcceptorContext {
    return {
      step: async (token): Promise<AuthenticationStep> => {
        const step = await acceptor.step(token);
        if (step.kind === 'complete' && step.sessionKey !== undefined) {
          assert.ok(!isZero(step.sessionKey));
          this.authenticated.push(step.sessionKey);
          await this.hold;
        }
        return step;
      },
      destroy: () => acceptor.destroy(),
    };
  }
}

const isZero = (key: Buffer): boolean => key.every((byte) => byte === 0);
const liveCount = (keys: readonly Buffer[]): number => keys.filter((key) => !isZero(key)).length;

/** Ways in which a session with keys ends. */
const endings: Readonly<Record<string, (exposed: Exposed, session: TestSession) => Promise<unknown>>> = {
  LOGOFF: (_exposed, session) => session.logOff(),
  'LOGOFF with a request that waits': async (_exposed, session) => {
    const tree = await session.connectTree('files');
    const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
    const watch = folder.watch(CompletionFilter.FILE_NAME);
    await watch.firstResponse;
    await session.logOff();
    await watch.response;
  },
  'the last channel disconnects': async (_exposed, session) => session.connection.close(),
  'the last channel disconnects with a request that waits': async (_exposed, session) => {
    const tree = await session.connectTree('files');
    const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
    await folder.watch(CompletionFilter.FILE_NAME).firstResponse;
    session.connection.close();
  },
  'another session takes its place': async (exposed, session) => {
    const client = await exposed.connect({ dialects: [session.connection.negotiated.dialect] });
    const next = await client.logOn(alice, { previousSessionId: session.sessionId });
    await next.logOff();
  },
  'authenticating again fails': (_exposed, session) =>
    refusal(session.reauthenticate({ ...alice, password: 'wrong' })),
  'authenticating again as somebody else': (_exposed, session) => refusal(session.reauthenticate(bob)),
  'the server closes': (exposed) => exposed.server.close({ drainMs: 0 }),
  'the client breaks the protocol': async (_exposed, session) => {
    session.connection.sendRaw(Buffer.alloc(100));
    await session.connection.closed;
  },
};

describe('every key of a session is overwritten when', () => {
  for (const [name, end] of Object.entries(endings)) {
    for (const dialect of allDialects) {
      it(`${name}: ${dialect.toString(16)}`, async () => {
        await using exposed = new Exposed();
        const session = await (await exposed.connect({ dialects: [dialect] })).logOn(alice);
        const keys = exposed.all(session);
        // Signing and application key, and two to encrypt with from 3.0 on; the session key itself is gone already.
        assert.equal(liveCount(keys), dialect >= 0x0300 ? 4 : 2);
        await end(exposed, session);
        await exposed.settle();
        assert.equal(liveCount(keys), 0);
        assert.equal(liveCount(exposed.keys), 0);
      });
    }
  }

  it('VALIDATE_NEGOTIATE_INFO finds the negotiation changed', async () => {
    await using exposed = new Exposed();
    const client = await exposed.connect({ dialects: [0x0302] });
    const session = await client.logOn(alice);
    const tree = await session.connectTree('files');
    const keys = exposed.all(session);
    await assert.rejects(tree.ioctl(Fsctl.VALIDATE_NEGOTIATE_INFO, Buffer.alloc(24)));
    await client.closed;
    await exposed.settle();
    assert.equal(liveCount(keys), 0);
  });

  it('an element of a compound breaks the protocol, and the answer before it is never sent', async () => {
    await using exposed = new Exposed();
    const client = await exposed.connect();
    const session = await client.logOn(alice);
    const keys = exposed.all(session);
    const echo = { command: Command.ECHO, body: Buffer.from([4, 0, 0, 0]), session };
    client.sendCompound([echo, { ...echo, header: { messageId: 5000 } }]);
    await client.closed;
    await exposed.settle();
    assert.equal(liveCount(keys), 0);
  });
});

describe('the keys of a channel', () => {
  it('are overwritten when the channel goes, and the session keeps its own until its last channel goes', async () => {
    await using exposed = new Exposed();
    const first = await exposed.connect();
    const session = await first.logOn(alice);
    const own = exposed.all(session);
    const channel = await session.bind(await exposed.connect(), alice);
    const ofChannel = exposed.keys.filter((key) => !own.includes(key));
    assert.equal(liveCount(ofChannel), 1, 'one signing key, no session key');
    channel.connection.close();
    await exposed.settle();
    assert.equal(liveCount(ofChannel), 0);
    assert.equal(liveCount(own), 4);
    const again = await session.bind(await exposed.connect(), alice);
    first.close();
    await exposed.settle();
    assert.equal(liveCount(own), 4, 'the other channel still needs them');
    assert.equal((await again.connection.echo(again)).isSignatureRight, true);
    again.connection.close();
    await exposed.settle();
    assert.equal(liveCount(own), 0);
    assert.equal(liveCount(exposed.keys), 0);
  });

  for (const credentials of [bob, { ...alice, password: 'wrong' }]) {
    it(`do not outlive a failed binding, which leaves the session’s alone: ${credentials.password}`, async () => {
      await using exposed = new Exposed();
      const session = await (await exposed.connect()).logOn(alice);
      const own = exposed.all(session);
      const status = await refusal(session.bind(await exposed.connect(), credentials));
      assert.equal(status, credentials === bob ? NtStatus.ACCESS_DENIED : NtStatus.LOGON_FAILURE);
      assert.equal(exposed.authenticated.length, credentials === bob ? 2 : 1);
      assert.equal(liveCount(exposed.authenticated), 0);
      assert.equal(liveCount(own), 4);
      assert.equal((await session.connection.echo(session)).isSignatureRight, true);
    });
  }

  it('do not outlive a session that ends during the binding', async () => {
    await using exposed = new Exposed();
    const session = await (await exposed.connect()).logOn(alice);
    const release = Promise.withResolvers<void>();
    exposed.hold = release.promise;
    const binding = session.bind(await exposed.connect(), alice);
    binding.catch(() => {});
    await exposed.held();
    exposed.hold = undefined;
    await session.logOff();
    release.resolve();
    assert.equal(await refusal(binding), NtStatus.USER_SESSION_DELETED);
    await exposed.settle();
    assert.equal(liveCount(exposed.keys), 0);
  });
});

describe('the session key of a logon', () => {
  for (const how of ['the client goes', 'the server closes'] as const) {
    it(`is overwritten when ${how} while it is being made`, async () => {
      await using exposed = new Exposed();
      const client = await exposed.connect();
      const release = Promise.withResolvers<void>();
      exposed.hold = release.promise;
      const attempt = client.logOn(alice);
      attempt.catch(() => {});
      await exposed.held();
      const closing = how === 'the client goes' ? client.close() : exposed.server.close({ drainMs: 0 });
      await exposed.held();
      assert.equal(liveCount(exposed.authenticated), 1, 'it was held up with its key made');
      release.resolve();
      await closing;
      await assert.rejects(attempt);
      await exposed.settle();
      assert.equal(liveCount(exposed.keys), 0);
      assert.equal(exposed.server.counters().sessions, 0);
    });
  }

  it('is overwritten when a re-authentication ends with the session gone', async () => {
    await using exposed = new Exposed();
    const client = await exposed.connect();
    const session = await client.logOn(alice);
    const release = Promise.withResolvers<void>();
    exposed.hold = release.promise;
    const again = session.reauthenticate(alice);
    again.catch(() => {});
    await exposed.held();
    exposed.hold = undefined;
    await session.logOff();
    release.resolve();
    assert.equal(await refusal(again), NtStatus.USER_SESSION_DELETED);
    await exposed.settle();
    assert.equal(liveCount(exposed.keys), 0);
    assert.ok(!exposed.server.state.sessions.has(session.sessionId), 'the session does not come back');
  });
});
