import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, Pace, run, slowCall, type Task } from '../../src/backend/task.ts';
import type { Clock } from '../../src/base/clock.ts';

/** A clock that stands still until told. */
function stoppedClock(): Clock & { advance(ms: number): void } {
  let ms = 1000;
  return {
    now: () => 0n,
    monotonicMs: () => ms,
    setTimer: () => ({ cancel() {} }),
    advance(by) {
      ms += by;
    },
  };
}

test('a task runs at once while calls are quick', () => {
  const where: string[] = [];
  function* work(): Task<number> {
    const first = yield* step(where, 1);
    const second = yield* step(where, 2);
    return first + second;
  }
  assert.equal(run(work(), new Pace(stoppedClock(), () => 0)), 3);
  assert.deepEqual(where, ['now', 'now']);
});

function* step(where: string[], value: number, during = (): void => {}): Task<number> {
  return yield* call(
    () => {
      during();
      where.push('now');
      return value;
    },
    (done) => {
      where.push('pool');
      setImmediate(() => done(null, value));
    },
  );
}

test('after a slow call the rest goes to the pool, for a while', async () => {
  const clock = stoppedClock();
  const pace = new Pace(clock, () => 0);
  const where: string[] = [];
  function* work(): Task<string> {
    yield* step(where, 1, () => clock.advance(50));
    yield* step(where, 2);
    return 'done';
  }
  const answer = run(work(), pace);
  assert.ok(answer instanceof Promise);
  assert.equal(await answer, 'done');
  assert.deepEqual(where, ['now', 'pool']);
  clock.advance(10_000);
  assert.equal(run(step(where, 3), pace), 3);
});

test('a call that is slow again and again keeps the event loop free for longer and longer, up to a bound', () => {
  const clock = stoppedClock();
  const pace = new Pace(clock, () => 0);
  const waits: number[] = [];
  const waited = (): number => {
    const began = clock.monotonicMs();
    while (!pace.isQuick) clock.advance(1);
    return clock.monotonicMs() - began;
  };
  for (let round = 0; round < 9; round++) {
    pace.timed(() => clock.advance(50));
    waits.push(waited());
  }
  assert.deepEqual(waits, [25, 50, 100, 200, 400, 800, 1600, 1600, 1600]);
  clock.advance(10_000);
  pace.timed(() => clock.advance(50));
  assert.equal(waited(), 25, 'what was long ago is forgotten');
});

test('a call that took long because the processor was taken away is no sign of a slow disk, unless it took very long', () => {
  const clock = stoppedClock();
  let losses = 0;
  const pace = new Pace(clock, () => losses);
  const slow = (ms: number, isPreempted: boolean): boolean => {
    pace.timed(() => {
      clock.advance(ms);
      if (isPreempted) losses++;
    });
    const { isQuick } = pace;
    clock.advance(10_000);
    return !isQuick;
  };
  assert.equal(slow(50, true), false);
  assert.equal(slow(50, false), true);
  assert.equal(slow(500, true), true);
});

test('tasks that are in the pool already do not keep each other there', async () => {
  const clock = stoppedClock();
  const pace = new Pace(clock, () => 0);
  const where: string[] = [];
  pace.timed(() => clock.advance(50));
  const answers = [1, 2].map((value) => run(step(where, value), pace));
  clock.advance(30);
  assert.equal(run(step(where, 3), pace), 3);
  assert.deepEqual(await Promise.all(answers), [1, 2]);
  assert.deepEqual(where, ['pool', 'pool', 'now']);
});

test('while a call hangs in the pool nothing runs on the event loop', async () => {
  const clock = stoppedClock();
  const pace = new Pace(clock, () => 0);
  const where: string[] = [];
  pace.timed(() => clock.advance(50));
  let release = (): void => {};
  const hanging = run(
    call(
      () => {},
      (done) => {
        release = () => done(null, undefined);
      },
    ),
    pace,
  );
  clock.advance(60_000);
  assert.equal(pace.isQuick, false);
  const meanwhile = run(step(where, 1), pace);
  assert.equal(await meanwhile, 1);
  assert.deepEqual(where, ['pool']);
  release();
  await hanging;
});

/** Puts `count` calls of a pace into the pool; what is returned ends the one with that number. */
function pooledCalls(pace: Pace, count: number): (index: number) => Promise<void> {
  const ends = Array.from({ length: count }, () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { ended: pace.pooled(() => promise), resolve };
  });
  return async (index) => {
    ends[index]?.resolve();
    await ends[index]?.ended;
  };
}

test('calls that wait in the pool for those before them are no sign of a slow disk', async () => {
  const clock = stoppedClock();
  const pace = new Pace(clock, () => 0);
  const end = pooledCalls(pace, 100);
  for (let index = 0; index < 100; index++) {
    clock.advance(50);
    assert.equal(pace.isQuick, true, `with ${100 - index} in the pool`);
    await end(index);
  }
  assert.equal(pace.isQuick, true);
});

test('a call that hangs is found out when it is the oldest, whatever others do', async () => {
  const clock = stoppedClock();
  const pace = new Pace(clock, () => 0);
  const end = pooledCalls(pace, 20);
  for (const index of [0, 1, 2]) {
    clock.advance(50);
    await end(index);
  }
  // The fourth hangs; others go on.
  for (let index = 4; index < 6; index++) {
    clock.advance(50);
    assert.equal(pace.isQuick, true);
    await end(index);
  }
  clock.advance(50);
  await end(6);
  assert.equal(pace.isQuick, false);
  await end(3);
  assert.equal(pace.isQuick, false, 'for a while');
});

test('errors reach the task where it waits, in both forms', async () => {
  function* work(fails: () => Task<undefined>): Task<string> {
    try {
      yield* fails();
    } catch (error) {
      return error instanceof Error ? `caught ${error.message}` : 'unknown';
    }
    return 'not caught';
  }
  const pace = new Pace(stoppedClock(), () => 0);
  const failing = (message: string) => () =>
    call<undefined>(
      () => {
        throw new Error(message);
      },
      (done) => done(new Error(message), undefined),
    );
  assert.equal(run(work(failing('at once')), pace), 'caught at once');
  const later = (): Task<undefined> =>
    slowCall<undefined>((done) => setImmediate(() => done(new Error('later'), undefined)));
  assert.equal(await run(work(later), pace), 'caught later');
  assert.throws(() => run(failing('out')(), pace), { message: 'out' });
});
