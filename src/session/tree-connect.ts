/**
 * A session's connection to a share. [MS-SMB2] 3.3.1.9
 */

import type { Identity } from '../auth/identity.ts';
import type { Session } from './session.ts';

/** Whether messages are encrypted. `available`: the client decides; `preferred`: asked of every session that can. */
export type EncryptionMode = 'off' | 'available' | 'preferred' | 'required';

/** Whether the server asks for encryption by itself. */
export function wantsEncryption(mode: EncryptionMode): boolean {
  return mode === 'preferred' || mode === 'required';
}

/** What stands behind a share: a volume of files or the named pipes. The session layer only carries it. */
export interface ShareTarget {
  readonly kind: 'disk' | 'pipe';
  close(): Promise<void> | void;
}

/** [MS-SMB2] 3.3.1.6, as far as the protocol state needs it. */
export interface Share {
  /** As the administrator wrote it; matched without regard to case. */
  readonly name: string;
  readonly comment: string;
  /** Not listed to clients (names that end in `$` usually). */
  readonly isHidden: boolean;
  readonly encryption: EncryptionMode;
  readonly isContinuouslyAvailable: boolean;
  /** Listings leave out what the client may not read; said to clients with ACCESS_BASED_DIRECTORY_ENUM. */
  readonly hidesUnreadable?: boolean;
  readonly target: ShareTarget;
  /** The ceiling of rights for `identity`, an AccessMask; 0 refuses the tree connect. */
  maximalAccess(identity: Identity): number;
}

export class TreeConnect {
  readonly treeId: number;
  readonly session: Session;
  readonly share: Share;
  readonly maximalAccess: number;
  /** Requests on this tree must be encrypted. [MS-SMB2] 3.3.5.2.11 */
  readonly encryptData: boolean;

  constructor(fields: {
    treeId: number;
    session: Session;
    share: Share;
    maximalAccess: number;
    encryptData: boolean;
  }) {
    this.treeId = fields.treeId;
    this.session = fields.session;
    this.share = fields.share;
    this.maximalAccess = fields.maximalAccess;
    this.encryptData = fields.encryptData;
  }
}
