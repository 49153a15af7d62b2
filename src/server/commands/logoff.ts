/** LOGOFF ends the session with everything in it. [MS-SMB2] 3.3.5.6 */
import { Command } from '../../wire/smb2/header.ts';
import { LogoffRequest, LogoffResponse } from '../../wire/smb2/logoff.ts';
import { command } from '../command.ts';

export const logoff = command({
  name: 'LOGOFF',
  code: Command.LOGOFF,
  needs: 'session',
  request: LogoffRequest,
  response: LogoffResponse,
  validWhenExpired: true,
  spec: '[MS-SMB2] 2.2.7, 2.2.8, 3.3.5.6',
  async handle({ session }) {
    await session.end('logoff');
    return {};
  },
});
