import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { TestFile, TestTree } from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption, OplockLevel } from '../../src/wire/flags.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { recorded, type Scene, TestClock, underAbuse } from './scene.ts';

/** Keys made while `isMarking` fail to protect anything while `isBroken`. */
class FailingProvider implements CryptoProvider {
  readonly name = 'failing';
  isMarking = false;
  isBroken = false;

  mac(...inputs: Parameters<CryptoProvider['mac']>) {
    const isMarked = this.isMarking;
    const mac = nodeProvider.mac(...inputs);
    const tag: typeof mac.tag = (...given) => {
      // The client's own signatures, which the server verifies, are not concerned.
      const isOwn = given[1].some((part) => (part[16] ?? 0) & 1);
      if (isMarked && isOwn) this.#demandWorking();
      return mac.tag(...given);
    };
    return { tag, destroy: () => mac.destroy() };
  }

  aead(...inputs: Parameters<CryptoProvider['aead']>) {
    const isMarked = this.isMarking;
    const aead = nodeProvider.aead(...inputs);
    const seal: typeof aead.seal = (...given) => {
      if (isMarked) this.#demandWorking();
      return aead.seal(...given);
    };
    return { seal, open: aead.open, destroy: () => aead.destroy() };
  }

  #demandWorking(): void {
    if (this.isBroken) throw new Error('the cipher failed');
  }
}

interface Victim {
  readonly scene: Scene;
  readonly tree: TestTree;
  readonly file: TestFile;
  readonly folder: TestFile;
  readonly clock: TestClock;
}

const range = { offset: 0n, length: 10n };
const causes: Readonly<Record<string, (victim: Victim) => unknown>> = {
  'an answer': ({ tree, file }) => tree.send(Command.READ, file.readRequest(0n, 8)),
  'an error': ({ tree, file }) => tree.send(Command.READ, file.readRequest(1n << 40n, 8)),
  'a compound': ({ tree, file }) =>
    tree.session.connection.sendCompound([
      tree.spec(Command.READ, file.readRequest(0n, 8)),
      tree.spec(Command.READ, file.readRequest(0n, 8), {
        header: { flags: HeaderFlags.RELATED_OPERATIONS },
      }),
    ]),
  LOGOFF: ({ tree }) => void tree.session.logOff().catch(() => {}),
};
/** What leaves by itself: nobody is there to take an error. */
const sealedCauses: typeof causes = {
  ...causes,
  'an interim answer': ({ folder }) => folder.watch(CompletionFilter.FILE_NAME),
  'an interim answer by time': async ({ file, clock }) => {
    file.lock([{ ...range, flags: LockFlags.EXCLUSIVE_LOCK }]);
    await clock.advance(5000);
  },
  'a break': async ({ scene, tree }) => {
    const share = tree.protection === 'seal' ? 'secret' : 'files';
    const rival = await (await (await scene.connect()).logOn(bob)).connectTree(share);
    await rival.open('cached');
  },
};

async function suffer(name: string, protection: 'sign' | 'seal', cause: (victim: Victim) => unknown) {
  const provider = new FailingProvider();
  const clock = new TestClock();
  await underAbuse(
    async (scene) => {
      provider.isMarking = true;
      const client = await scene.connect();
      const session = await client.logOn(alice);
      provider.isMarking = false;
      const tree = await session.connectTree(protection === 'seal' ? 'secret' : 'files');
      const file = await tree.open('victim');
      const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      await tree.open('cached', { oplockLevel: OplockLevel.BATCH });
      const holder = await (await (await scene.connect()).logOn(bob)).connectTree(
        protection === 'seal' ? 'secret' : 'files',
      );
      await (await holder.open('victim')).lock([{ ...range, flags: LockFlags.EXCLUSIVE_LOCK }]).response;
      const answers = recorded(client.transport);
      provider.isBroken = true;
      await cause({ scene, tree, file, folder, clock });
      await scene.settle();
      assert.ok(client.isClosed, `${name}: the connection is closed`);
      assert.deepEqual(answers, [], 'nothing left the server');
    },
    { cryptoProvider: provider, allowsErrors: true, clock },
  );
}

describe('a cipher that fails', () => {
  for (const [name, cause] of Object.entries(sealedCauses)) {
    it(`D12 closes the connection and sends nothing in clear: ${name}, sealed`, () =>
      suffer(name, 'seal', cause));
  }
  for (const [name, cause] of Object.entries(causes)) {
    it(`D12 closes the connection and sends nothing unsigned: ${name}`, () => suffer(name, 'sign', cause));
  }
});
