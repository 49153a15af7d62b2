import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { type ActorPlan, type Plan, planOf } from './plan.ts';
import { run } from './run.ts';
import { simulateSeeds } from './seeds.ts';
import { shrunk } from './shrink.ts';

/** A seed that every commit has another one of, so that each is tried with what no one before was. */
function seedOfCommit(): number {
  try {
    const hash = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
    return Number.parseInt(hash.slice(0, 6), 16);
  } catch {
    return 1;
  }
}

function sharerOf(number: number, seed = 0): ActorPlan {
  return {
    kind: 'sharer',
    name: `sharer-${number}`,
    dialect: 0x311,
    cipher: 2,
    signingAlgorithm: 2,
    isSealed: false,
    steps: Array.from({ length: 100 }, (_, i) => seed * 10_000 + number * 1000 + i),
  };
}

test('the server keeps its promises to many clients in bad weather', async (t) => {
  const first = seedOfCommit();
  const { summary, failure } = await simulateSeeds({ first, count: 100_000, limitMs: 45_000 });
  t.diagnostic(summary);
  assert.equal(failure, undefined, failure ?? '');
});

test('a seed is a run: the same every time, and another than that of any other seed', async () => {
  for (const seed of [1, 2, 3, 39, 250]) {
    const [first, second, other] = [
      await run(planOf(seed)),
      await run(planOf(seed)),
      await run(planOf(seed + 1)),
    ];
    assert.deepEqual(second.trace, first.trace);
    assert.equal(second.digest, first.digest);
    assert.notEqual(other.digest, first.digest);
  }
});

test('a disk that only says that it has flushed is found out', async () => {
  const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
  const plans = seeds
    .map(planOf)
    .filter(({ features }) => features.crashes.length > 0 && features.keepPercent === 0);
  const failures: unknown[] = [];
  for (const plan of plans) failures.push((await run({ ...plan, sabotage: 'lost-syncs' })).failure);
  assert.ok(failures.some((failure) => failure instanceof Error && /lost|after which/.test(failure.message)));
});

test('a client that does not hear of breaks is found out, in a trace that is short', async () => {
  const plan = planOf(1);
  const calm: Plan = {
    ...plan,
    sabotage: 'lost-breaks',
    features: {
      ...plan.features,
      caching: 'lease',
      crashes: [],
      cutPerMille: 0,
      faultPerMille: 0,
      restarts: [],
    },
    actors: [1, 2, 3].map((number) => sharerOf(number)),
  };
  const { failure } = await run(calm);
  assert.ok(failure instanceof Error && /after which/.test(failure.message), String(failure));
  const report = await shrunk(calm);
  assert.match(report, /seed 1 fails, with 2 clients and [1-9] steps of it still/);
});

test('a server that forgets persistent opens is found out', async () => {
  const plan = planOf(1);
  const calm: Plan = {
    ...plan,
    features: {
      ...plan.features,
      ...{ caching: 'lease', persistent: true, restarts: [400] },
      ...{ crashes: [], cutPerMille: 0, silencePerMille: 0, faultPerMille: 0, lifetimeMs: 0 },
    },
    actors: [sharerOf(1)],
  };
  assert.equal((await run(calm)).failure, undefined);
  const { failure } = await run({ ...calm, sabotage: 'lost-opens' });
  assert.ok(failure instanceof Error && /was persistent, and is lost/.test(failure.message), String(failure));
});

test('a client that sends a lost write again as if it were new is found out', async () => {
  const failures: unknown[] = [];
  for (let seed = 1; seed <= 40 && failures.length === 0; seed++) {
    const plan = planOf(seed);
    const calm: Plan = {
      ...plan,
      features: {
        ...plan.features,
        ...{ caching: 'none', persistent: false, multichannel: true, cutPerMille: 500, storeDelayMs: 300 },
        ...{ crashes: [], restarts: [], silencePerMille: 0, faultPerMille: 0, lifetimeMs: 0 },
        network: { delayMs: 0, splitPercent: 0, joinPercent: 0 },
      },
      actors: [1, 2, 3].map((number) => sharerOf(number, seed)),
    };
    assert.equal((await run(calm)).failure, undefined);
    const { failure } = await run({ ...calm, sabotage: 'blind-replays' });
    if (failure !== undefined) failures.push(failure);
  }
  const [failure] = failures;
  assert.ok(failure instanceof Error && /after which/.test(failure.message), String(failure));
});
