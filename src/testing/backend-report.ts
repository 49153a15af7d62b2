/**
 * What a store lacks, in plain words: its methods, its abilities, and every behaviour of the contract suite.
 */
import {
  type AbilityName,
  abilityNames,
  brokenAbilities,
  missingMethods,
  type requiredMethods,
} from '../backend/backend-shape.ts';
import type { Backend } from '../backend/contract.ts';
import { codeOf } from '../backend/error.ts';
import type { Clock } from '../base/clock.ts';
import type { ContractCase } from './backend-contract/case.ts';
import { type ContractOptions, contractCases, readingCases, traitsOf } from './backend-contract.ts';

/** A behaviour that hangs is given up after this time. */
const CASE_TIMEOUT_MS = 30_000;

/** What each required method is for. */
const purposes: Readonly<Record<(typeof requiredMethods)[number], string>> = {
  stat: 'stat(path) tells what has the name',
  open: 'open(path, options) opens or creates a file, or opens a directory',
  list: 'list(path, signal) yields the entries of a directory in batches',
  makeDirectory: 'makeDirectory(path) makes a directory',
  removeFile: 'removeFile(path) removes a file',
  removeDirectory: 'removeDirectory(path) removes an empty directory',
  rename: 'rename(from, to, replace) moves a name',
  volume: 'volume() tells size and free space',
  close: 'close() releases what the store holds',
};

/** What each ability gives to clients. */
const abilityPurposes: Readonly<Record<AbilityName, string>> = {
  link: 'hard links',
  symlinks: 'symbolic links',
  streams: 'named streams',
  extendedAttributes: 'extended attributes',
  security: 'security descriptors',
  sparse: 'holes in files',
  copyRange: 'copying within the store',
  watch: 'changes made by others',
  snapshots: 'previous versions',
  quota: 'limits by owner',
};

/** One thing that was looked at. */
export interface Finding {
  readonly kind: 'method' | 'ability' | 'behaviour';
  readonly outcome: 'passed' | 'failed' | 'not offered';
  /** What it is about, as a sentence. */
  readonly text: string;
  /** Why it failed. */
  readonly reason?: string;
}

export interface JudgeOptions extends Omit<ContractOptions, 'test' | 'isReadOnly'> {
  readonly clock: Clock;
}

/** Makes a store for each behaviour: new and empty, or one that cannot be changed and holds a bit of everything. */
export type BackendFactory = () => Backend | Promise<Backend>;

/** Looks at everything, in the order in which an author should put it right. Ends early where methods are missing. */
export async function* judgeBackend(factory: BackendFactory, options: JudgeOptions): AsyncGenerator<Finding> {
  const first: unknown = await factory();
  const missing = missingMethods(first);
  for (const [name, text] of Object.entries(purposes)) {
    if (!missing.includes(name)) yield { kind: 'method', outcome: 'passed', text };
    else yield { kind: 'method', outcome: 'failed', text, reason: `there is no method ${name}` };
  }
  if (missing.length > 0 || typeof first !== 'object' || first === null) return;
  const broken = brokenAbilities(first);
  yield* abilities(first, broken);
  if (broken.length > 0) return;
  const backend = await factory();
  const isReadOnly = await refusesChanges(backend);
  const held = isReadOnly ? [] : await namesIn(backend);
  await end(backend, options);
  if (held.length > 0) {
    const text = 'the factory makes a new, empty store each time';
    const reason = `this one already holds ${held.slice(0, 5).join(', ')}`;
    yield { kind: 'behaviour', outcome: 'failed', text, reason };
    return;
  }
  for (const one of isReadOnly ? readingCases : contractCases) yield behaviour(one, factory, options);
}

function* abilities(backend: object, broken: readonly string[]): Generator<Finding> {
  for (const name of abilityNames) {
    const text = `${name}: ${abilityPurposes[name]}`;
    const wrong = broken.filter((part) => part.split('.')[0] === name);
    if (wrong.length > 0)
      yield { kind: 'ability', outcome: 'failed', text, reason: `${wrong.join(', ')} is not a function` };
    else if (Reflect.get(backend, name) === undefined)
      yield { kind: 'ability', outcome: 'not offered', text };
    else yield { kind: 'ability', outcome: 'passed', text };
  }
}

/** True for a store that cannot be changed. */
async function refusesChanges(backend: Backend): Promise<boolean> {
  try {
    await backend.makeDirectory('smbkit-test');
    await backend.removeDirectory('smbkit-test');
    return false;
  } catch (error) {
    return ['EROFS', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '');
  }
}

async function namesIn(backend: Backend): Promise<readonly string[]> {
  try {
    for await (const batch of backend.list('')) return batch.map(({ name }) => name);
  } catch {
    // What is wrong with listing, its own behaviour tells.
  }
  return [];
}

async function behaviour(
  { behaviour: text, needs, run }: ContractCase,
  factory: BackendFactory,
  options: JudgeOptions,
): Promise<Finding> {
  const traits = traitsOf(options);
  const attempt = async (): Promise<Finding['outcome']> => {
    const backend = await factory();
    try {
      if (needs !== undefined && !(await needs(backend, traits))) return 'not offered';
      await run(backend, traits);
      return 'passed';
    } finally {
      await end(backend, options);
    }
  };
  try {
    return { kind: 'behaviour', outcome: await inTime(attempt(), options.clock), text };
  } catch (error) {
    return { kind: 'behaviour', outcome: 'failed', text, reason: reasonOf(error) };
  }
}

async function end(backend: Backend, { dispose }: JudgeOptions): Promise<void> {
  await backend.close();
  await dispose?.(backend);
}

function inTime<T>(work: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no answer for ${CASE_TIMEOUT_MS / 1000} seconds`));
    const timer = clock.setTimer(CASE_TIMEOUT_MS, late, true);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** What was expected and what came, in one line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!isComparison(error)) return `${error.message.split('\n')[0]}${placeOf(error)}`;
  const { expected, actual } = error;
  if (error.message.startsWith('Missing expected rejection'))
    return `should have failed with ${shown(expected)}, and did not`;
  if (!error.generatedMessage) return error.message;
  return `expected ${shown(expected)}, got ${shown(actual)}`;
}

interface Comparison extends Error {
  readonly generatedMessage: boolean;
  readonly expected: unknown;
  readonly actual: unknown;
}

const isComparison = (error: Error): error is Comparison =>
  'generatedMessage' in error && 'expected' in error && 'actual' in error;

/** The place in the author's own code, for errors that came from there. */
function placeOf({ stack = '' }: Error): string {
  const line = stack.split('\n').find((one) => /^\s+at /.test(one) && !/node:|\/testing\/backend-/.test(one));
  return line === undefined ? '' : ` (${line.trim()})`;
}

function shown(value: unknown): string {
  const code = codeOf(value);
  if (code !== undefined) return code;
  const text = value instanceof Error ? value.message : inspected(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function inspected(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
  return text ?? String(value);
}
