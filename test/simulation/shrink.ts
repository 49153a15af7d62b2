/**
 * Makes a failing plan smaller as long as it fails: fewer clients, fewer steps, fewer features.
 */
import type { ActorPlan, Features, Plan } from './plan.ts';
import { type Outcome, run } from './run.ts';

/** Runs that the search may take. */
const runsMax = 400;

/** The smallest failing plan that was found from `plan`, with its trace. */
export async function shrunk(plan: Plan): Promise<string> {
  const search = new Search(plan, await run(plan));
  await search.work();
  const { seed, features, actors } = search.plan;
  const { failure, trace } = search.outcome;
  const steps = actors.reduce((sum, actor) => sum + actor.steps.length, 0);
  return [
    `seed ${seed} fails, with ${actors.length} clients and ${steps} steps of it still:`,
    failure instanceof Error ? (failure.stack ?? failure.message) : String(failure),
    `features: ${JSON.stringify(features)}`,
    ...actors.map(({ steps: _steps, ...actor }) => `client: ${JSON.stringify(actor)}`),
    ...trace,
  ].join('\n');
}

class Search {
  plan: Plan;
  outcome: Outcome;
  #runs = 0;

  constructor(plan: Plan, outcome: Outcome) {
    this.plan = plan;
    this.outcome = outcome;
  }

  async work(): Promise<void> {
    for (let before = -1; before !== this.#size(); ) {
      before = this.#size();
      await this.#fewerActors();
      await this.#fewerSteps();
      await this.#fewerFeatures();
    }
  }

  #size(): number {
    const { actors, features } = this.plan;
    return actors.reduce((sum, { steps }) => sum + 1 + steps.length, 0) + JSON.stringify(features).length;
  }

  async #fewerActors(): Promise<void> {
    for (const actor of this.plan.actors) {
      await this.#try({ ...this.plan, actors: this.plan.actors.filter((one) => one.name !== actor.name) });
    }
  }

  async #fewerSteps(): Promise<void> {
    for (const { name, steps } of this.plan.actors) {
      for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
        await this.#cutSteps(name, size);
      }
    }
  }

  /** Leaves out runs of `size` steps, where it fails without them. */
  async #cutSteps(name: string, size: number): Promise<void> {
    const stepsNow = (): readonly number[] => this.plan.actors.find((one) => one.name === name)?.steps ?? [];
    for (let at = 0; at < stepsNow().length; ) {
      const steps = stepsNow().toSpliced(at, size);
      if (!(await this.#try(this.#with({ name, steps })))) at += size;
    }
  }

  #with(change: Pick<ActorPlan, 'name' | 'steps'>): Plan {
    const actors = this.plan.actors.map((actor) =>
      actor.name === change.name ? { ...actor, ...change } : actor,
    );
    return { ...this.plan, actors };
  }

  async #fewerFeatures(): Promise<void> {
    const { network } = this.plan.features;
    const changes: readonly Partial<Features>[] = [
      { crashes: [] },
      { crashes: this.plan.features.crashes.slice(0, 1) },
      { restarts: [] },
      { restarts: this.plan.features.restarts.slice(0, 1) },
      { faultPerMille: 0 },
      { silencePerMille: 0 },
      { cutPerMille: 0 },
      { lifetimeMs: 0 },
      { creditCount: 8192 },
      { storeDelayMs: 0 },
      { lossPerMille: 0 },
      { channelCount: 2 },
      { multichannel: false },
      { durable: false },
      { persistent: false },
      { caching: 'none' },
      { network: { ...network, splitPercent: 0, joinPercent: 0 } },
      { network: { delayMs: 0, splitPercent: 0, joinPercent: 0 } },
    ];
    for (const change of changes) {
      const features = { ...this.plan.features, ...change };
      if (JSON.stringify(features) !== JSON.stringify(this.plan.features))
        await this.#try({ ...this.plan, features });
    }
    const actors = this.plan.actors.map((actor) => ({ ...actor, isSealed: false }));
    if (this.plan.actors.some(({ isSealed }) => isSealed)) await this.#try({ ...this.plan, actors });
  }

  /** Takes the plan if it fails, too. */
  async #try(plan: Plan): Promise<boolean> {
    if (this.#runs >= runsMax) return false;
    this.#runs += 1;
    const outcome = await run(plan);
    if (outcome.failure === undefined) return false;
    this.plan = plan;
    this.outcome = outcome;
    return true;
  }
}
