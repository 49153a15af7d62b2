/**
 * CLOSE. [MS-SMB2] 2.2.15, 2.2.16
 */
import { fileTime } from '../dtyp/filetime.ts';
import { type Infer, reserved, size, struct, u16, u32, u64 } from '../struct.ts';
import { FileId } from './file-id.ts';

/** Flags of request and response. [MS-SMB2] 2.2.15 */
export const CloseFlags = Object.freeze({ POSTQUERY_ATTRIB: 0x0001 });

/** SMB2 CLOSE Request. [MS-SMB2] 2.2.15 */
export const CloseRequest = struct('CloseRequest', {
  structureSize: size(24),
  flags: u16,
  reserved: reserved(4),
  fileId: FileId,
});
export type CloseRequest = Infer<typeof CloseRequest>;

/** SMB2 CLOSE Response. [MS-SMB2] 2.2.16 */
export const CloseResponse = struct('CloseResponse', {
  structureSize: size(60),
  flags: u16,
  reserved: reserved(4),
  creationTime: fileTime,
  lastAccessTime: fileTime,
  lastWriteTime: fileTime,
  changeTime: fileTime,
  allocationSize: u64,
  endOfFile: u64,
  fileAttributes: u32,
});
export type CloseResponse = Infer<typeof CloseResponse>;
