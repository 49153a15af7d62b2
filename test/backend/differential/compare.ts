/**
 * Two stores, the same operations, the same answers; or the shortest trace that tells them apart.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Backend } from '../../../src/backend/contract.ts';
import { codeOf } from '../../../src/backend/error.ts';
import { type Action, type Common, generator, nextAction, type Slots } from './actions.ts';

/** A pair of new, empty stores. */
export interface Pair {
  readonly name: string;
  readonly common: Common;
  open(): { readonly oracle: Backend; readonly judged: Backend; dispose(): Promise<void> | void };
}

export interface Difference {
  readonly action: Action;
  readonly expected: unknown;
  readonly actual: unknown;
}

export type Tally = Map<string, number>;

type Outcome = { readonly value: unknown } | { readonly code: string };

async function outcomeOf(action: Action, backend: Backend, slots: Slots): Promise<Outcome> {
  try {
    return { value: await action.run(backend, slots) };
  } catch (error) {
    return { code: codeOf(error) ?? String(error) };
  }
}

/** Does the operations to new stores; the first difference, if there is one. */
async function replay(pair: Pair, actions: Iterable<Action>, tally?: Tally): Promise<Difference | undefined> {
  const { oracle, judged, dispose } = pair.open();
  const [first, second]: [Slots, Slots] = [new Map(), new Map()];
  try {
    for (const action of actions) {
      const expected = await outcomeOf(action, oracle, first);
      const actual = await outcomeOf(action, judged, second);
      if (!isDeepStrictEqual(actual, expected)) return { action, expected, actual };
      const outcome = 'code' in expected ? 'refused' : 'done';
      const key = `${action.kind} ${outcome}`;
      tally?.set(key, (tally.get(key) ?? 0) + 1);
    }
    return undefined;
  } finally {
    for (const slots of [first, second]) for (const handle of slots.values()) await handle.close();
    await oracle.close();
    await judged.close();
    await dispose();
  }
}

function* actionsOf(seed: number, count: number, common: Common): Generator<Action> {
  const random = generator(seed);
  for (let step = 0; step < count; step++) yield nextAction(random, common);
}

/** Runs `count` operations of one seed and counts them by kind and outcome; throws {@link DifferenceError}. */
export async function compare(pair: Pair, seed: number, count: number): Promise<Tally> {
  const tally: Tally = new Map();
  const difference = await replay(pair, actionsOf(seed, count, pair.common), tally);
  if (difference === undefined) return tally;
  const steps = [...tally.values()].reduce((sum, part) => sum + part, 0) + 1;
  const trace = await shortest(pair, [...actionsOf(seed, steps, pair.common)]);
  throw new DifferenceError(
    `${pair.name}, seed ${seed}, step ${steps - 1}`,
    trace,
    (await replay(pair, trace)) ?? difference,
  );
}

/** Leaves out what is not needed for a difference: halves first, then ever smaller parts. */
async function shortest(pair: Pair, actions: readonly Action[]): Promise<readonly Action[]> {
  let trace = actions;
  for (let size = Math.ceil(trace.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < trace.length; ) {
      const rest = [...trace.slice(0, start), ...trace.slice(start + size)];
      if ((await replay(pair, rest)) === undefined) start += size;
      else trace = rest;
    }
  }
  return trace;
}

/** The stores answered differently; the message is the shortest trace. */
export class DifferenceError extends Error {
  override readonly name = 'DifferenceError';

  constructor(where: string, trace: readonly Action[], difference: Difference) {
    const shown = (value: unknown) =>
      JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part));
    super(
      [
        `${where}: the stores differ`,
        ...trace.map(({ text }, index) => `  ${index + 1}. ${text}`),
        `  expected ${shown(difference.expected)}`,
        `  actual   ${shown(difference.actual)}`,
      ].join('\n'),
    );
  }
}
