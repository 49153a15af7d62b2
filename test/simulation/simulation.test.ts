import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { type ActorKind, type ActorPlan, type Features, type Plan, planOf, type Sabotage } from './plan.ts';
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

/** Seeds of which some have everything that is counted: of the rarest there are dozens in a thousand. */
const seedsForAll = 300;

function actorOf(kind: ActorKind, number: number, seed = 0): ActorPlan {
  return {
    kind,
    name: `${kind}-${number}`,
    dialect: 0x311,
    cipher: 2,
    signingAlgorithm: 2,
    isSealed: false,
    steps: Array.from({ length: 100 }, (_, i) => seed * 10_000 + number * 1000 + i),
  };
}

test('the server keeps its promises to many clients in bad weather', async (t) => {
  const first = seedOfCommit();
  const report = await simulateSeeds({ first, count: 100_000, limitMs: 60_000 });
  t.diagnostic(report.summary);
  assert.equal(report.failure, undefined, report.failure ?? '');
  // A slow machine gets through too few seeds to be sure of what is rare.
  if (report.seeds >= seedsForAll) assert.deepEqual(report.missing, [], 'never happened');
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
    actors: [1, 2, 3].map((number) => actorOf('sharer', number)),
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
    actors: [actorOf('sharer', 1)],
  };
  assert.equal((await run(calm)).failure, undefined);
  const { failure } = await run({ ...calm, sabotage: 'lost-opens' });
  assert.ok(failure instanceof Error && /was persistent, and is lost/.test(failure.message), String(failure));
});

/** Plans in which nothing goes wrong but what `features` say, until one fails that `sabotage` spoils. */
async function failureOf(
  kind: ActorKind,
  sabotage: Sabotage,
  features: Partial<Features>,
): Promise<Error | undefined> {
  for (let seed = 1; seed <= 40; seed++) {
    const plan = planOf(seed);
    const calm: Plan = {
      ...plan,
      features: {
        ...plan.features,
        ...{ persistent: false, multichannel: false, lossPerMille: 0, cutPerMille: 0, silencePerMille: 0 },
        ...{ crashes: [], restarts: [], faultPerMille: 0, lifetimeMs: 0 },
        network: { delayMs: 0, splitPercent: 0, joinPercent: 0 },
        ...features,
      },
      actors: [1, 2, 3].map((number) => actorOf(kind, number, seed)),
    };
    assert.equal((await run(calm)).failure, undefined);
    const { failure } = await run({ ...calm, sabotage });
    if (failure instanceof Error) return failure;
  }
  return undefined;
}

test('a client that does not hear that a directory has changed is found out', async () => {
  const failure = await failureOf('lister', 'lost-breaks', { caching: 'lease' });
  assert.match(String(failure), /is said to have it, after which came/);
});

const losing = { caching: 'none', multichannel: true, channelCount: 2 } as const;

test('a client that sends a lost write again as if it were new is found out', async () => {
  const failure = await failureOf('sharer', 'blind-replays', {
    ...losing,
    cutPerMille: 500,
    storeDelayMs: 300,
  });
  assert.match(String(failure), /after which/);
});

test('a client that sends a lost lock again as if it were new is found out', async () => {
  const failure = await failureOf('locker', 'blind-replays', {
    ...{ ...losing, lossPerMille: 500, storeDelayMs: 0 },
    network: { delayMs: 20, splitPercent: 0, joinPercent: 0 },
  });
  assert.match(String(failure), /an unlock is answered/);
});
