import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { memoryBackend, serve } from '../../src/index.ts';
import { connectClient, streamTransport, type TestTree } from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption, FileAttribute } from '../../src/wire/flags.ts';
import { ChangeNotifyRequest } from '../../src/wire/smb2/change-notify.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { ShareFlags } from '../../src/wire/smb2/tree-connect.ts';

const credentials = { user: 'anna', password: 'x' };

test('the settings of a share reach its clients: the listing by access, hidden names, no streams', async () => {
  await using server = await serve({
    port: 0,
    users: [{ name: credentials.user, password: credentials.password }],
    shares: {
      plain: memoryBackend(),
      special: {
        backend: memoryBackend(),
        accessBasedEnumeration: true,
        hiddenNames: ['.*', '~?'],
        streams: false,
        changeNotify: false,
      },
    },
  });
  const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
  const session = await client.logOn(credentials);
  const plain = await session.connectTree('plain');
  const special = await session.connectTree('special');
  const isByAccess = ({ response }: TestTree): boolean =>
    (response.shareFlags & ShareFlags.ACCESS_BASED_DIRECTORY_ENUM) !== 0;
  assert.deepEqual([isByAccess(plain), isByAccess(special)], [false, true]);
  const isHidden = async (tree: TestTree, name: string): Promise<boolean> =>
    ((await tree.open(name)).created.fileAttributes & FileAttribute.HIDDEN) !== 0;
  assert.equal(await isHidden(plain, '.a'), false);
  assert.equal(await isHidden(special, '.a'), true);
  assert.equal(await isHidden(special, '~b'), true);
  assert.equal(await isHidden(special, 'c.a'), false);
  await plain.open('a:stream');
  await assert.rejects(
    special.open('a:stream'),
    (error) => error instanceof NtStatusError && error.status === NtStatus.OBJECT_NAME_INVALID,
  );
  const watched = async (tree: TestTree): Promise<number> => {
    const { fileId } = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
    const body = ChangeNotifyRequest.encode({
      flags: 0,
      outputBufferLength: 1000,
      fileId,
      completionFilter: CompletionFilter.FILE_NAME,
    });
    return (await tree.send(Command.CHANGE_NOTIFY, body).firstResponse).status;
  };
  assert.deepEqual(
    [await watched(plain), await watched(special)],
    [NtStatus.PENDING, NtStatus.NOT_IMPLEMENTED],
  );
  client.close();
});
