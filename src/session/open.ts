/**
 * An open of a session: the protocol's handle to a file or pipe. [MS-SMB2] 3.3.1.10
 */
import type { TreeConnect } from './tree-connect.ts';

/** Why an open ends. `disconnect`: its last channel is gone, so a durable open may stay behind. */
export type CloseReason = 'close' | 'tree-disconnect' | 'logoff' | 'disconnect' | 'shutdown';

/** The file or pipe behind an open; commands narrow it with `instanceof`. */
export interface OpenTarget {
  /** Ends the open. Idempotent. Rejections are logged by the caller; nothing else depends on them. */
  close(reason: CloseReason): Promise<void> | void;
}

/** FileId. [MS-SMB2] 2.2.14.1 */
export interface FileIdValue {
  readonly persistent: number;
  readonly volatile: number;
}

export class Open {
  readonly fileId: FileIdValue;
  readonly tree: TreeConnect;
  readonly target: OpenTarget;
  /** [MS-SMB2] 3.3.1.10 Open.ChannelSequence, OutstandingRequestCount, OutstandingPreRequestCount */
  channelSequence = 0;
  outstandingRequestCount = 0;
  outstandingPreRequestCount = 0;
  isClosed = false;
  /** Nothing was done with it yet, so that its CREATE may be answered again. [MS-SMB2] 3.3.1.10 Open.IsReplayEligible */
  isReplayEligible = true;

  constructor(fileId: FileIdValue, tree: TreeConnect, target: OpenTarget) {
    this.fileId = fileId;
    this.tree = tree;
    this.target = target;
  }
}
