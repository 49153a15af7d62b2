/**
 * QUERY_DIRECTORY. [MS-SMB2] 2.2.33, 2.2.34
 */
import { blob, type Infer, lengthOf, offsetOf, size, struct, u8, u16, u32, utf16 } from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';

/** Flags of the request. [MS-SMB2] 2.2.33 */
export const QueryDirectoryFlags = Object.freeze({
  RESTART_SCANS: 0x01,
  RETURN_SINGLE_ENTRY: 0x02,
  INDEX_SPECIFIED: 0x04,
  REOPEN: 0x10,
});

/** SMB2 QUERY_DIRECTORY Request. [MS-SMB2] 2.2.33 */
export const QueryDirectoryRequest = struct(
  'QueryDirectoryRequest',
  {
    structureSize: size(33),
    fileInformationClass: u8,
    flags: u8,
    fileIndex: u32,
    fileId: FileId,
    fileNameOffset: offsetOf(u16, 'fileName'),
    fileNameLength: lengthOf(u16, 'fileName'),
    outputBufferLength: u32,
    fileName: utf16(),
  },
  { ...body, minimum: 33 },
);
export type QueryDirectoryRequest = Infer<typeof QueryDirectoryRequest>;

/** SMB2 QUERY_DIRECTORY Response. [MS-SMB2] 2.2.34 */
export const QueryDirectoryResponse = struct(
  'QueryDirectoryResponse',
  {
    structureSize: size(9),
    outputBufferOffset: offsetOf(u16, 'buffer'),
    outputBufferLength: lengthOf(u32, 'buffer'),
    buffer: blob(),
  },
  body,
);
export type QueryDirectoryResponse = Infer<typeof QueryDirectoryResponse>;
