import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Crowd } from '../../src/server/crowd.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

/** What of `count` pieces that came at once has begun, as a growing list. */
function crowd(turns: Crowd, count: number): number[] {
  const begun: number[] = [];
  for (let piece = 0; piece < count; piece++) {
    const turn = turns.next();
    if (turn === undefined) begun.push(piece);
    else void turn.then(() => begun.push(piece));
  }
  return begun;
}

describe('a crowd', () => {
  it('has its turns in order, so many pieces each', async () => {
    const clock = new VirtualClock();
    const begun = crowd(new Crowd(clock, 2), 5);
    assert.deepEqual(begun, [0, 1]);
    await clock.advance(0);
    assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  });

  it('lets everything else that is due go on between its turns', async () => {
    const clock = new VirtualClock();
    const begun = crowd(new Crowd(clock, 2), 9);
    let seen = 0;
    clock.setTimer(0, () => {
      seen = begun.length;
    });
    await clock.advance(0);
    assert.deepEqual([seen, begun.length], [4, 9]);
  });

  it('who comes when a turn is full stands behind those that wait', async () => {
    const clock = new VirtualClock();
    const turns = new Crowd(clock, 1);
    const begun = crowd(turns, 2);
    let isLate = false;
    const late = turns.next()?.then(() => {
      isLate = true;
    });
    assert.deepEqual([begun, isLate], [[0], false]);
    await clock.advance(0);
    await late;
    assert.deepEqual(begun, [0, 1]);
  });

  it('leaves no timer behind', async () => {
    const clock = new VirtualClock();
    crowd(new Crowd(clock, 2), 5);
    await clock.advance(0);
    assert.equal(clock.pendingCount, 0);
  });
});
