/**
 * FLUSH. [MS-SMB2] 2.2.17, 2.2.18
 */
import { type Infer, reserved, size, struct } from '../struct.ts';
import { FileId } from './file-id.ts';

/** SMB2 FLUSH Request. [MS-SMB2] 2.2.17 */
export const FlushRequest = struct('FlushRequest', {
  structureSize: size(24),
  reserved1: reserved(2),
  reserved2: reserved(4),
  fileId: FileId,
});
export type FlushRequest = Infer<typeof FlushRequest>;

/** SMB2 FLUSH Response. [MS-SMB2] 2.2.18 */
export const FlushResponse = struct('FlushResponse', { structureSize: size(4), reserved: reserved(2) });
export type FlushResponse = Infer<typeof FlushResponse>;
