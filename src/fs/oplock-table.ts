/**
 * Which operation takes which caching rights from others: [MS-FSA] 2.1.4.12 as one table.
 */
import { LeaseState } from '../wire/flags.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

/** One row: what is broken, and what the operation must not go on without. */
export interface BreakRow {
  /** Rights that others lose. */
  readonly breaks: number;
  /** Of these, the rights whose acknowledgement is waited for. */
  readonly waitsFor: number;
  /** True when LEVEL_II oplocks break even for their own open: they have no key. */
  readonly breaksOwnLevel2: boolean;
}

/** Operation × right. */
export const BreakTable = Object.freeze({
  /** Open for anything but attributes. */
  open: { breaks: W, waitsFor: W, breaksOwnLevel2: false },
  /** Open that replaces the content. */
  overwrite: { breaks: R | W, waitsFor: W, breaksOwnLevel2: false },
  /** Open that meets a sharing violation or deletes on close; deletion, rename, and the target of either. */
  handle: { breaks: H, waitsFor: H, breaksOwnLevel2: false },
  read: { breaks: W, waitsFor: W, breaksOwnLevel2: false },
  flush: { breaks: W, waitsFor: W, breaksOwnLevel2: false },
  write: { breaks: R | W, waitsFor: W, breaksOwnLevel2: true },
  /** End of file, allocation, valid data length, zero data. */
  truncate: { breaks: R | W, waitsFor: W, breaksOwnLevel2: true },
  lock: { breaks: R | W, waitsFor: W, breaksOwnLevel2: true },
  /** A change among the entries of a directory, for the directory's leases. Nobody waits. */
  entry: { breaks: R | H, waitsFor: 0, breaksOwnLevel2: false },
} satisfies Record<string, BreakRow>);
export type BreakingOperation = keyof typeof BreakTable;

/** The combinations that may be held. [MS-SMB2] 2.2.13.2.8 */
const leaseStates: ReadonlySet<number> = new Set([0, R, R | H, R | W, R | W | H]);

/** `state` when it may be held, else none: a request for H, W or HW is granted nothing. */
export function validLeaseState(state: number, isDirectory: boolean): number {
  // [MS-SMB2] 3.3.5.9.11: directories have no write caching.
  const wanted = isDirectory ? state & ~W : state;
  return leaseStates.has(wanted) ? wanted : 0;
}

/** What remains of `state` without `lost`. H or W alone cannot be held; an oplock below EXCLUSIVE is LEVEL_II. */
export function remainder(kind: 'oplock' | 'lease', state: number, lost: number): number {
  const left = state & ~lost;
  if (!(left & R)) return 0;
  return kind === 'oplock' && left !== state ? R : left;
}

/** True when a holder of `state` must acknowledge losing it: it may have data or handles to give back. */
export function needsAcknowledgement(state: number): boolean {
  return (state & (W | H)) !== 0;
}
