/**
 * SET_INFO. [MS-SMB2] 2.2.39, 2.2.40
 */
import { as, blob, type Infer, lengthOf, offsetOf, reserved, size, struct, u8, u16, u32 } from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';
import type { InfoType } from './query-info.ts';

/** SMB2 SET_INFO Request. [MS-SMB2] 2.2.39 */
export const SetInfoRequest = struct(
  'SetInfoRequest',
  {
    structureSize: size(33),
    infoType: as<InfoType>(u8),
    fileInfoClass: u8,
    bufferLength: lengthOf(u32, 'buffer'),
    bufferOffset: offsetOf(u16, 'buffer'),
    reserved: reserved(2),
    additionalInformation: u32,
    fileId: FileId,
    buffer: blob(),
  },
  { ...body, minimum: 33 },
);
export type SetInfoRequest = Infer<typeof SetInfoRequest>;

/** SMB2 SET_INFO Response. [MS-SMB2] 2.2.40 */
export const SetInfoResponse = struct('SetInfoResponse', { structureSize: size(2) });
export type SetInfoResponse = Infer<typeof SetInfoResponse>;
