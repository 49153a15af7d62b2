/**
 * The checked-in list of what each leaf comes to: a surprise, good or bad, is a failure of the run.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformanceFolder, type Result, results } from './facts.ts';

/** One leaf's entry. `seconds` is there for leaves that take long. */
export interface Expectation {
  readonly result: Result;
  /** Why it does not pass. */
  readonly reason: string;
  readonly seconds: number;
}

export type Expectations = ReadonlyMap<string, Expectation>;

/** The reason of leaves that nobody has looked into. */
export const notYet = 'not yet';
const longSeconds = 5;

/** The file for one kind of share: of memory the whole list, of others what differs from it. */
export function expectedPath(shareKind: string): string {
  return join(conformanceFolder, shareKind === 'memory' ? 'expected.json' : `expected-${shareKind}.json`);
}

/** What is expected on one kind of share. */
export function readExpected(shareKind: string): Expectations {
  const whole = readList(expectedPath('memory'));
  return shareKind === 'memory' ? whole : new Map([...whole, ...readList(expectedPath(shareKind))]);
}

/** Reads a list; a file that is not there is an empty one. */
function readList(path: string): Expectations {
  if (!existsSync(path)) return new Map();
  const file: Record<string, string | Partial<Expectation>> = JSON.parse(readFileSync(path, 'utf8'));
  return new Map(
    Object.entries(file).map(([leaf, entry]) => {
      const { result, reason = '', seconds = 0 } = typeof entry === 'string' ? { result: entry } : entry;
      const known = results.find((candidate) => candidate === result);
      if (known === undefined) throw new Error(`${path}: ${leaf}: '${String(result)}' is no result`);
      if (known !== 'pass' && reason === '') throw new Error(`${path}: ${leaf}: ${known} without a reason`);
      return [leaf, { result: known, reason, seconds }];
    }),
  );
}

/** Writes a list, sorted, in the form that the formatter leaves alone. How long leaves take is no difference. */
export function writeExpected(shareKind: string, expected: Expectations): void {
  const whole = shareKind === 'memory' ? new Map() : readList(expectedPath('memory'));
  const isOwn = ([leaf, entry]: [string, Expectation]): boolean => {
    const other: Expectation | undefined = whole.get(leaf);
    return other?.result !== entry.result || other.reason !== entry.reason;
  };
  const path = expectedPath(shareKind);
  const entries = [...expected]
    .filter(isOwn)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([leaf, { result, reason, seconds }]): [string, unknown] => {
      if (reason === '' && seconds === 0) return [leaf, result];
      return [leaf, { result, ...(reason === '' ? {} : { reason }), ...(seconds === 0 ? {} : { seconds }) }];
    });
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

/** The entry after a run: reasons stay as long as the result does, and durations unless they changed much. */
export function updated(
  old: Expectation | undefined,
  run: { result: Result; seconds: number; message: string },
): Expectation {
  const { result } = run;
  const sameReason = old?.result === result ? old.reason : undefined;
  const reason = result === 'pass' ? '' : (sameReason ?? (result === 'skip' ? run.message : notYet));
  const seconds = run.seconds < longSeconds ? 0 : Math.round(run.seconds);
  const isNear = old !== undefined && old.seconds > 0 && Math.abs(old.seconds - seconds) < old.seconds / 2;
  return {
    result,
    reason: reason === '' && result !== 'pass' ? notYet : reason,
    seconds: isNear ? old.seconds : seconds,
  };
}
