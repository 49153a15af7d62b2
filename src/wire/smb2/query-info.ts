/**
 * QUERY_INFO. [MS-SMB2] 2.2.37, 2.2.38
 */
import { as, blob, type Infer, lengthOf, offsetOf, reserved, size, struct, u8, u16, u32 } from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';

/** InfoType of QUERY_INFO and SET_INFO. [MS-SMB2] 2.2.37 */
export const InfoType = Object.freeze({ FILE: 0x01, FILESYSTEM: 0x02, SECURITY: 0x03, QUOTA: 0x04 });
export type InfoType = (typeof InfoType)[keyof typeof InfoType];

/** Flags of a query for extended attributes. [MS-SMB2] 2.2.37 */
export const QueryInfoFlags = Object.freeze({
  RESTART_SCAN: 0x01,
  RETURN_SINGLE_ENTRY: 0x02,
  INDEX_SPECIFIED: 0x04,
});

/** SMB2 QUERY_INFO Request. [MS-SMB2] 2.2.37 */
export const QueryInfoRequest = struct(
  'QueryInfoRequest',
  {
    structureSize: size(41),
    infoType: as<InfoType>(u8),
    fileInfoClass: u8,
    outputBufferLength: u32,
    inputBufferOffset: offsetOf(u16, 'input'),
    reserved: reserved(2),
    inputBufferLength: lengthOf(u32, 'input'),
    /** SecurityInformation of a security query, else without meaning. [MS-DTYP] 2.4.7 */
    additionalInformation: u32,
    flags: u32,
    fileId: FileId,
    input: blob({ emptyOffset: 'zero' }),
  },
  { ...body, minimum: 41 },
);
export type QueryInfoRequest = Infer<typeof QueryInfoRequest>;

/** SMB2 QUERY_INFO Response. [MS-SMB2] 2.2.38 */
export const QueryInfoResponse = struct(
  'QueryInfoResponse',
  {
    structureSize: size(9),
    outputBufferOffset: offsetOf(u16, 'buffer'),
    outputBufferLength: lengthOf(u32, 'buffer'),
    buffer: blob(),
  },
  body,
);
export type QueryInfoResponse = Infer<typeof QueryInfoResponse>;
