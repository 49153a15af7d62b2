import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectClient } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { SimulatedNetwork } from '../../src/testing/simulated-network.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { alice, memoryServer } from './memory-server.ts';

function simulated(seed: number) {
  const clock = new VirtualClock();
  const server = memoryServer({ clock, entropy: new SeededEntropy(seed) });
  const arrivals: string[] = [];
  const network = new SimulatedNetwork({
    clock,
    chance: new SeededEntropy(seed),
    traits: { delayMs: 20, splitPercent: 80, joinPercent: 50 },
    onArrival: (_connection, end, bytes) =>
      arrivals.push(`${clock.monotonicMs()} ${end} ${bytes.toString('hex')}`),
  });
  const connect = () => {
    const end = server.connect();
    assert.ok(end !== undefined);
    return network.join(end);
  };
  return { clock, server, network, connect, arrivals };
}

/** Lets time pass until `work` is done. */
async function during<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const settled = work.finally(() => {
    isDone = true;
  });
  settled.catch(() => {});
  while (!isDone) await clock.advance(5);
  return settled;
}

async function session(seed: number): Promise<readonly string[]> {
  const { clock, connect, arrivals } = simulated(seed);
  const work = async (): Promise<void> => {
    const client = await connectClient(connect(), {}, { entropy: new SeededEntropy(seed) });
    const tree = await (await client.logOn(alice)).connectTree('files');
    const file = await tree.open('a');
    const data = Buffer.alloc(20_000, 'data');
    await Promise.all([file.write(0n, data), file.write(20_000n, data)]);
    assert.deepEqual(await file.read(20_000n, 20_000), data);
    await file.close();
  };
  await during(clock, work());
  return arrivals;
}

test('what is cut into pieces and delayed arrives whole and in order, the same way for the same seed', async () => {
  const [first, again, other] = [await session(1), await session(1), await session(2)];
  assert.deepEqual(again, first);
  assert.notDeepEqual(other, first);
});

test('a connection that is cut brings nothing more, and both ends notice', async () => {
  const { clock, connect, network, server } = simulated(3);
  const wire = connect();
  const client = await during(clock, connectClient(wire, {}, { entropy: new SeededEntropy(3) }));
  const echo = client.echo();
  wire.cut();
  await assert.rejects(during(clock, echo), { name: 'ConnectionClosedError' });
  await clock.advance(100);
  assert.equal(server.counters().connections, 0);
  assert.equal(network.connections.size, 0);
});
