/**
 * The account of the command line: its password may have to be made, and kept in the state folder.
 */
import { randomUUID } from 'node:crypto';
import { systemEntropy } from '../base/entropy.ts';
import type { LocalAccount } from '../control/accounts.ts';
import { generatePassword, ntHashOf } from '../control/password.ts';
import { readState, writeState } from '../control/state-folder.ts';
import type { CommandAccount, ServeRequest } from './serve-request.ts';

export interface MadeAccount {
  readonly account: LocalAccount | undefined;
  /** Its password, when it was generated in this run. */
  readonly password: string | undefined;
  /** Where its password of an earlier run is kept, when that one holds. */
  readonly keptIn: string | undefined;
  readonly serverGuid: string | undefined;
}

/** The account ready for use; nothing is written without a state folder. */
export async function madeAccount({ account, read }: ServeRequest): Promise<MadeAccount> {
  const stateFolder = read.configuration.server.stateDir;
  if (stateFolder === undefined)
    return { ...withPassword(account, undefined), keptIn: undefined, serverGuid: undefined };
  const state = await readState(stateFolder);
  const serverGuid = state.serverGuid ?? randomUUID();
  const kept = account?.ntHash === undefined && state.user === account?.name ? state.password : undefined;
  const made = withPassword(account, kept);
  const fresh = made.password === undefined ? {} : { user: made.account?.name, password: made.password };
  if (state.serverGuid === undefined || made.password !== undefined) {
    await writeState(stateFolder, { ...state, serverGuid, ...fresh });
  }
  return { ...made, keptIn: kept === undefined ? undefined : stateFolder, serverGuid };
}

function withPassword(
  account: CommandAccount | undefined,
  kept: string | undefined,
): Pick<MadeAccount, 'account' | 'password'> {
  if (account === undefined) return { account, password: undefined };
  const password =
    account.ntHash === undefined && kept === undefined ? generatePassword(systemEntropy) : undefined;
  const ntHash = account.ntHash ?? ntHashOf(password ?? kept ?? '');
  return { account: { name: account.name, ntHash, groups: [], isDisabled: false }, password };
}

/** The server overwrites the hashes it was given when accounts change; the command's own is needed again then. */
export function copyOf(account: LocalAccount | undefined): readonly LocalAccount[] {
  return account === undefined ? [] : [{ ...account, ntHash: Buffer.from(account.ntHash) }];
}
