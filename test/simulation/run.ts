/**
 * Runs a plan in one thread and in virtual time, and checks what must hold at its end.
 */

import { ConnectionClosedError, connectClient } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { compare } from '../durability/found.ts';
import type { Moment } from '../durability/ledger.ts';
import { alice } from '../testing/memory-server.ts';
import type { Actor } from './actor.ts';
import type { Counts } from './counts.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { Lister } from './lister.ts';
import { Locker } from './locker.ts';
import type { ActorKind, ActorPlan, Plan } from './plan.ts';
import { Rowdy } from './rowdy.ts';
import { Sharer } from './sharer.ts';
import { Watcher } from './watcher.ts';
import { World } from './world.ts';

/** How a run ended. */
export interface Outcome {
  /** What went wrong first; undefined when nothing did. */
  readonly failure: unknown;
  /** What happened, in the words of those who did it. */
  readonly trace: readonly string[];
  /** Tells runs apart in which anything arrived differently. */
  readonly digest: string;
  readonly counts: Counts;
  readonly steps: number;
  readonly virtualMs: number;
}

const kinds: Readonly<Record<ActorKind, new (world: World, plan: ActorPlan, number: number) => Actor>> = {
  sharer: Sharer,
  writer: LedgerWriter,
  locker: Locker,
  lister: Lister,
  watcher: Watcher,
  rowdy: Rowdy,
};

/** Whoever is not done by then waits for something that does not come. */
const limitMs = 3_600_000;
/** Longer than anything is kept for a client that may come back. */
const forgottenMs = 400_000;

/** Runs `plan`. Never throws. */
export async function run(plan: Plan): Promise<Outcome> {
  const world = new World(plan);
  const actors = plan.actors.map((actor, i) => new kinds[actor.kind](world, actor, i + 1));
  const inspections: Promise<void>[] = [];
  const crashes = plan.features.crashes.map((at) =>
    world.clock.setTimer(at, () => {
      inspections.push(guarded(world, async () => inspect(world, world.crash())));
    }),
  );
  const restarts = plan.features.restarts.map((at) => world.clock.setTimer(at, () => world.restart()));
  const work = actors.map((actor) => guarded(world, () => live(world, actor)));
  await settled(world, 'a client', work);
  for (const event of [...crashes, ...restarts]) event.cancel();
  await settled(world, 'a comparison', inspections);
  if (world.failure === undefined && plan.features.faultPerMille === 0) {
    await settled(world, 'the last comparison', [
      guarded(world, () => inspect(world, world.ledger.moment('answered'))),
    ]);
  }
  if (world.failure === undefined) await guarded(world, () => checkEmpty(world));
  return {
    failure: world.failure,
    trace: world.trace,
    digest: world.digest(),
    counts: world.counts,
    steps: plan.actors.reduce((sum, { steps }) => sum + steps.length, 0),
    virtualMs: world.clock.monotonicMs(),
  };
}

async function live(world: World, actor: Actor): Promise<void> {
  for (const step of actor.plan.steps) {
    if (world.failure !== undefined) return;
    await actor.step(step);
  }
  await actor.finish(new SeededEntropy(world.plan.seed));
}

async function guarded(world: World, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    world.fail(error);
  }
}

/** Lets time pass until all of `work` is done, or something is wrong. */
async function settled(world: World, what: string, work: readonly Promise<void>[]): Promise<void> {
  let isDone = false;
  const all = Promise.all(work).then(() => {
    isDone = true;
  });
  all.catch(() => {});
  while (!isDone && world.failure === undefined) {
    await world.clock.advance(100);
    if (world.clock.monotonicMs() > limitMs) world.fail(new Error(`${what} waits for ever`));
  }
}

/** Compares what a new client finds with what was promised at `moment`, unless the power fails meanwhile. */
async function inspect(world: World, moment: Moment): Promise<void> {
  const { epoch } = world;
  const { settings } = world.server.state;
  world.server.update({ ...settings, session: { lifetimeMs: 0 } });
  const end = world.server.connect('192.0.2.1');
  const unplugged = world.onCrash(() => end?.close());
  try {
    const client = await connectClient(end, {}, { entropy: new SeededEntropy(world.plan.seed) });
    const tree = await (await client.logOn(alice)).connectTree('files');
    const { losses } = await compare(tree, moment);
    client.close();
    if (losses.length > 0) throw new Error(`lost: ${losses.join('; ')}`);
  } catch (error) {
    if (!(error instanceof ConnectionClosedError) || epoch === world.epoch) throw error;
  } finally {
    unplugged();
  }
}

/** When everybody is gone and nobody can come back, nothing is left. */
async function checkEmpty(world: World): Promise<void> {
  for (const connection of [...world.network.connections]) connection.cut();
  await world.clock.advance(forgottenMs);
  const left = {
    ...world.server.counters(),
    ...world.core.census(),
    storeHandles: world.store.openCount,
    keptOpens: world.keptOpenCount,
  };
  const kept = Object.entries(left).filter(([, count]) => count !== 0);
  if (kept.length > 0)
    throw new Error(`left behind: ${kept.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  // The one that looks for connections that take too long.
  if (world.serverTimers !== 1) throw new Error(`left behind: ${world.serverTimers} timers`);
}
