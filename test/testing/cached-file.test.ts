import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectClient } from '../../src/testing/client.ts';
import { type CachedFile, CachingClient } from '../../src/testing/client-cache.ts';
import { alice, memoryServer } from './memory-server.ts';

const leaseKey = '11111111-2222-3333-4444-555555555555';
const createGuid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const rivalGuid = '99999999-8888-7777-6666-555555555555';

test('what was kept does not come after what is written while it is written back', async () => {
  const server = memoryServer();
  const connect = async (clientGuid: string) =>
    (await (await connectClient(server.connect(), { clientGuid })).logOn(alice)).connectTree('files');
  const [tree, rival] = [await connect(createGuid), await connect(rivalGuid)];
  let overwriting: Promise<void> | undefined;
  const observer = {
    writing: (file: CachedFile, index: number) => {
      if (index === 0) overwriting = file.write(2, Buffer.from('d'));
      return () => {};
    },
    flushing: () => () => {},
    noticed: () => {},
  };
  const client = new CachingClient(tree, observer, 1);
  const file = await client.open('f', { kind: 'lease', isDurable: false, leaseKey, createGuid });
  for (const [index, text] of [...'abc'].entries()) await file.write(index, Buffer.from(text));
  assert.equal(file.keptCount, 3);
  const opened = await rival.open('f');
  await overwriting;
  assert.equal((await opened.read(0n, 3)).toString(), 'abd');
});
