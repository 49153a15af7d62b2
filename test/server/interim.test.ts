import assert from 'node:assert/strict';
import { it } from 'node:test';
import { interimQueue } from '../../src/server/interim.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

it('each request is told at its own time, those answered before never, with one timer for all', async () => {
  const clock = new VirtualClock();
  const queue = interimQueue(clock, 500);
  assert.equal(interimQueue(clock, 500), queue);
  assert.notEqual(interimQueue(clock, 600), queue);
  const told: string[] = [];
  const begin = (name: string) => queue.add(() => told.push(`${name} ${clock.monotonicMs()}`));
  const places = [begin('a'), begin('b')];
  await clock.advance(100);
  begin('c');
  places.push(begin('d'));
  assert.equal(clock.pendingCount, 1);
  for (const place of places.slice(1)) place.goAsync = undefined;
  await clock.advance(450);
  assert.deepEqual(told, ['a 500']);
  begin('e');
  await clock.advance(2000);
  assert.deepEqual(told, ['a 500', 'c 600', 'e 1050']);
  assert.equal(clock.pendingCount, 0);
});

it('thousands of answered requests leave nothing behind', async () => {
  const clock = new VirtualClock();
  const queue = interimQueue(clock, 500);
  const told: number[] = [];
  for (let round = 0; round < 10_000; round++) {
    const place = queue.add(() => told.push(round));
    if (round % 1000 !== 0) place.goAsync = undefined;
  }
  await clock.advance(1000);
  assert.deepEqual(told, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
});
