/**
 * 128-bit file identifiers. [MS-FSCC] 2.1.10
 */
import { WireError } from '../codec.ts';
import { register } from '../registry.ts';
import type { FixedCodec } from '../schema.ts';

const low64 = 0xffff_ffff_ffff_ffffn;
const sizeBytes = 16;

/** A 128-bit file id as a bigint; a volume with 64-bit ids leaves the upper half zero. */
export const FileId128: FixedCodec<bigint> = register(
  {
    name: 'FILE_ID_128',
    fixedBytes: sizeBytes,
    decode(bytes: Buffer, start = 0, end = bytes.length) {
      if (end - start < sizeBytes || end > bytes.length) throw new WireError('FILE_ID_128: truncated');
      return bytes.readBigUInt64LE(start) | (bytes.readBigUInt64LE(start + 8) << 64n);
    },
    encode(value: bigint) {
      const target = Buffer.alloc(sizeBytes);
      this.encodeInto(value, target, 0);
      return target;
    },
    sizeOf: () => sizeBytes,
    encodeInto(value: bigint, target: Buffer, start: number) {
      target.writeBigUInt64LE(value & low64, start);
      return target.writeBigUInt64LE(value >> 64n, start + 8);
    },
  },
  [0n, 0x0123_4567_89ab_cdefn, (1n << 128n) - 1n],
);
