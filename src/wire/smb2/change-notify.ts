/**
 * CHANGE_NOTIFY. [MS-SMB2] 2.2.35, 2.2.36
 */
import { blob, type Infer, lengthOf, offsetOf, reserved, size, struct, u16, u32 } from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';

/** Flags of the request. [MS-SMB2] 2.2.35 */
export const ChangeNotifyFlags = Object.freeze({ WATCH_TREE: 0x0001 });

/** SMB2 CHANGE_NOTIFY Request. [MS-SMB2] 2.2.35 */
export const ChangeNotifyRequest = struct('ChangeNotifyRequest', {
  structureSize: size(32),
  flags: u16,
  outputBufferLength: u32,
  fileId: FileId,
  completionFilter: u32,
  reserved: reserved(4),
});
export type ChangeNotifyRequest = Infer<typeof ChangeNotifyRequest>;

/** SMB2 CHANGE_NOTIFY Response. [MS-SMB2] 2.2.36 */
export const ChangeNotifyResponse = struct(
  'ChangeNotifyResponse',
  {
    structureSize: size(9),
    outputBufferOffset: offsetOf(u16, 'buffer'),
    outputBufferLength: lengthOf(u32, 'buffer'),
    buffer: blob(),
  },
  body,
);
export type ChangeNotifyResponse = Infer<typeof ChangeNotifyResponse>;
