/**
 * Carries what a volume has to tell its clients: breaks, and opens that it closed by itself. [MS-SMB2] 3.3.4.6, 3.3.4.7
 */
import type { ServerState } from '../session/server-state.ts';
import type { Session } from '../session/session.ts';
import type { ClientNotifier, LeaseBreakNotice } from '../vfs/client-notifier.ts';
import { OpenFile } from '../vfs/open-file.ts';
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
    // As Windows does: on the newest channel, and nowhere else if that one is lost.
    const value = { oplockLevel: toLevel, fileId: open.fileId };
    notifyClient(open.tree, { codec: OplockBreak, value, to: 'newest-channel' });
  }

  breakLease(notice: LeaseBreakNotice): void {
    const value = {
      newEpoch: notice.epoch,
      flags: notice.isAckRequired ? LeaseBreakFlags.ACK_REQUIRED : 0,
      leaseKey: notice.key,
      currentLeaseState: notice.from,
      newLeaseState: notice.to,
    };
    // On the client's oldest connection: when it is lost, the next one takes its place. See repeatBreaks.
    const message = { codec: LeaseBreakNotification, value, to: 'oldest-connection' } as const;
    for (const target of notice.opens) {
      const open = this.#server().opensByTarget.get(target);
      if (open !== undefined && notifyClient(open.tree, message)) return;
    }
  }

  expired(target: OpenFile): void {
    const open = this.#server().opensByTarget.get(target);
    if (open !== undefined) void open.tree.session.closeOpen(open, 'close');
  }
}

/**
 * `session` has lost the connection that carries its lease breaks: those that the client has not acknowledged are sent again. [MS-SMB2] 3.3.4.7
 */
export function repeatBreaks(session: Session): void {
  const files = [...session.opens].flatMap(({ target }) => (target instanceof OpenFile ? [target] : []));
  // One core serves all volumes.
  files[0]?.volume.driver.call((core) => core.repeatBreaks(files.map((file) => file.core)));
}
