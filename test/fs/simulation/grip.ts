/**
 * What a client believes to hold under one lease or oplock, and what it keeps because of it.
 */
import type { Break, CoreOpen } from '../../../src/fs/types.ts';
import { AccessMask, LeaseState, OplockLevel } from '../../../src/wire/flags.ts';
import type { DiskFile } from './disk.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

export interface Grip {
  readonly name: string;
  readonly file: DiskFile;
  readonly opens: Set<CoreOpen>;
  state: number;
  cached: number | undefined;
  isDirty: boolean;
  /** Breaks that it has not looked at yet. */
  readonly inbox: Break[];
}

/** An open, with what its client believes about it. */
export interface SimulatedOpen {
  readonly open: CoreOpen;
  readonly grip: Grip | undefined;
  readonly file: DiskFile | undefined;
}

export function mayDelete({ open, file }: SimulatedOpen): boolean {
  return file !== undefined && (open.grantedAccess & AccessMask.DELETE) !== 0;
}

export function newGrip(name: string, file: DiskFile): Grip {
  return { name, file, opens: new Set(), state: 0, cached: undefined, isDirty: false, inbox: [] };
}

/** Forgets what was kept; what was not written back is gone for everyone. */
export function lose(grip: Grip): void {
  if (grip.isDirty) grip.file.last = grip.file.value;
  grip.isDirty = false;
  grip.cached = undefined;
}

const states = new Map<number, number>([
  [OplockLevel.LEVEL_II, R],
  [OplockLevel.EXCLUSIVE, R | W],
  [OplockLevel.BATCH, R | W | H],
]);

/** What an oplock of `level` lets its holder keep. */
export function stateOfLevel(level: number): number {
  return states.get(level) ?? 0;
}
