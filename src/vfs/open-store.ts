/**
 * Where persistent opens are kept, so that they outlive this process. [MS-SMB2] 3.3.1.10 Open.IsPersistent
 */
import type { OpenRecord, RecordChange } from '../fs/snapshot.ts';

export interface OpenStore {
  /** What was kept when the store was opened. */
  readonly records: readonly OpenRecord[];
  /** Keeps or forgets one open. On return it survives the end of this process. */
  write(change: RecordChange): void;
  /** Resolves when everything written so far survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
