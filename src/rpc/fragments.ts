/**
 * Cuts the bytes written to a pipe into whole PDUs, whatever sizes the writes have.
 */
import { WireError } from '../wire/codec.ts';
import { littleEndian, PduHeader, pduHeaderBytes } from './pdu.ts';

/** A whole PDU: its header and what follows. */
export interface Fragment {
  readonly header: PduHeader;
  /** Without authentication data; a view that the caller owns. */
  readonly body: Buffer;
}

/** Holds at most one incomplete PDU: 64 KiB. */
export class FragmentAssembler {
  #buffer = Buffer.alloc(pduHeaderBytes);
  #length = 0;

  /**
   * The PDUs that `bytes` completes. Copies, so that `bytes` may be reused. Throws WireError when what is written is no PDU of
   * this protocol version and data representation.
   */
  push(bytes: Buffer): Fragment[] {
    const fragments: Fragment[] = [];
    let at = 0;
    while (at < bytes.length) {
      const copied = bytes.copy(this.#buffer, this.#length, at);
      at += copied;
      this.#length += copied;
      if (this.#length < this.#buffer.length) break;
      if (this.#length === pduHeaderBytes && this.#growToFragment()) continue;
      fragments.push(this.#complete());
    }
    return fragments;
  }

  /** True when the PDU has more than a header. */
  #growToFragment(): boolean {
    const { fragLength } = headerOf(this.#buffer);
    if (fragLength === pduHeaderBytes) return false;
    const grown = Buffer.alloc(fragLength);
    this.#buffer.copy(grown);
    this.#buffer = grown;
    return true;
  }

  #complete(): Fragment {
    const header = headerOf(this.#buffer);
    const body = this.#buffer.subarray(pduHeaderBytes);
    this.#buffer = Buffer.alloc(pduHeaderBytes);
    this.#length = 0;
    return { header, body };
  }
}

function headerOf(bytes: Buffer): PduHeader {
  const header = PduHeader.decode(bytes, 0, pduHeaderBytes);
  if (header.rpcVersionMinor > 1) throw new WireError('RPC: minor version');
  if (header.dataRepresentation !== littleEndian) throw new WireError('RPC: data representation');
  if (header.fragLength < pduHeaderBytes) throw new WireError('RPC: fragment length');
  return header;
}
