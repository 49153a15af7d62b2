/**
 * What is known about smbtorture's leaves: which judge, what they need, how long they may take, and what Samba 4.17
 * makes of them.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { leafSettings } from './leaf-table.ts';

/** What a leaf came to. */
export type Result = 'pass' | 'fail' | 'skip' | 'timeout';
/** Every result, in the order of the columns. */
export const results: readonly Result[] = ['pass', 'fail', 'skip', 'timeout'];

/** How a leaf is run. */
export interface LeafPlan {
  readonly name: string;
  /** Share it works on. */
  readonly share: string;
  /** Further shares that it opens by their names. */
  readonly otherShares: readonly string[];
  /** Options for smbtorture, as `name=value`. */
  readonly options: readonly string[];
  /** Options against smbkit alone. */
  readonly ownOptions: readonly string[];
  readonly limitSeconds: number;
  /** Port that the leaf has built in. */
  readonly port: number | undefined;
  /** See {@link LeafSetting}. */
  readonly needsControlCodes: boolean;
  readonly isPrepared: boolean;
  /** Needs both cores to itself: it times the server. */
  readonly isAlone: boolean;
}

interface Facts {
  readonly notJudging: Readonly<Record<string, string>>;
  readonly shareNames: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly slowSeconds: Readonly<Record<string, number>>;
  readonly results: Readonly<Record<string, readonly [result: string, reason?: string]>>;
}

/** The folder of these files. */
export const conformanceFolder: string = dirname(import.meta.filename);
const facts: Facts = JSON.parse(readFileSync(join(conformanceFolder, 'samba-4.17.json'), 'utf8'));
const limitSecondsDefault = 60;

/** Whether `pattern`, with `*` for anything, is the leaf's name or that of a suite around it. */
export function matches(pattern: string, leaf: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}(?:\\.|$)`).test(leaf);
}

/** `smb2.lock` of `smb2.lock.rw-shared.rw-shared`. */
export function suiteOf(leaf: string): string {
  return leaf.split('.').slice(0, 2).join('.');
}

/** Every leaf of smb2.*, as smbtorture lists them. */
export function allLeaves(): string[] {
  const listed = execFileSync('smbtorture', ['--list', '--configfile=/dev/null'], { encoding: 'utf8' });
  return listed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('smb2.'))
    .sort();
}

/** Why a leaf says nothing about a server; undefined when it judges. */
export function reasonNotToRun(leaf: string): string | undefined {
  if (leafSettings.some(({ pattern, judges }) => judges === true && matches(pattern, leaf))) return undefined;
  return Object.entries(facts.notJudging).find(([pattern]) => matches(pattern, leaf))?.[1];
}

/** How to run a leaf. */
export function planOf(leaf: string): LeafPlan {
  const rows = leafSettings.filter(({ pattern }) => matches(pattern, leaf));
  const share =
    rows.find((row) => row.share !== undefined)?.share ?? longest(facts.shareNames, leaf) ?? 'torture';
  return {
    name: leaf,
    share,
    otherShares: rows.flatMap((row) => row.otherShares ?? []),
    options: [...(longest(facts.options, leaf) ?? []), ...rows.flatMap((row) => row.options ?? [])],
    ownOptions: rows.flatMap((row) => row.ownOptions ?? []),
    limitSeconds:
      rows.findLast((row) => row.limitSeconds !== undefined)?.limitSeconds ??
      longest(facts.slowSeconds, leaf) ??
      limitSecondsDefault,
    port: rows.find((row) => row.port !== undefined)?.port,
    needsControlCodes: rows.some((row) => row.needsControlCodes === true),
    isPrepared: rows.some((row) => row.isPrepared === true),
    isAlone: rows.some((row) => row.isAlone === true),
  };
}

/** The value whose pattern says most about `leaf`. */
function longest<T>(table: Readonly<Record<string, T>>, leaf: string): T | undefined {
  return Object.entries(table)
    .filter(([pattern]) => matches(pattern, leaf))
    .sort(([a], [b]) => b.length - a.length)[0]?.[1];
}

/** Samba 4.17's result; undefined for leaves that were not run against it. */
export function sambaResult(leaf: string): { readonly result: Result; readonly reason: string } | undefined {
  const [word, reason = ''] = facts.results[leaf] ?? [];
  if (word === undefined) return undefined;
  return { result: results.find((result) => result === word) ?? 'fail', reason };
}
