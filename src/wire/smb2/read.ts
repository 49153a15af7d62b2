/**
 * READ. [MS-SMB2] 2.2.19, 2.2.20
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
  u8,
  u16,
  u32,
  u64,
} from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';
import type { Channel } from './rdma.ts';

/** Flags of the request. [MS-SMB2] 2.2.19 */
export const ReadFlags = Object.freeze({ READ_UNBUFFERED: 0x01, REQUEST_COMPRESSED: 0x02 });

/** Where the data of a READ response begins, counted from the body. [MS-SMB2] 2.2.20 */
export const READ_RESPONSE_DATA_START = 16;

/** SMB2 READ Request. [MS-SMB2] 2.2.19 */
export const ReadRequest = struct(
  'ReadRequest',
  {
    structureSize: size(49),
    /** Where the client would like the data, counted from the header of the response. */
    padding: u8,
    flags: u8,
    length: u32,
    offset: u64,
    fileId: FileId,
    minimumCount: u32,
    channel: as<Channel>(u32),
    remainingBytes: u32,
    readChannelInfoOffset: offsetOf(u16, 'readChannelInfo'),
    readChannelInfoLength: lengthOf(u16, 'readChannelInfo'),
    readChannelInfo: optional(blob()),
  },
  { ...body, minimum: 49 },
);
export type ReadRequest = Infer<typeof ReadRequest>;

/** SMB2 READ Response. [MS-SMB2] 2.2.20 */
export const ReadResponse = struct(
  'ReadResponse',
  {
    structureSize: size(17),
    dataOffset: offsetOf(u8, 'data'),
    reserved: reserved(1),
    dataLength: lengthOf(u32, 'data'),
    dataRemaining: u32,
    flags: u32,
    data: blob(),
  },
  body,
);
export type ReadResponse = Infer<typeof ReadResponse>;
