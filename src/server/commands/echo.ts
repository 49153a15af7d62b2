/** ECHO: is the server there? [MS-SMB2] 3.3.5.17 */

import { EchoRequest, EchoResponse } from '../../wire/smb2/echo.ts';
import { Command } from '../../wire/smb2/header.ts';
import { command } from '../command.ts';

export const echo = command({
  name: 'ECHO',
  code: Command.ECHO,
  needs: 'connection',
  request: EchoRequest,
  response: EchoResponse,
  validWhenExpired: true,
  spec: '[MS-SMB2] 2.2.28, 2.2.29, 3.3.5.17',
  handle: () => ({}),
});
