/** TREE_CONNECT: a share for a session. [MS-SMB2] 3.3.5.7 */
import { present } from '../../base/assert.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { type Share, wantsEncryption } from '../../session/tree-connect.ts';
import { Command } from '../../wire/smb2/header.ts';
import {
  ShareCapability,
  ShareFlags,
  ShareType,
  TreeConnectRequest,
  TreeConnectResponse,
} from '../../wire/smb2/tree-connect.ts';
import { command, type SessionContext } from '../command.ts';
import { insist } from '../ending.ts';

/** UTF-16 units of a share's name. [MS-SMB2] 2.2.9 */
const SHARE_NAME_CHARS_MAX = 80;

export const treeConnect = command({
  name: 'TREE_CONNECT',
  code: Command.TREE_CONNECT,
  needs: 'session',
  request: TreeConnectRequest,
  response: TreeConnectResponse,
  spec: '[MS-SMB2] 2.2.9, 2.2.10, 3.3.5.7',
  handle(context, request) {
    demandProtected(context);
    const share = findShare(context, request.path);
    const { session, server } = context;
    const { identity, crypto } = present(session.authenticated, 'authenticated session');
    const maximalAccess = share.maximalAccess(identity);
    const { remoteAddress: address } = context.connection.transport;
    const event = maximalAccess === 0 ? 'share-refused' : 'share-connected';
    server.audit(event, { user: identity.name, share: share.name, address });
    demand(maximalAccess !== 0, NtStatus.ACCESS_DENIED, 'no access to the share');
    const canEncrypt = crypto?.canSeal === true;
    const mode = server.settings.encryption.mode === 'off' ? 'off' : share.encryption;
    // [MS-SMB2] 3.3.5.7: a client that cannot encrypt has no business on a share that requires it.
    demand(mode !== 'required' || canEncrypt, NtStatus.ACCESS_DENIED, 'the share requires encryption');
    const encryptData = canEncrypt && wantsEncryption(mode);
    const tree = session.addTree(share, maximalAccess, encryptData);
    context.carryTree(tree);
    context.reply.treeId = tree.treeId;
    return {
      shareType: share.target.kind === 'pipe' ? ShareType.PIPE : ShareType.DISK,
      shareFlags:
        (encryptData ? ShareFlags.ENCRYPT_DATA : 0) |
        (share.hidesUnreadable === true ? ShareFlags.ACCESS_BASED_DIRECTORY_ENUM : 0),
      capabilities:
        share.isContinuouslyAvailable && session.dialect.isSmb3 ? ShareCapability.CONTINUOUS_AVAILABILITY : 0,
      maximalAccess,
    };
  },
});

/** [MS-SMB2] 3.3.5.7: on 3.1.1 this is the request whose protection proves that nobody meddled with NEGOTIATE. */
function demandProtected(context: SessionContext): void {
  const { session } = context;
  if (!session.dialect.hasNegotiateContexts || session.crypto === undefined) return;
  insist(context.isEncrypted || context.isSigned, 'TREE_CONNECT of 3.1.1 is neither signed nor encrypted');
}

/** The share of a path such as `\\server\share`. */
function findShare(context: SessionContext, path: string): Share {
  const [, name] = /^\\\\[^\\]*\\([^\\]*)$/.exec(path) ?? [];
  demand(name !== undefined && name.length > 0, NtStatus.BAD_NETWORK_NAME, 'malformed share path');
  demand(name.length <= SHARE_NAME_CHARS_MAX, NtStatus.BAD_NETWORK_NAME, 'share name too long');
  const share = context.server.shares.get(name.toLowerCase());
  demand(share !== undefined, NtStatus.BAD_NETWORK_NAME, 'no such share');
  return share;
}
