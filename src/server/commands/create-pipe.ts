/**
 * CREATE on IPC$: opens a named pipe. [MS-SMB2] 3.3.5.9
 */
import { present } from '../../base/assert.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { RpcCaller } from '../../rpc/endpoint.ts';
import type { Session } from '../../session/session.ts';
import { PipeShare } from '../../vfs/pipe.ts';
import { WellKnownSid } from '../../wire/dtyp/sid.ts';
import { CreateAction, FileAttribute, OplockLevel } from '../../wire/flags.ts';
import type { CreateRequest, CreateResponse } from '../../wire/smb2/create.ts';
import type { CreateContext } from '../command.ts';

/** What Windows tells of a pipe: one page of buffer. */
const allocationSize = 4096n;

export function createPipe(context: CreateContext, request: CreateRequest): CreateResponse {
  const { session, tree } = context;
  const { target } = tree.share;
  demand(target instanceof PipeShare, NtStatus.OBJECT_NAME_NOT_FOUND);
  const open = session.addOpen(tree, target.open(request.name, callerOf(session)));
  context.carryOpen(open);
  return {
    oplockLevel: OplockLevel.NONE,
    flags: 0,
    createAction: CreateAction.OPENED,
    creationTime: 0n,
    lastAccessTime: 0n,
    lastWriteTime: 0n,
    changeTime: 0n,
    allocationSize,
    endOfFile: 0n,
    fileAttributes: FileAttribute.NORMAL,
    fileId: open.fileId,
    createContexts: [],
  };
}

function callerOf(session: Session): RpcCaller {
  const { identity } = present(session.authenticated, 'authenticated session');
  return {
    userName: identity.name,
    domainName: identity.domain,
    sid: identity.sid,
    isAnonymous: identity.kind === 'anonymous',
    isAdministrator: identity.groups.includes(WellKnownSid.BUILTIN_ADMINISTRATORS),
  };
}
