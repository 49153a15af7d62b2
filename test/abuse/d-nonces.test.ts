/** Row D8: the nonces of the ciphers, over channels, re-authentication and a restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { Aead, CryptoProvider } from '../../src/crypto/provider.ts';
import type { TestSession } from '../../src/testing/client.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { alice } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { type Scene, underAbuse } from './scene.ts';

/** Counts what the server seals, and notes how often a key met a nonce that it had met before. */
class SealCounter implements CryptoProvider {
  readonly name = 'counting';
  readonly mac = nodeProvider.mac;
  readonly #noncesByKey = new Map<string, Set<string>>();
  sealedCount = 0;
  repeatedCount = 0;

  get keyCount(): number {
    return this.#noncesByKey.size;
  }

  aead(...[cipher, key]: Parameters<CryptoProvider['aead']>): Aead {
    const name = key.toString('hex');
    const aead = nodeProvider.aead(cipher, key);
    const seal: Aead['seal'] = (nonce, ...rest) => {
      const used = this.#noncesByKey.get(name) ?? new Set();
      this.#noncesByKey.set(name, used);
      const text = nonce.toString('latin1');
      if (used.has(text)) this.repeatedCount++;
      used.add(text);
      this.sealedCount++;
      return aead.seal(nonce, ...rest);
    };
    return { seal, open: aead.open, destroy: () => aead.destroy() };
  }
}

async function answered(session: TestSession, count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    const response = await session.request({ command: Command.ECHO, body: EchoRequest.encode({}) });
    assert.ok(response.isSealed);
  }
}

/** Sealed answers on four channels at once, a re-authentication in the middle. */
async function fourChannels({ connect }: Scene, cipher: number): Promise<void> {
  const session = await (await connect({ ciphers: [cipher] })).logOn(alice);
  session.protection = 'seal';
  const channels = [session];
  for (let count = 1; count < 4; count++) {
    const channel = await session.bind(await connect({ ciphers: [cipher] }), alice);
    channel.protection = 'seal';
    channels.push(channel);
  }
  const each = figure(100, 32_000);
  await Promise.all(channels.map((channel) => answered(channel, each)));
  await session.reauthenticate(alice);
  await Promise.all(channels.map((channel) => answered(channel, each)));
}

describe('the nonce of a cipher', () => {
  it('D8 is never used twice with a key: four channels, every cipher, the session anew, the server restarted', async (t) => {
    const provider = new SealCounter();
    for (const cipher of [1, 2, 3, 4]) {
      for (let start = 0; start < 2; start++)
        await underAbuse((scene) => fourChannels(scene, cipher), { cryptoProvider: provider });
    }
    t.diagnostic(`${provider.sealedCount} sealed answers under ${provider.keyCount} keys`);
    assert.ok(provider.sealedCount >= 8 * 8 * 100);
    assert.equal(provider.repeatedCount, 0);
  });
});
