/**
 * Carries what a volume has to tell its clients: breaks, and opens that it closed by itself. [MS-SMB2] 3.3.4.6, 3.3.4.7
 */
import type { ServerState } from '../session/server-state.ts';
import type { ClientNotifier, LeaseBreakNotice } from '../vfs/client-notifier.ts';
import type { OpenFile } from '../vfs/open-file.ts';
import { LeaseBreakFlags, LeaseBreakNotification, OplockBreak } from '../wire/smb2/oplock-break.ts';
import { notifyClient } from './notify-client.ts';

export class VolumeNotifier implements ClientNotifier {
  readonly #server: () => ServerState;

  /** `server` is asked when there is something to tell; a volume may be made before its server. */
  constructor(server: () => ServerState) {
    this.#server = server;
  }

  breakOplock(target: OpenFile, toLevel: number): void {
    const open = this.#server().opensByTarget.get(target);
    if (open === undefined) return;
    notifyClient(open.tree, OplockBreak, { oplockLevel: toLevel, fileId: open.fileId });
  }

  breakLease(notice: LeaseBreakNotice): void {
    const value = {
      newEpoch: notice.epoch,
      flags: notice.isAckRequired ? LeaseBreakFlags.ACK_REQUIRED : 0,
      leaseKey: notice.key,
      currentLeaseState: notice.from,
      newLeaseState: notice.to,
    };
    for (const target of notice.opens) {
      const open = this.#server().opensByTarget.get(target);
      if (open !== undefined && notifyClient(open.tree, LeaseBreakNotification, value)) return;
    }
  }

  expired(target: OpenFile): void {
    const open = this.#server().opensByTarget.get(target);
    if (open !== undefined) void open.tree.session.closeOpen(open, 'close');
  }
}
