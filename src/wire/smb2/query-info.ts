/**
 * QUERY_INFO. [MS-SMB2] 2.2.37, 2.2.38
 */
import { as, blob, type Infer, lengthOf, offsetOf, reserved, size, struct, u8, u16, u32 } from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';

/** InfoType of QUERY_INFO and SET_INFO. [MS-SMB2] 2.2.37 */
export const InfoType = Object.freeze({ FILE: 0x01, FILESYSTEM: 0x02, SECURITY: 0x03, QUOTA: 0x04 });
export type InfoType = (typeof InfoType)[keyof typeof InfoType];

/** AdditionalInformation of security queries and changes. [MS-SMB2] 2.2.37 */
export const SecurityInformation = Object.freeze({
  OWNER: 0x0000_0001,
  GROUP: 0x0000_0002,
  DACL: 0x0000_0004,
  SACL: 0x0000_0008,
  LABEL: 0x0000_0010,
  ATTRIBUTE: 0x0000_0020,
  SCOPE: 0x0000_0040,
  BACKUP: 0x0001_0000,
});

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
    additionalInformation: u32,
    flags: u32,
    fileId: FileId,
    input: blob(),
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
