/**
 * SMB2_FILEID. [MS-SMB2] 2.2.14.1
 */
import { type Infer, id64, struct } from '../struct.ts';

/** SMB2_FILEID. [MS-SMB2] 2.2.14.1 */
export const FileId = struct('FileId', { persistent: id64, volatile: id64 });
export type FileId = Infer<typeof FileId>;

/** The open of the preceding request of a compound, and in an oplock break none: all ones. [MS-SMB2] 3.3.5.2.7.2 */
export const ALL_ONES_FILE_ID: FileId = Object.freeze({ persistent: -1, volatile: -1 });
