/** TREE_DISCONNECT closes a share and every open on it. [MS-SMB2] 3.3.5.8 */
import { Command } from '../../wire/smb2/header.ts';
import { TreeDisconnectRequest, TreeDisconnectResponse } from '../../wire/smb2/tree-disconnect.ts';
import { command } from '../command.ts';

export const treeDisconnect = command({
  name: 'TREE_DISCONNECT',
  code: Command.TREE_DISCONNECT,
  needs: 'tree',
  request: TreeDisconnectRequest,
  response: TreeDisconnectResponse,
  validWhenExpired: true,
  spec: '[MS-SMB2] 2.2.11, 2.2.12, 3.3.5.8',
  async handle({ session, tree }) {
    await session.disconnectTree(tree, 'tree-disconnect');
    return {};
  },
});
