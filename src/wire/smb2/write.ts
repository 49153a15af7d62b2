/**
 * WRITE. [MS-SMB2] 2.2.21, 2.2.22
 */
import {
  as,
  blob,
  type Infer,
  lengthOf,
  offsetOf,
  optional,
  reserved,
  size,
  struct,
  u16,
  u32,
  u64,
} from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';
import type { Channel } from './rdma.ts';

/** Flags of the request. [MS-SMB2] 2.2.21 */
export const WriteFlags = Object.freeze({ WRITE_THROUGH: 0x0000_0001, WRITE_UNBUFFERED: 0x0000_0002 });

/** SMB2 WRITE Request. [MS-SMB2] 2.2.21 */
export const WriteRequest = struct(
  'WriteRequest',
  {
    structureSize: size(49),
    dataOffset: offsetOf(u16, 'data'),
    length: lengthOf(u32, 'data'),
    offset: u64,
    fileId: FileId,
    channel: as<Channel>(u32),
    remainingBytes: u32,
    writeChannelInfoOffset: offsetOf(u16, 'writeChannelInfo'),
    writeChannelInfoLength: lengthOf(u16, 'writeChannelInfo'),
    flags: u32,
    writeChannelInfo: optional(blob()),
    data: blob(),
  },
  { ...body, minimum: 49 },
);
export type WriteRequest = Infer<typeof WriteRequest>;

/** SMB2 WRITE Response. [MS-SMB2] 2.2.22 */
export const WriteResponse = struct('WriteResponse', {
  structureSize: size(17),
  reserved: reserved(2),
  count: u32,
  remaining: u32,
  writeChannelInfoOffset: reserved(2),
  writeChannelInfoLength: reserved(2),
});
export type WriteResponse = Infer<typeof WriteResponse>;
