/**
 * The extended attribute `user.DOSATTRIB`: DOS attributes and creation time as Samba keeps them. A text, a version twice and
 * a structure of that version, in NDR ([C706] 14): little-endian, each number aligned from the start of the value.
 *
 * Samba 4.17 writes version 5. Versions 1 to 4 and the text alone ("0x22") are those of its predecessors.
 */
import type { FileTime } from '../base/clock.ts';

export interface DosAttrib {
  readonly attributes: number;
  /** Absent where the value tells none. */
  readonly creationTime?: FileTime | undefined;
}

const VERSION = 5;
/** Of the text, both versions, the flags, the attributes and a time. */
const ENCODED_BYTES = 24;
const TEXT_BYTES_MAX = 255;

/** Which fields of versions 3 and later count. */
const Valid = Object.freeze({ ATTRIBUTES: 0x01, CREATION_TIME: 0x10 });

/** Fields of the structures that count here, from their beginning. */
const layouts: ReadonlyMap<number, { flags?: number; attributes: number; creationTime: number }> = new Map([
  [1, { attributes: 0, creationTime: 24 }],
  [2, { attributes: 4, creationTime: 28 }],
  [3, { flags: 0, attributes: 4, creationTime: 28 }],
  [4, { flags: 0, attributes: 4, creationTime: 16 }],
  [5, { flags: 0, attributes: 4, creationTime: 8 }],
]);

/** The value as Samba 4.17 writes it. */
export function encodeDosAttrib({ attributes, creationTime }: DosAttrib): Buffer {
  const value = Buffer.alloc(ENCODED_BYTES);
  const flags = Valid.ATTRIBUTES | (creationTime === undefined ? 0 : Valid.CREATION_TIME);
  value.writeUInt16LE(VERSION, 2);
  value.writeUInt16LE(VERSION, 4);
  value.writeUInt32LE(flags, 8);
  value.writeUInt32LE(attributes >>> 0, 12);
  value.writeBigUInt64LE(BigInt.asUintN(64, creationTime ?? 0n), 16);
  return value;
}

/** What the value tells; `undefined` for one that is none. */
export function decodeDosAttrib(value: Buffer): DosAttrib | undefined {
  const zero = value.indexOf(0);
  const textBytes = zero < 0 ? value.length : zero;
  if (textBytes > TEXT_BYTES_MAX) return undefined;
  const versionAt = aligned(textBytes + 1, 2);
  if (value.length < versionAt + 4) return textOnly(value.toString('latin1', 0, textBytes));
  const version = value.readUInt16LE(versionAt);
  const layout = layouts.get(version);
  if (layout === undefined || value.readUInt16LE(versionAt + 2) !== version) return undefined;
  const fields = value.subarray(aligned(versionAt + 4, 4));
  if (fields.length < layout.creationTime + 8) return undefined;
  const flags =
    layout.flags === undefined ? Valid.ATTRIBUTES | Valid.CREATION_TIME : fields.readUInt32LE(layout.flags);
  const creationTime = flags & Valid.CREATION_TIME ? fields.readBigUInt64LE(layout.creationTime) : 0n;
  return {
    attributes: flags & Valid.ATTRIBUTES ? fields.readUInt32LE(layout.attributes) : 0,
    creationTime: creationTime > 0n ? creationTime : undefined,
  };
}

function textOnly(text: string): DosAttrib | undefined {
  return /^0x[0-9a-f]{1,8}$/i.test(text) ? { attributes: Number(text), creationTime: undefined } : undefined;
}

function aligned(offset: number, unit: number): number {
  return Math.ceil(offset / unit) * unit;
}
