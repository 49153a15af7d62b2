/**
 * The table of commands. [MS-SMB2] 2.2.1. CANCEL is not in it: it gets no answer (see ../cancel.ts).
 */
import type { Command } from '../command.ts';
import { echo } from './echo.ts';
import { logoff } from './logoff.ts';
import { negotiate } from './negotiate.ts';
import { sessionSetup } from './session-setup.ts';
import { treeConnect } from './tree-connect.ts';
import { treeDisconnect } from './tree-disconnect.ts';

const rows = [negotiate, sessionSetup, logoff, treeConnect, treeDisconnect, echo];

export const commands: ReadonlyMap<number, Command> = new Map(rows.map((row) => [row.code, row]));
