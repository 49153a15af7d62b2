/**
 * The named pipes of a server: what opening a name in IPC$ gives.
 */
import type { Limits } from '../base/limits.ts';
import type { AccountDirectory } from './accounts.ts';
import type { RpcCaller, RpcEndpoint } from './endpoint.ts';
import { localSecurityAuthority } from './lsarpc.ts';
import { PipeConnection } from './pipe-connection.ts';
import type { ServerCatalog } from './server-catalog.ts';
import { serverService } from './srvsvc.ts';
import { workstationService } from './wkssvc.ts';

/** The named pipes of one server. */
export interface Pipes {
  /** Names, in lower case. */
  readonly names: readonly string[];
  /** A new connection to the pipe `name`, which is compared whole and without regard to case; undefined: no such pipe. */
  open(name: string, caller: RpcCaller): PipeConnection | undefined;
}

/** Pipes with the given interfaces behind them. */
export function pipesOf(endpoints: readonly RpcEndpoint[], limits: Pick<Limits, 'pipeBytes'>): Pipes {
  const byName = Map.groupBy(endpoints, ({ name }) => name);
  return {
    names: [...byName.keys()],
    open(name, caller) {
      const key = name.toLowerCase();
      const found = byName.get(key);
      return found && new PipeConnection({ name: key, endpoints: found, caller, limits });
    },
  };
}

/** The interfaces that every server offers. */
export function standardEndpoints(
  catalog: ServerCatalog,
  accounts: AccountDirectory,
): readonly RpcEndpoint[] {
  return [serverService(catalog), workstationService(catalog), localSecurityAuthority(accounts)];
}
