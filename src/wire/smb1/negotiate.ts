/**
 * The multi-protocol negotiate: the one SMB1 message that a server of SMB2 understands. [MS-SMB2] 3.3.5.3, [MS-CIFS] 2.2.4.52.1
 */
import { type Codec, WireError } from '../codec.ts';
import { readLatin1, writeLatin1 } from '../primitives.ts';
import { register } from '../registry.ts';

/** ProtocolId: 0xFF 'S' 'M' 'B' as a little-endian number. [MS-CIFS] 2.2.3.1 */
export const SMB1_PROTOCOL_ID = 0x424d_53ff;

/** Dialect strings that ask for SMB2. [MS-SMB2] 3.3.5.3.1, 3.3.5.3.2 */
export const Smb1Dialect = Object.freeze({ SMB_2_002: 'SMB 2.002', SMB_2_WILDCARD: 'SMB 2.???' });

const HEADER_BYTES = 32;
const COMMAND_NEGOTIATE = 0x72;
/** BufferFormat of a dialect: a NUL-terminated string of the OEM character set follows. [MS-CIFS] 2.2.4.52.1 */
const BUFFER_FORMAT_DIALECT = 0x02;
/** Dialects that are read; a client offers about ten. */
const DIALECT_COUNT_MAX = 64;

/** SMB_COM_NEGOTIATE Request, header and all. [MS-CIFS] 2.2.4.52.1 */
export interface Smb1NegotiateRequest {
  readonly dialects: readonly string[];
}

/** SMB_COM_NEGOTIATE Request, header and all. [MS-CIFS] 2.2.4.52.1 */
export const Smb1NegotiateRequest: Codec<Smb1NegotiateRequest> = register(
  {
    name: 'Smb1NegotiateRequest',
    decode(bytes: Buffer, start = 0, end = bytes.length): Smb1NegotiateRequest {
      check(end - start >= HEADER_BYTES + 3 && end <= bytes.length, 'truncated');
      check(bytes.readUInt32LE(start) === SMB1_PROTOCOL_ID, 'not SMB1');
      check(bytes[start + 4] === COMMAND_NEGOTIATE, 'not a negotiate');
      check(bytes[start + HEADER_BYTES] === 0, 'parameters where none are');
      const from = start + HEADER_BYTES + 3;
      const to = from + bytes.readUInt16LE(start + HEADER_BYTES + 1);
      check(to <= end, 'truncated');
      return { dialects: dialectsOf(bytes, from, to) };
    },
    sizeOf({ dialects }: Smb1NegotiateRequest): number {
      return dialects.reduce((size, dialect) => size + dialect.length + 2, HEADER_BYTES + 3);
    },
    encode(value: Smb1NegotiateRequest): Buffer {
      const target = Buffer.allocUnsafe(this.sizeOf(value));
      this.encodeInto(value, target, 0);
      return target;
    },
    encodeInto(value: Smb1NegotiateRequest, target: Buffer, start: number): number {
      const end = start + this.sizeOf(value);
      if (end > target.length) throw new RangeError(`${this.name} does not fit`);
      target.fill(0, start, start + HEADER_BYTES + 3);
      target.writeUInt32LE(SMB1_PROTOCOL_ID, start);
      target[start + 4] = COMMAND_NEGOTIATE;
      let at = start + HEADER_BYTES + 3;
      target.writeUInt16LE(end - at, at - 2);
      for (const dialect of value.dialects) {
        target[at] = BUFFER_FORMAT_DIALECT;
        at = writeLatin1(target, at + 1, dialect);
        target[at] = 0;
        at += 1;
      }
      return end;
    },
  },
  [{ dialects: ['NT LM 0.12', Smb1Dialect.SMB_2_002, Smb1Dialect.SMB_2_WILDCARD] }],
);

function dialectsOf(bytes: Buffer, from: number, to: number): string[] {
  const dialects: string[] = [];
  for (let at = from; at < to; ) {
    check(bytes[at] === BUFFER_FORMAT_DIALECT, 'not a dialect');
    check(dialects.length < DIALECT_COUNT_MAX, 'too many dialects');
    const nul = bytes.indexOf(0, at);
    check(nul >= 0 && nul < to, 'a dialect without end');
    dialects.push(readLatin1(bytes, at + 1, nul));
    at = nul + 1;
  }
  return dialects;
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new WireError(`Smb1NegotiateRequest: ${message}`);
}
