/**
 * Reparse data buffers. [MS-FSCC] 2.1.2
 */

import { WireError } from '../codec.ts';
import { type Guid, GuidCodec, nilGuid } from '../dtyp/guid.ts';
import {
  blob,
  constant,
  type Infer,
  lengthOf,
  offsetOf,
  reserved,
  rest,
  struct,
  u16,
  u32,
  u64,
  utf16,
} from '../struct.ts';

/** Reparse tags. [MS-FSCC] 2.1.2.1 */
export const ReparseTag = Object.freeze({
  RESERVED_ZERO: 0x0000_0000,
  RESERVED_ONE: 0x0000_0001,
  RESERVED_TWO: 0x0000_0002,
  MOUNT_POINT: 0xa000_0003,
  HSM: 0xc000_0004,
  SIS: 0x8000_0007,
  DFS: 0x8000_000a,
  SYMLINK: 0xa000_000c,
  DFSR: 0x8000_0012,
  DEDUP: 0x8000_0013,
  NFS: 0x8000_0014,
  APPEXECLINK: 0x8000_001b,
  LX_SYMLINK: 0xa000_001d,
  AF_UNIX: 0x8000_0023,
  LX_FIFO: 0x8000_0024,
  LX_CHR: 0x8000_0025,
  LX_BLK: 0x8000_0026,
});

const microsoftTag = 0x8000_0000;

/** True for a tag that Microsoft owns; all others come with a GUID. [MS-FSCC] 2.1.2.1 */
export function isMicrosoftTag(tag: number): boolean {
  return (tag & microsoftTag) !== 0;
}

/** REPARSE_DATA_BUFFER. [MS-FSCC] 2.1.2.2 */
export const ReparseDataBuffer = struct('ReparseDataBuffer', {
  reparseTag: u32,
  reparseDataLength: lengthOf(u16, 'data'),
  reserved: reserved(2),
  data: blob(),
});
export type ReparseDataBuffer = Infer<typeof ReparseDataBuffer>;

/** REPARSE_GUID_DATA_BUFFER; the length does not count the GUID. [MS-FSCC] 2.1.2.3 */
export const ReparseGuidDataBuffer = struct('ReparseGuidDataBuffer', {
  reparseTag: u32,
  reparseDataLength: lengthOf(u16, 'data'),
  reserved: reserved(2),
  reparseGuid: GuidCodec,
  data: blob(),
});
export type ReparseGuidDataBuffer = Infer<typeof ReparseGuidDataBuffer>;

/** What FSCTL_SET_REPARSE_POINT carries: `guid` is nil for Microsoft's tags. */
export interface ReparsePoint {
  readonly tag: number;
  readonly guid: Guid;
  readonly data: Buffer;
}

/** Reads either form of buffer; throws WireError when its length is not that of the bytes. [MS-FSCC] 2.3.81 */
export function decodeReparsePoint(bytes: Buffer): ReparsePoint {
  if (bytes.length < plainHeaderBytes) throw new WireError('reparse point: truncated');
  const point = isMicrosoftTag(bytes.readUInt32LE(0)) ? plainPoint(bytes) : guidPoint(bytes);
  const headerBytes = isMicrosoftTag(point.tag) ? plainHeaderBytes : guidHeaderBytes;
  if (headerBytes + point.data.length !== bytes.length) {
    throw new WireError('reparse point: length is not that of the buffer');
  }
  return point;
}

const plainHeaderBytes = 8;
const guidHeaderBytes = 24;

/** The buffer that FSCTL_GET_REPARSE_POINT returns. [MS-FSCC] 2.3.30 */
export function encodeReparsePoint({ tag, guid, data }: ReparsePoint): Buffer {
  return isMicrosoftTag(tag)
    ? ReparseDataBuffer.encode({ reparseTag: tag, data })
    : ReparseGuidDataBuffer.encode({ reparseTag: tag, reparseGuid: guid, data });
}

function plainPoint(bytes: Buffer): ReparsePoint {
  const { reparseTag, data } = ReparseDataBuffer.decode(bytes);
  return { tag: reparseTag, guid: nilGuid, data };
}

function guidPoint(bytes: Buffer): ReparsePoint {
  const { reparseTag, reparseGuid, data } = ReparseGuidDataBuffer.decode(bytes);
  return { tag: reparseTag, guid: reparseGuid, data };
}

const symlinkPathBuffer = 12;

/** Flags of {@link SymbolicLinkReparseData}. [MS-FSCC] 2.1.2.4 */
export const SymlinkFlag = Object.freeze({ RELATIVE: 1 });

/** The data of a SYMLINK reparse point. [MS-FSCC] 2.1.2.4 */
export const SymbolicLinkReparseData = struct('SymbolicLinkReparseData', {
  substituteNameOffset: offsetOf(u16, 'substituteName', symlinkPathBuffer),
  substituteNameLength: lengthOf(u16, 'substituteName'),
  printNameOffset: offsetOf(u16, 'printName', symlinkPathBuffer),
  printNameLength: lengthOf(u16, 'printName'),
  flags: u32,
  substituteName: utf16(),
  printName: utf16(),
});
export type SymbolicLinkReparseData = Infer<typeof SymbolicLinkReparseData>;

const mountPointPathBuffer = 8;

/** The data of a MOUNT_POINT reparse point (a junction). [MS-FSCC] 2.1.2.5 */
export const MountPointReparseData = struct('MountPointReparseData', {
  substituteNameOffset: offsetOf(u16, 'substituteName', mountPointPathBuffer),
  substituteNameLength: lengthOf(u16, 'substituteName'),
  printNameOffset: offsetOf(u16, 'printName', mountPointPathBuffer),
  printNameLength: lengthOf(u16, 'printName'),
  substituteName: utf16(),
  printName: utf16(),
});
export type MountPointReparseData = Infer<typeof MountPointReparseData>;

/** Type of {@link NfsReparseData}. [MS-FSCC] 2.1.2.6 */
export const NfsFileType = Object.freeze({
  LNK: 0x014b_4e4cn,
  CHR: 0x0052_4843n,
  BLK: 0x004b_4c42n,
  FIFO: 0x4f46_4946n,
  SOCK: 0x4b43_4f53n,
});

/** The data of an NFS reparse point: UTF-16 target of a link, device numbers of a device. [MS-FSCC] 2.1.2.6 */
export const NfsReparseData = struct('NfsReparseData', { type: u64, data: rest() });
export type NfsReparseData = Infer<typeof NfsReparseData>;

/** Device numbers in {@link NfsReparseData}. [MS-FSCC] 2.1.2.6 */
export const NfsDevice = struct('NfsDevice', { major: u32, minor: u32 });
export type NfsDevice = Infer<typeof NfsDevice>;

/** The data of an LX_SYMLINK reparse point, as WSL writes it; the target is UTF-8. [MS-FSCC] 2.1.2.7 */
export const LxSymlinkReparseData = struct('LxSymlinkReparseData', {
  version: constant(u32, 2),
  target: rest(),
});
export type LxSymlinkReparseData = Infer<typeof LxSymlinkReparseData>;
