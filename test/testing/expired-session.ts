/**
 * What a session whose time is over may still do.
 */
import { Command } from '../../src/wire/smb2/header.ts';

/** [MS-SMB2] 3.3.5.2.9, and what takes nothing from anybody: ECHO and TREE_DISCONNECT. */
export const spared: readonly Command[] = [
  Command.ECHO,
  Command.LOCK,
  Command.CLOSE,
  Command.TREE_DISCONNECT,
  Command.LOGOFF,
];
