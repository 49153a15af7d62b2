/**
 * GUID. [MS-DTYP] 2.3.4
 */

import { register } from '../registry.ts';
import type { FixedCodec } from '../schema.ts';
import { check } from './bounds.ts';

/**
 * The canonical text: lower case, hyphens, no braces, e.g. `'0123abcd-4567-89ef-0123-456789abcdef'`. Text compares and
 * keys a Map by value; on the wire the first three groups are little-endian, the last two are bytes in order.
 */
export type Guid = string;

const sizeBytes = 16;
const form = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The GUID of all zeros. */
export const nilGuid: Guid = '00000000-0000-0000-0000-000000000000';

/** Reads any customary spelling (braces, upper case); throws WireError for anything else. [MS-DTYP] 2.3.4.3 */
export function parseGuid(text: string): Guid {
  const guid = text.replace(/^\{(.*)\}$/, '$1').toLowerCase();
  check(form.test(guid), 'GUID: not of the form 8-4-4-4-12');
  return guid;
}

/** GUID--Packet Representation. [MS-DTYP] 2.3.4.2 */
export const GuidCodec: FixedCodec<Guid> = {
  name: 'GUID',
  fixedBytes: sizeBytes,

  decode(bytes, start = 0, end = bytes.length) {
    check(end - start >= sizeBytes && end <= bytes.length, 'GUID: truncated');
    const tail = bytes.toString('hex', start + 8, start + 16);
    const data1 = hexOf(bytes.readUInt32LE(start), 8);
    const data2 = hexOf(bytes.readUInt16LE(start + 4), 4);
    const data3 = hexOf(bytes.readUInt16LE(start + 6), 4);
    return `${data1}-${data2}-${data3}-${tail.slice(0, 4)}-${tail.slice(4)}`;
  },

  encode(value) {
    const target = Buffer.alloc(sizeBytes);
    this.encodeInto(value, target, 0);
    return target;
  },

  sizeOf: () => sizeBytes,

  encodeInto(value, target, start) {
    check(form.test(value), 'GUID: not of the form 8-4-4-4-12');
    if (start + sizeBytes > target.length) throw new RangeError('GUID does not fit');
    target.writeUInt32LE(Number.parseInt(value.slice(0, 8), 16), start);
    target.writeUInt16LE(Number.parseInt(value.slice(9, 13), 16), start + 4);
    target.writeUInt16LE(Number.parseInt(value.slice(14, 18), 16), start + 6);
    target.write(value.slice(19, 23) + value.slice(24), start + 8, 8, 'hex');
    return start + sizeBytes;
  },
};

function hexOf(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

register(GuidCodec, [nilGuid, '12345678-9abc-def0-1234-56789abcdef0']);
