/**
 * One open of a named pipe with RPC interfaces behind it: bytes in, messages out, no waiting and no sockets.
 * [C706] 12.6, [MS-RPCE] 3.3, [MS-SMB2] 3.3.5.12, 3.3.5.13
 */
import type { Limits } from '../base/limits.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { WireError } from '../wire/codec.ts';
import { nilGuid } from '../wire/dtyp/guid.ts';
import { FaultStatus, type RpcCaller, type RpcEndpoint, RpcFault } from './endpoint.ts';
import { type Fragment, FragmentAssembler } from './fragments.ts';
import {
  BindAckBody,
  BindBody,
  BindNakBody,
  BindRejectReason,
  bindTimeFeaturePrefix,
  ContextResult,
  FaultBody,
  PduFlag,
  PduType,
  type PresentationContext,
  type PresentationResult,
  pdu,
  pduHeaderBytes,
  RejectionReason,
  RequestBody,
  ResponseBody,
  TransferSyntax,
} from './pdu.ts';

/** What a read returns. */
export interface PipeData {
  readonly data: Buffer;
  /** More of the same message waits: the answer's status is BUFFER_OVERFLOW. */
  readonly isPartial: boolean;
}

/** What the pipe holds unread. [MS-FSCC] 2.3.46 */
export interface PipeBacklog {
  readonly bytes: number;
  readonly messageCount: number;
  readonly firstMessageBytes: number;
}

export interface PipeOptions {
  /** The name under which the pipe was opened, for the bind's answer. */
  readonly name: string;
  /** Interfaces that can be bound here. */
  readonly endpoints: readonly RpcEndpoint[];
  readonly caller: RpcCaller;
  readonly limits: Pick<Limits, 'pipeBytes'>;
}

/** The largest fragment sent or announced: what Windows uses on pipes. */
const fragBytesMax = 4280;
/** The smallest that every implementation accepts. [C706] 12.6.2 */
const fragBytesMin = 1432;
/** Presentation contexts of one connection. */
const contextCountMax = 64;
/** All connections are in one association group; it has no context handles to share. */
const associationGroup = 0x0000_5342;
const objectUuidBytes = 16;
const responseHeaderBytes = 8;

interface PartialRequest {
  readonly callId: number;
  readonly contextId: number;
  readonly opnum: number;
  readonly parts: Buffer[];
  sizeBytes: number;
}

const noTransferSyntax = { uuid: nilGuid, versionMajor: 0, versionMinor: 0 };

export class PipeConnection {
  readonly #options: PipeOptions;
  readonly #assembler = new FragmentAssembler();
  readonly #contexts = new Map<number, RpcEndpoint>();
  readonly #output: Buffer[] = [];
  #outputBytes = 0;
  #fragBytes = fragBytesMin;
  #isBound = false;
  #isBroken = false;
  #request: PartialRequest | undefined;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  /**
   * Takes what the client writes and answers every call that it completes; returns the bytes taken, always all. Throws
   * NtStatusError: PIPE_DISCONNECTED once the client broke the protocol, INSUFFICIENT_RESOURCES while it reads no answers.
   */
  write(bytes: Buffer): number {
    demand(!this.#isBroken, NtStatus.PIPE_DISCONNECTED);
    demand(this.#outputBytes <= this.#options.limits.pipeBytes, NtStatus.INSUFFICIENT_RESOURCES);
    try {
      for (const fragment of this.#assembler.push(bytes)) this.#receive(fragment);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#isBroken = true;
      throw new NtStatusError(NtStatus.PIPE_DISCONNECTED, error.message);
    }
    return bytes.length;
  }

  /**
   * The next message, or as much of it as `maxBytes` allows; undefined when there is none, and the reader waits or is told
   * PIPE_EMPTY. Throws NtStatusError PIPE_DISCONNECTED when none will come.
   */
  read(maxBytes: number): PipeData | undefined {
    const message = this.#output[0];
    if (message === undefined) {
      demand(!this.#isBroken, NtStatus.PIPE_DISCONNECTED);
      return undefined;
    }
    const data = message.subarray(0, maxBytes);
    const left = message.subarray(data.length);
    this.#outputBytes -= data.length;
    if (left.length > 0) this.#output[0] = left;
    else this.#output.shift();
    return { data, isPartial: left.length > 0 };
  }

  /**
   * Writes a message and reads the answer in one step. Throws NtStatusError PIPE_BUSY when an earlier answer was not read.
   * [MS-FSCC] 2.3.47
   */
  transact(bytes: Buffer, maxBytes: number): PipeData | undefined {
    demand(this.#output.length === 0, NtStatus.PIPE_BUSY);
    this.write(bytes);
    return this.read(maxBytes);
  }

  /** What waits to be read. */
  backlog(): PipeBacklog {
    return {
      bytes: this.#outputBytes,
      messageCount: this.#output.length,
      firstMessageBytes: this.#output[0]?.length ?? 0,
    };
  }

  /** The start of the next message without taking it. */
  peek(maxBytes: number): Buffer {
    return (this.#output[0] ?? Buffer.alloc(0)).subarray(0, maxBytes);
  }

  #receive(fragment: Fragment): void {
    switch (fragment.header.packetType) {
      case PduType.BIND:
        this.#bind(fragment);
        return;
      case PduType.ALTER_CONTEXT:
        this.#alterContext(fragment);
        return;
      case PduType.REQUEST:
        this.#requestFragment(fragment);
        return;
      case PduType.CO_CANCEL:
      case PduType.ORPHANED:
        // Every call is answered as soon as it is complete; only an incomplete one can be given up.
        if (this.#request?.callId === fragment.header.callId) this.#request = undefined;
        return;
      default:
        throw new WireError(`RPC: PDU of type ${fragment.header.packetType} from a client`);
    }
  }

  #bind({ header, body }: Fragment): void {
    if (this.#isBound) throw new WireError('RPC: second bind');
    // The SMB session authenticates the caller; security at this level is not offered.
    if (header.authLength !== 0) {
      const versions = [{ major: 5, minor: 0 }];
      const rejectReason = BindRejectReason.AUTHENTICATION_TYPE_NOT_RECOGNIZED;
      this.#send(PduType.BIND_NAK, header.callId, BindNakBody.encode({ rejectReason, versions }));
      return;
    }
    const bind = BindBody.decode(body);
    this.#isBound = true;
    this.#fragBytes = Math.min(Math.max(bind.maxRecvFrag, fragBytesMin), fragBytesMax);
    this.#acknowledge(PduType.BIND_ACK, header.callId, bind, `\\PIPE\\${this.#options.name}\0`);
  }

  #alterContext({ header, body }: Fragment): void {
    if (!this.#isBound || header.authLength !== 0) throw new WireError('RPC: alter_context');
    this.#acknowledge(PduType.ALTER_CONTEXT_RESPONSE, header.callId, BindBody.decode(body), '');
  }

  #acknowledge(packetType: number, callId: number, bind: BindBody, secondaryAddress: string): void {
    const body = BindAckBody.encode({
      maxXmitFrag: this.#fragBytes,
      maxRecvFrag: fragBytesMax,
      assocGroupId: bind.assocGroupId || associationGroup,
      secondaryAddress,
      resultList: { results: bind.contexts.map((context) => this.#offer(context)) },
    });
    this.#send(packetType, callId, body);
  }

  /** Accepts a presentation context or says why not. [MS-RPCE] 3.3.1.5.3 */
  #offer({ contextId, abstractSyntax, transferSyntaxes }: PresentationContext): PresentationResult {
    if (transferSyntaxes.some(({ uuid }) => uuid.startsWith(bindTimeFeaturePrefix))) {
      // The reason field carries the features that both sides have: none.
      return { result: ContextResult.NEGOTIATE_ACK, reason: 0, transferSyntax: noTransferSyntax };
    }
    const endpoint = this.#options.endpoints.find(
      ({ uuid, versionMajor, versionMinor }) =>
        uuid === abstractSyntax.uuid &&
        versionMajor === abstractSyntax.versionMajor &&
        versionMinor >= abstractSyntax.versionMinor,
    );
    if (endpoint === undefined) return rejection(RejectionReason.ABSTRACT_SYNTAX_NOT_SUPPORTED);
    const { NDR20 } = TransferSyntax;
    if (!transferSyntaxes.some(({ uuid, versionMajor }) => uuid === NDR20.uuid && versionMajor === 2)) {
      return rejection(RejectionReason.PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED);
    }
    if (this.#contexts.size >= contextCountMax && !this.#contexts.has(contextId)) {
      return rejection(RejectionReason.LOCAL_LIMIT_EXCEEDED);
    }
    this.#contexts.set(contextId, endpoint);
    return { result: ContextResult.ACCEPTANCE, reason: 0, transferSyntax: NDR20 };
  }

  #requestFragment({ header, body }: Fragment): void {
    if (!this.#isBound || header.authLength !== 0) throw new WireError('RPC: request');
    const { contextId, opnum, stub } = RequestBody.decode(body);
    const isFirst = (header.flags & PduFlag.FIRST_FRAG) !== 0;
    if (isFirst !== (this.#request === undefined)) throw new WireError('RPC: order of fragments');
    this.#request ??= { callId: header.callId, contextId, opnum, parts: [], sizeBytes: 0 };
    const request = this.#request;
    if (request.callId !== header.callId) throw new WireError('RPC: fragments of two calls');
    const hasObject = (header.flags & PduFlag.OBJECT_UUID) !== 0;
    if (hasObject && stub.length < objectUuidBytes) throw new WireError('RPC: object UUID');
    request.parts.push(hasObject ? stub.subarray(objectUuidBytes) : stub);
    // A fragment without data counts too, or an endless row of them would be held.
    request.sizeBytes += pduHeaderBytes + stub.length;
    if (request.sizeBytes > this.#options.limits.pipeBytes) throw new WireError('RPC: request too large');
    if ((header.flags & PduFlag.LAST_FRAG) === 0) return;
    this.#request = undefined;
    this.#answer(request);
  }

  #answer(request: PartialRequest): void {
    try {
      const endpoint = this.#contexts.get(request.contextId);
      if (endpoint === undefined) throw new RpcFault(FaultStatus.UNKNOWN_INTERFACE);
      const stub = endpoint.call(request.opnum, Buffer.concat(request.parts), this.#options.caller);
      this.#respond(request, stub);
    } catch (error) {
      if (error instanceof RpcFault) this.#fault(request, error.status);
      else if (error instanceof WireError) this.#fault(request, FaultStatus.BAD_STUB_DATA);
      else throw error;
    }
  }

  #respond({ callId, contextId }: PartialRequest, stub: Buffer): void {
    const partBytes = (this.#fragBytes - pduHeaderBytes - responseHeaderBytes) & ~7;
    let at = 0;
    do {
      const part = stub.subarray(at, at + partBytes);
      const isLast = at + part.length === stub.length;
      const flags = (at === 0 ? PduFlag.FIRST_FRAG : 0) | (isLast ? PduFlag.LAST_FRAG : 0);
      const body = ResponseBody.encode({
        allocHint: stub.length - at,
        contextId,
        cancelCount: 0,
        stub: part,
      });
      this.#queue(pdu({ packetType: PduType.RESPONSE, flags, callId }, body));
      at += part.length;
    } while (at < stub.length);
  }

  #fault({ callId, contextId }: PartialRequest, status: FaultStatus): void {
    const flags = PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG | PduFlag.DID_NOT_EXECUTE;
    const body = FaultBody.encode({ allocHint: 0, contextId, cancelCount: 0, status });
    this.#queue(pdu({ packetType: PduType.FAULT, flags, callId }, body));
  }

  #send(packetType: number, callId: number, body: Buffer): void {
    this.#queue(pdu({ packetType, flags: PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG, callId }, body));
  }

  #queue(message: Buffer): void {
    this.#output.push(message);
    this.#outputBytes += message.length;
  }
}

function rejection(reason: number): PresentationResult {
  return { result: ContextResult.PROVIDER_REJECTION, reason, transferSyntax: noTransferSyntax };
}
