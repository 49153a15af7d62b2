/**
 * OPLOCK_BREAK: the client acknowledges. [MS-SMB2] 3.3.5.22
 */
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { OpenFile } from '../../vfs/open-file.ts';
import { Volume } from '../../vfs/volume.ts';
import { Command } from '../../wire/smb2/header.ts';
import {
  type LeaseBreakAcknowledgment,
  type OplockBreak,
  OplockBreakRequest,
  OplockBreakResponse,
} from '../../wire/smb2/oplock-break.ts';
import { command, type TreeContext } from '../command.ts';

export const oplockBreak = command({
  name: 'OPLOCK_BREAK',
  code: Command.OPLOCK_BREAK,
  needs: 'tree',
  request: OplockBreakRequest,
  response: OplockBreakResponse,
  spec: '[MS-SMB2] 2.2.24, 2.2.25, 3.3.5.22',
  handle(context, request) {
    return 'leaseKey' in request ? acknowledgeLease(context, request) : acknowledgeOplock(context, request);
  },
});

/** [MS-SMB2] 3.3.5.22.1 */
function acknowledgeOplock(
  { session, tree }: TreeContext,
  { fileId, oplockLevel }: OplockBreak,
): OplockBreak {
  const open = session.findOpen(fileId);
  demand(open !== undefined && open.tree === tree, NtStatus.FILE_CLOSED);
  const { target } = open;
  demand(target instanceof OpenFile, NtStatus.INVALID_PARAMETER);
  const { driver } = target.volume;
  const outcome = driver.call((core, nowMs) => core.acknowledgeOplock(target.core, oplockLevel, nowMs));
  if (outcome.kind === 'denied') throw new NtStatusError(outcome.status, 'oplock acknowledgment');
  return { fileId, oplockLevel: outcome.level };
}

/** [MS-SMB2] 3.3.5.22.2 */
function acknowledgeLease(
  { connection, tree }: TreeContext,
  { leaseKey, leaseState }: LeaseBreakAcknowledgment,
): LeaseBreakAcknowledgment {
  const { target } = tree.share;
  demand(target instanceof Volume, NtStatus.OBJECT_NAME_NOT_FOUND);
  const clientGuid = connection.negotiated?.clientGuid ?? '';
  const outcome = target.driver.call((core, nowMs) =>
    core.acknowledgeLease({ clientGuid, key: leaseKey, state: leaseState }, nowMs),
  );
  if (outcome.kind === 'denied') throw new NtStatusError(outcome.status, 'lease acknowledgment');
  return { leaseKey, leaseState: outcome.state };
}
