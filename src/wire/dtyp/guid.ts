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
const notOfForm = 'GUID: not of the form 8-4-4-4-12';
const form = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where the two digits of each byte on the wire stand in the text. */
const digitsAt = [6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34] as const;
const textChars = 36;

/** Filled and read within one call; its hyphens stay. */
const scratch = Buffer.alloc(textChars, '-');
const digits = Buffer.from('0123456789abcdef');
/** What a unit counts as a digit. */
const digitValues = Int8Array.from({ length: 0x80 }, (_, unit) => digits.indexOf(unit));

/** The GUID of all zeros. */
export const nilGuid: Guid = '00000000-0000-0000-0000-000000000000';

/** Reads any customary spelling (braces, upper case); throws WireError for anything else. [MS-DTYP] 2.3.4.3 */
export function parseGuid(text: string): Guid {
  const guid = text.replace(/^\{(.*)\}$/, '$1').toLowerCase();
  check(form.test(guid), notOfForm);
  return guid;
}

/** GUID--Packet Representation. [MS-DTYP] 2.3.4.2 */
export const GuidCodec: FixedCodec<Guid> = {
  name: 'GUID',
  fixedBytes: sizeBytes,

  decode(bytes, start = 0, end = bytes.length) {
    check(end - start >= sizeBytes && end <= bytes.length, 'GUID: truncated');
    for (let at = 0; at < sizeBytes; at++) {
      const byte = bytes[start + at] ?? 0;
      const place = digitsAt[at] ?? 0;
      scratch[place] = digits[byte >> 4] ?? 0;
      scratch[place + 1] = digits[byte & 0xf] ?? 0;
    }
    return scratch.toString('latin1');
  },

  encode(value) {
    const target = Buffer.alloc(sizeBytes);
    this.encodeInto(value, target, 0);
    return target;
  },

  sizeOf: () => sizeBytes,

  encodeInto(value, target, start) {
    check(form.test(value), notOfForm);
    if (start + sizeBytes > target.length) throw new RangeError('GUID does not fit');
    for (let at = 0; at < sizeBytes; at++) {
      const place = digitsAt[at] ?? 0;
      const high = digitValues[value.charCodeAt(place)] ?? 0;
      const low = digitValues[value.charCodeAt(place + 1)] ?? 0;
      target[start + at] = (high << 4) | low;
    }
    return start + sizeBytes;
  },
};

register(GuidCodec, [nilGuid, '12345678-9abc-def0-1234-56789abcdef0']);
