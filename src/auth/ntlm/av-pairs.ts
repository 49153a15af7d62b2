/**
 * Lists of AV_PAIR. [MS-NLMP] 2.2.2.1
 */
import { NtStatus } from '../../base/status.ts';
import { WireError } from '../../wire/codec.ts';
import { LogonError } from '../mechanism.ts';
import { AvId } from './flags.ts';

/** Values by AvId, in their order. */
export type AvPairs = ReadonlyMap<number, Buffer>;

const PAIR_COUNT_MAX = 64;

/**
 * The pairs up to MsvAvEOL, as views. Of pairs with the same AvId the first counts. Throws WireError when there is no end, and
 * LogonError INVALID_PARAMETER when a value is longer than what is left.
 */
export function decodeAvPairs(bytes: Buffer): AvPairs {
  const pairs = new Map<number, Buffer>();
  let position = 0;
  for (let count = 0; count < PAIR_COUNT_MAX; count++) {
    if (position + 4 > bytes.length) throw new WireError('AV_PAIR: no MsvAvEOL');
    const id = bytes.readUInt16LE(position);
    const length = bytes.readUInt16LE(position + 2);
    if (id === AvId.EOL) return pairs;
    position += 4;
    // Windows tells a list that contradicts itself from a wrong password.
    const isWhole = position + length <= bytes.length;
    if (!isWhole) throw new LogonError('AV_PAIR: truncated', NtStatus.INVALID_PARAMETER);
    if (!pairs.has(id)) pairs.set(id, bytes.subarray(position, position + length));
    position += length;
  }
  throw new WireError('AV_PAIR: too many');
}

/** The pairs in the order of the map, and MsvAvEOL. */
export function encodeAvPairs(pairs: AvPairs): Buffer {
  const parts: Buffer[] = [];
  for (const [id, value] of pairs) {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(id, 0);
    head.writeUInt16LE(value.length, 2);
    parts.push(head, value);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}
