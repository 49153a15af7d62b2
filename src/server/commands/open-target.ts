/**
 * What stands behind the open of a request, narrowed for the commands that work on it. [MS-SMB2] 3.3.1.10
 */
import type { Identity } from '../../auth/identity.ts';
import { present } from '../../base/assert.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { Privilege } from '../../fs/access.ts';
import type { Open } from '../../session/open.ts';
import type { Session } from '../../session/session.ts';
import type { TreeConnect } from '../../session/tree-connect.ts';
import { OpenFile } from '../../vfs/open-file.ts';
import type { Requester } from '../../vfs/security.ts';
import { WellKnownSid } from '../../wire/dtyp/sid.ts';
import type { TreeContext } from '../command.ts';

/** The open file; `status` answers what makes no sense on a pipe. */
export function openFileOf(open: Open, status: NtStatus = NtStatus.NOT_SUPPORTED): OpenFile {
  const { target } = open;
  demand(target instanceof OpenFile, status, 'not a file');
  return target;
}

const administrator: readonly Privilege[] = ['security', 'takeOwnership', 'backup', 'restore'];
const tokens = new WeakMap<Identity, Requester['token']>();

/** Who a session is for the files: another one when its user was found in other groups. */
function tokenOf(session: Session): Requester['token'] {
  const { identity } = present(session.authenticated, 'authenticated session');
  const known = tokens.get(identity);
  if (known !== undefined) return known;
  const groups = new Set(identity.groups);
  const privileges = new Set(groups.has(WellKnownSid.BUILTIN_ADMINISTRATORS) ? administrator : []);
  const token = { user: identity.sid, groups, privileges };
  tokens.set(identity, token);
  return token;
}

/** The same for the requests on a tree: every channel of a session is of one client. [MS-SMB2] 3.3.5.5.2 */
const requesters = new WeakMap<TreeConnect, Requester>();

/** On whose behalf a request on a share works. */
export function requesterOf(context: TreeContext): Requester {
  const known = requesters.get(context.tree);
  if (known !== undefined && known.token === tokenOf(context.session)) return known;
  const requester = newRequester(context);
  requesters.set(context.tree, requester);
  return requester;
}

function newRequester({ session, tree, connection }: TreeContext): Requester {
  const token = tokenOf(session);
  return {
    token,
    owner: {
      clientGuid: connection.negotiated?.clientGuid ?? session.clientGuid,
      session: session.sessionId,
      user: token.user,
      share: tree.share.name.toUpperCase(),
    },
    group: WellKnownSid.BUILTIN_USERS,
    maximalAccess: tree.maximalAccess,
  };
}
