/**
 * What an interface behind a named pipe is.
 */
import type { Guid } from '../wire/dtyp/guid.ts';
import type { Sid } from '../wire/dtyp/sid.ts';

/** Who calls. */
export interface RpcCaller {
  /** Empty for the anonymous user. */
  readonly userName: string;
  /** Domain or machine of the account. */
  readonly domainName: string;
  readonly sid: Sid;
  readonly isAnonymous: boolean;
  readonly isAdministrator: boolean;
}

/** One interface. It keeps no state of a connection and answers at once. */
export interface RpcEndpoint {
  /** The pipe's name in lower case, e.g. `srvsvc`. */
  readonly name: string;
  readonly uuid: Guid;
  readonly versionMajor: number;
  readonly versionMinor: number;
  /**
   * Answers one call. Throws {@link RpcFault} where the caller gets a fault, WireError when the stub is not a valid one; what
   * the interface itself calls an error is a return value inside the stub.
   */
  call(opnum: number, stub: Buffer, caller: RpcCaller): Buffer;
}

/** Status of a fault. [C706] appendix N, [MS-RPCE] 2.2.2.12 */
export const FaultStatus = Object.freeze({
  ACCESS_DENIED: 0x0000_0005,
  BAD_STUB_DATA: 0x0000_06f7,
  OPERATION_RANGE: 0x1c01_0002,
  UNKNOWN_INTERFACE: 0x1c01_0003,
  PROTOCOL_ERROR: 0x1c01_000b,
  INVALID_TAG: 0x1c00_0006,
  CONTEXT_MISMATCH: 0x1c00_001a,
  NO_MEMORY: 0x1c00_001b,
});
export type FaultStatus = (typeof FaultStatus)[keyof typeof FaultStatus];

/** The caller gets a fault PDU with this status. */
export class RpcFault extends Error {
  override readonly name = 'RpcFault';
  readonly status: FaultStatus;

  constructor(status: FaultStatus) {
    super(`RPC fault 0x${status.toString(16).padStart(8, '0')}`);
    this.status = status;
  }
}

/** Operations of an interface by their number; the writer's stub is the answer. */
export type OperationTable<S> = ReadonlyMap<number, S>;

/** The row of `opnum`; a number the interface does not have, or that is not offered, is a fault. */
export function operation<S>(table: OperationTable<S>, opnum: number): S {
  const found = table.get(opnum);
  if (found === undefined) throw new RpcFault(FaultStatus.OPERATION_RANGE);
  return found;
}
