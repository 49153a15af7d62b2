/** Row G18: what lay in a buffer before. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ioctlRequestOf, type TestTree } from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { allCommands, bodyOf } from './messages.ts';
import { underAbuse } from './scene.ts';

const canary = Buffer.from('CANARY-7f3a91');
const seen = canary.subarray(0, 6);
const spread = Buffer.concat(Array.from({ length: 4000 }, () => canary));

/** Everything that the server sends to this client, the messages as they came. */
function overheard({ session }: TestTree): Buffer[] {
  const messages: Buffer[] = [];
  const { transport } = session.connection;
  const before = transport.onMessage;
  transport.onMessage = (message) => {
    messages.push(Buffer.from(message));
    before(message);
  };
  return messages;
}

/** Fills whatever buffers are used again: a client of its own writes and reads the canary in many sizes. */
async function poison(tree: TestTree): Promise<void> {
  const file = await tree.open('canary.bin');
  for (const size of [60, 200, 1000, 4000, 9000, 30_000, 50_000]) {
    await file.write(0n, spread.subarray(0, size));
    await file.read(0n, size);
  }
  await file.close();
}

describe('what lay in a buffer before', () => {
  it('G18 is in no hole, short read or answer, nor in the padding of a message', () =>
    underAbuse(async ({ tree }) => {
      const [share, other] = [await tree(), await tree()];
      const file = await share.open('holes.bin');
      await file.write(100_000n, Buffer.from('end'));
      const root = await share.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const messages = overheard(share);
      for (let round = 0; round < 12; round++) {
        await poison(other);
        assert.deepEqual(await file.read(BigInt(round * 4000), 4000), Buffer.alloc(4000));
        await file.read(99_990n, 4000);
        for (const infoClass of [4, 5, 6, 9, 15, 18, 22, 34, 35, 48])
          await file.queryInfo(InfoType.FILE, infoClass, { outputBytes: 4096 }).catch(() => {});
        for (const infoClass of [1, 3, 5, 7, 8, 11])
          await root.queryInfo(InfoType.FILESYSTEM, infoClass).catch(() => {});
        await file.queryInfo(InfoType.SECURITY, 0, { additionalInformation: 7 });
        for (const [infoClass, flags] of [
          [37, 1],
          [3, 1],
          [1, 3],
        ] as const)
          await root.queryDirectory(infoClass, 'holes*', flags);
      }
      assert.ok(messages.length > 250);
      for (const message of messages) assert.ok(!message.includes(seen), message.toString('latin1'));
      for (const each of [share, other]) each.session.connection.close();
    }));

  it('G18 is in no answer to any command, right, wrong, compounded or waiting', () =>
    underAbuse(async ({ tree }) => {
      const [share, other] = [await tree(), await tree()];
      const messages = overheard(share);
      const left = new Set<number>([
        Command.LOGOFF,
        Command.NEGOTIATE,
        Command.SESSION_SETUP,
        Command.CANCEL,
        Command.TREE_DISCONNECT,
      ]);
      for (let round = 0; round < 6; round++) {
        await poison(other);
        const file = await share.open('any.bin');
        const folder = await share.open('', { createOptions: CreateOption.DIRECTORY_FILE });
        for (const command of allCommands) {
          if (left.has(command) || command === Command.CLOSE) continue;
          await share.request(command, bodyOf(command, file.fileId));
          await share.request(command, bodyOf(command));
        }
        const waiting = folder.watch(CompletionFilter.FILE_NAME);
        await waiting.firstResponse;
        waiting.cancel();
        await waiting.response;
        for (let code = 0x0009_0000; code < 0x0009_0100; code += 4)
          await share.request(Command.IOCTL, ioctlRequestOf(code, Buffer.alloc(16), { fileId: file.fileId }));
        const specs = [Command.READ, Command.QUERY_INFO, Command.ECHO, Command.FLUSH].map((command) =>
          share.spec(command, bodyOf(command, file.fileId)),
        );
        await Promise.all(share.session.connection.sendCompound(specs).map(({ response }) => response));
        await file.close();
        await folder.close();
      }
      assert.ok(messages.length > 500);
      for (const message of messages) assert.ok(!message.includes(seen), message.toString('latin1'));
      for (const each of [share, other]) each.session.connection.close();
    }));
});
