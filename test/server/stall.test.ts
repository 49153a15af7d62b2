import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fault } from '../../src/backend/fault.ts';
import { NtStatus } from '../../src/base/status.ts';
import { connectClient } from '../../src/testing/client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { alice, bob, memoryServer } from '../testing/memory-server.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('while one file stalls, requests for others are answered, on its connection and on others', async () => {
  const stalled = Promise.withResolvers<void>();
  let stalls = false;
  const server = memoryServer({
    wrapStore: (store) =>
      fault(store, ({ operation }) =>
        stalls && operation === 'read' ? { kind: 'stall', until: stalled.promise } : undefined,
      ),
  });
  const one = await connectClient(server.connect());
  const two = await connectClient(server.connect());
  const [first, second] = [
    await (await one.logOn(alice)).connectTree('files'),
    await (await two.logOn(bob)).connectTree('files'),
  ];
  const slow = await first.open('slow');
  await slow.write(0n, Buffer.alloc(5000, 1));
  stalls = true;
  const waiting = first.send(Command.READ, slow.readRequest(0n, 5000));
  await turn();
  stalls = false;
  for (const [index, tree] of [first, second].entries()) {
    for (let round = 0; round < 50; round++) {
      const file = await tree.open(`quick ${index} ${round}`);
      await file.write(0n, Buffer.alloc(100, round));
      assert.deepEqual(await file.read(0n, 100), Buffer.alloc(100, round));
      await file.close();
    }
  }
  assert.equal(one.outstandingCount, 1, 'only the one that stalls is not answered');
  stalled.resolve();
  const answer = await waiting.response;
  assert.equal(answer.status, NtStatus.SUCCESS);
  assert.equal(one.outstandingCount, 0);
  await server.close({ drainMs: 0 });
});
