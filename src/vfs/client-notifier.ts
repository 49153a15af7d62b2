/**
 * What a file system tells clients of its own accord; the server carries it to them.
 */
import type { Guid } from '../fs/types.ts';
import type { OpenFile } from './open-file.ts';

/** A lease break. [MS-SMB2] 2.2.23.2 */
export interface LeaseBreakNotice {
  readonly clientGuid: Guid;
  readonly key: Guid;
  readonly version: 1 | 2;
  readonly from: number;
  readonly to: number;
  /** NewEpoch of a version 2 lease, else 0. */
  readonly epoch: number;
  readonly isAckRequired: boolean;
  /** The lease's opens that are connected, newest first; never empty. The break goes to a channel of their sessions. */
  readonly opens: readonly OpenFile[];
}

export interface ClientNotifier {
  /** Sends an oplock break to the session of `open`. [MS-SMB2] 2.2.23.1 */
  breakOplock(open: OpenFile, toLevel: number): void;
  breakLease(notice: LeaseBreakNotice): void;
  /** `open` was closed by the file system itself; its FileId is to be forgotten. */
  expired(open: OpenFile): void;
}
