/**
 * Services that tell about the server: what [MS-SRVS] and [MS-WKST] have in common.
 */
import { type OperationTable, operation, type RpcCaller, type RpcEndpoint } from './endpoint.ts';
import { type Member, word } from './info-level.ts';
import { NdrReader } from './ndr.ts';
import type { ServerCatalog, ServerIdentity } from './server-catalog.ts';

/** One call of such a service, the reader at the start of its parameters. */
export interface CatalogCall {
  readonly reader: NdrReader;
  readonly catalog: ServerCatalog;
  readonly caller: RpcCaller;
}

export type CatalogOperations = OperationTable<(call: CatalogCall) => Buffer>;

/** The interface `about` whose operations answer from `catalog`. */
export function catalogService(
  about: Omit<RpcEndpoint, 'call'>,
  catalog: ServerCatalog,
  operations: CatalogOperations,
): RpcEndpoint {
  return {
    ...about,
    call: (opnum, stub, caller) =>
      operation(operations, opnum)({ reader: new NdrReader(stub), catalog, caller }),
  };
}

/** PLATFORM_ID_NT. [MS-SRVS] 2.2.2.6, [MS-WKST] 2.2.5.1 */
export const platform: Member<ServerIdentity> = word(() => 500);
