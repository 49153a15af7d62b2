import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CryptoProvider, Mac } from '../../src/crypto/provider.ts';
import { isFromServer } from '../../src/crypto/signing.ts';
import { connectClient, type TestClient, type TestSession, type TestTree } from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { RecordingProvider } from '../crypto/recording-provider.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

const works = [
  'echo',
  'open',
  'watch',
  'fail',
  'reauthenticate',
  'bind',
  'rejoin',
  'compound',
  'restart',
] as const;
const steps = fc.array(fc.tuple(fc.constantFrom(...works), fc.nat(7)), { minLength: 20, maxLength: 60 });
const setups = fc.record({
  cipher: fc.constantFrom(1, 2, 3, 4),
  isSealed: fc.boolean(),
  steps,
});

/**
 * Notes every use of a key with a nonce by the server. The legs of a binding are left out: the document has them signed with the
 * session's key under the MessageIds of another connection, so they may meet each other. [MS-SMB2] 3.1.4.1, 3.3.5.5.2
 */
class NoncesOfServer extends RecordingProvider {
  override mac(...[algorithm, key]: Parameters<CryptoProvider['mac']>): Mac {
    const mac = super.mac(algorithm, key);
    const tag: Mac['tag'] = (nonce, parts) => {
      const before = this.uses.length;
      const value = mac.tag(nonce, parts);
      const [header] = parts;
      const isOwn = header !== undefined && isFromServer(header);
      if (!isOwn || header.readUInt16LE(12) === Command.SESSION_SETUP) this.uses.length = before;
      return value;
    };
    return { tag, destroy: () => mac.destroy() };
  }
}

/** One user on one server after another, all of which compute with one provider. */
class World {
  readonly #offer: { readonly ciphers: readonly number[] };
  readonly #isSealed: boolean;
  readonly provider = new NoncesOfServer();
  #server = memoryServer({ cryptoProvider: this.provider });
  #channels: TestTree[] = [];

  constructor({ cipher, isSealed }: { cipher: number; isSealed: boolean }) {
    this.#offer = { ciphers: [cipher] };
    this.#isSealed = isSealed;
  }

  async logOn(): Promise<void> {
    const session = await (await this.#connect()).logOn(alice);
    session.protection = this.#isSealed ? 'seal' : 'sign';
    this.#channels = [await session.connectTree(this.#isSealed ? 'secret' : 'files')];
  }

  async step(work: (typeof works)[number], choice: number): Promise<void> {
    const tree = this.#channels[choice % this.#channels.length];
    assert.ok(tree !== undefined);
    const { session } = tree;
    switch (work) {
      case 'echo':
        await Promise.all([1, 2, 3].map(() => session.connection.echo(session)));
        break;
      case 'open':
        await (await tree.open(`file ${choice}`)).close();
        break;
      case 'watch':
        await this.#watch(tree);
        break;
      case 'fail':
        await assert.rejects(tree.open('no\0name'));
        break;
      case 'reauthenticate':
        await session.reauthenticate(alice);
        break;
      case 'compound':
        await this.#compound(session);
        break;
      case 'bind':
        await this.#bind();
        break;
      case 'rejoin':
        await this.logOn();
        break;
      case 'restart':
        await this.#server.close({ drainMs: 0 });
        this.#server = memoryServer({ cryptoProvider: this.provider });
        await this.logOn();
        break;
    }
  }

  async close(): Promise<void> {
    await this.#server.close({ drainMs: 0 });
  }

  #connect(): Promise<TestClient> {
    return connectClient(this.#server.connect(), this.#offer);
  }

  async #watch(tree: TestTree): Promise<void> {
    const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
    const watch = folder.watch(CompletionFilter.FILE_NAME);
    await watch.firstResponse;
    watch.cancel();
    await watch.response;
    await folder.close();
  }

  async #compound(session: TestSession): Promise<void> {
    const echo = { command: Command.ECHO, body: Buffer.from([4, 0, 0, 0]), session } as const;
    const sent = session.connection.sendCompound([echo, echo, echo]);
    await Promise.all(sent.map(({ response }) => response));
  }

  async #bind(): Promise<void> {
    const [first] = this.#channels;
    if (first === undefined || this.#channels.length >= 6) return;
    // A binding is signed with the session's own key, which is that of the first channel.
    const channel = await first.session.bind(await this.#connect(), alice);
    channel.protection = first.session.protection;
    this.#channels.push(first.on(channel));
  }
}

describe('over many channels, sessions and restarts', () => {
  it('no nonce is used twice with a key', () =>
    fc.assert(
      fc.asyncProperty(setups, async ({ steps: plan, ...setup }) => {
        const world = new World(setup);
        try {
          await world.logOn();
          for (const [work, choice] of plan) await world.step(work, choice);
        } finally {
          await world.close();
        }
        const { uses } = world.provider;
        assert.ok(uses.length > 20);
        assert.equal(new Set(uses).size, uses.length, repeated(uses));
      }),
      { numRuns: 25 },
    ));

  it('a thousand answers on each of four channels share one counter', async () => {
    const world = new World({ cipher: 2, isSealed: true });
    await world.logOn();
    for (let channel = 1; channel < 4; channel++) await world.step('bind', 0);
    for (let round = 0; round < 334; round++) {
      await Promise.all([0, 1, 2, 3].map((channel) => world.step('echo', channel)));
    }
    await world.close();
    const { uses } = world.provider;
    assert.ok(uses.length >= 4000);
    assert.equal(new Set(uses).size, uses.length);
  });
});

function repeated(uses: readonly string[]): string {
  const seen = new Set<string>();
  return uses.find((use) => seen.size === seen.add(use).size) ?? '';
}
