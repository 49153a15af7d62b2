/** Rows H1 and H4: stores that fail, and stores that throw what nobody expects. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { fault } from '../../src/backend/fault.ts';
import { wrapBackend } from '../../src/backend/wrap.ts';
import { isError, NtStatus, statusName } from '../../src/base/status.ts';
import { createRequestOf, type TestTree } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { AccessMask, CreateOption } from '../../src/wire/flags.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../src/wire/fscc/names.ts';
import type { FileId } from '../../src/wire/smb2/file-id.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { bodyOf } from './messages.ts';
import { driverOf } from './places.ts';
import { refusal, type Scene, underAbuse } from './scene.ts';

const codes: readonly (readonly [string, number])[] = [
  ['EIO', NtStatus.UNEXPECTED_IO_ERROR],
  ['ENOSPC', NtStatus.DISK_FULL],
  ['EDQUOT', NtStatus.QUOTA_EXCEEDED],
  ['EROFS', NtStatus.MEDIA_WRITE_PROTECTED],
];

describe('a store that takes part of a WRITE', () => {
  it('H1 and then fails: the client is told of the failure', () => {
    let isOn = false;
    const faulty = (store: Backend): Backend =>
      fault(store, ({ operation }) =>
        isOn && operation === 'write' ? { kind: 'shortWrite', bytes: 3, code: 'ENOSPC' } : undefined,
      );
    return underAbuse(
      async ({ tree }) => {
        const share = await tree('secret');
        const file = await share.open('f.bin');
        await file.write(0n, Buffer.from('before'));
        isOn = true;
        assert.equal(await refusal(file.write(0n, Buffer.from('behind'))), NtStatus.DISK_FULL);
        isOn = false;
        await file.write(0n, Buffer.from('at last'));
        await file.flush();
        assert.equal((await file.read(0n, 20)).toString(), 'at last');
        share.session.connection.close();
      },
      { wrapStore: (store) => onlySecret(store, faulty) },
    );
  });
});

describe('a store that fails', () => {
  for (const [code, expected] of codes) {
    it(`H1 the client is told what became of its WRITE, FLUSH and rename: ${code}`, async () => {
      for (const operation of ['write', 'sync', 'rename'] as const) {
        let isOn = false;
        const wrapStore = (store: Backend): Backend =>
          fault(store, (call) =>
            isOn && call.operation === operation ? { kind: 'error', code } : undefined,
          );
        await underAbuse(
          async ({ tree }) => {
            const share = await tree('secret');
            const file = await share.open('f.bin', { desiredAccess: AccessMask.FILE_ALL_ACCESS });
            await file.write(0n, Buffer.from('before'));
            isOn = true;
            const rename = FileRenameInformation.encode({
              rootDirectory: 0n,
              fileName: 'g.bin',
              replaceIfExists: false,
            });
            const work = {
              write: () => file.write(0n, Buffer.from('after')),
              sync: () => file.flush(),
              rename: () => file.setInfo(InfoType.FILE, Class.FileRenameInformation, rename),
            }[operation];
            const status = await refusal(work());
            isOn = false;
            assert.equal(statusName(status), statusName(expected), operation);
            // What a failed FLUSH lost is lost: no later one may say that all is well.
            if (operation === 'sync') assert.equal(statusName(await refusal(work())), statusName(expected));
            else await work();
            await file.close();
            share.session.connection.close();
          },
          { wrapStore: (store) => onlySecret(store, wrapStore) },
        );
      }
    });
  }
});

let shares = 0;

/** The second of the two shares of the fixture, which the clients beside do not use. */
function onlySecret(store: Backend, wrap: (store: Backend) => Backend): Backend {
  return shares++ % 2 === 1 ? wrap(store) : store;
}

/** A store that throws something of its own, synchronously or later, from any of its operations. */
function erratic(store: Backend, isOn: () => boolean, random: SeededEntropy): Backend {
  return wrapBackend(store, {
    name: store.name,
    gate: ({ operation }, proceed) => {
      if (!isOn() || random.below(8) > 0) return proceed();
      const error = new TypeError(`${operation} has a fault`);
      if (random.below(2) === 0) throw error;
      return Promise.resolve().then(() => {
        throw error;
      });
    },
  });
}

const commandsTried = [
  Command.READ,
  Command.WRITE,
  Command.FLUSH,
  Command.QUERY_DIRECTORY,
  Command.QUERY_INFO,
  Command.SET_INFO,
  Command.IOCTL,
  Command.CLOSE,
] as const;

async function openOf(share: TestTree, random: SeededEntropy): Promise<FileId | undefined> {
  const isDirectory = random.below(4) === 0;
  const options = { createOptions: isDirectory ? CreateOption.DIRECTORY_FILE : 0 };
  const name = `${isDirectory ? 'd' : 'f'}${random.below(6)}`;
  return share.open(name, options).then(
    ({ fileId }) => fileId,
    () => undefined,
  );
}

async function workWithFaults({ tree }: Scene, random: SeededEntropy): Promise<ReadonlyMap<string, number>> {
  const share = await tree('secret');
  const seen = new Map<string, number>();
  for (let round = 0; round < 400; round++) {
    const fileId = await openOf(share, random);
    if (fileId === undefined) continue;
    for (let step = 0; step < 4; step++) {
      const command = random.pick(commandsTried);
      const { status } = await share.request(command, bodyOf(command, fileId));
      seen.set(statusName(status), (seen.get(statusName(status)) ?? 0) + 1);
    }
    await share.request(Command.CLOSE, bodyOf(Command.CLOSE, fileId));
  }
  share.session.connection.close();
  return seen;
}

describe('a store that throws what nobody expects', () => {
  it('H4 fails the request that asked, and leaves server, tables and locks as they were', async (t) => {
    const random = new SeededEntropy(4);
    let isOn = false;
    const loose: unknown[] = [];
    const onLoose = (error: unknown): void => void loose.push(error);
    process.on('unhandledRejection', onLoose);
    try {
      await underAbuse(
        async (scene) => {
          isOn = true;
          const before = driverOf(scene.server).core.census().opens;
          const seen = await workWithFaults(scene, random);
          isOn = false;
          t.diagnostic([...seen].map(([status, count]) => `${count} ${status}`).join(', '));
          assert.ok((seen.get('STATUS_INTERNAL_ERROR') ?? 0) > 20, 'faults came through');
          await scene.settle();
          const share = await scene.tree('secret');
          for (let index = 0; index < 6; index++) {
            const body = createRequestOf(`f${index}`, { shareAccess: 0 });
            const { status } = await share.request(Command.CREATE, body);
            assert.ok(!isError(status), `nothing is left open of f${index}: ${statusName(status)}`);
          }
          share.session.connection.close();
          await scene.settle();
          assert.equal(driverOf(scene.server).core.census().opens, before);
        },
        {
          allowsErrors: true,
          wrapStore: (store) => onlySecret(store, (inner) => erratic(inner, () => isOn, random)),
        },
      );
    } finally {
      process.off('unhandledRejection', onLoose);
    }
    assert.deepEqual(loose, []);
  });
});
