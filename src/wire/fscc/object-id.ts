/**
 * Object identifiers. [MS-FSCC] 2.1.3, 2.4.36
 */
import { GuidCodec } from '../dtyp/guid.ts';
import { bytes, type Infer, struct, u64 } from '../struct.ts';

const identifiers = {
  objectId: GuidCodec,
  birthVolumeId: GuidCodec,
  birthObjectId: GuidCodec,
  domainId: GuidCodec,
};

/** FILE_OBJECTID_BUFFER type 1, for the object id control codes. [MS-FSCC] 2.1.3.1 */
export const FileObjectIdBuffer = struct('FileObjectIdBuffer', identifiers);
export type FileObjectIdBuffer = Infer<typeof FileObjectIdBuffer>;

/** FILE_OBJECTID_BUFFER type 2. [MS-FSCC] 2.1.3.2 */
export const FileObjectIdBufferType2 = struct('FileObjectIdBufferType2', {
  objectId: GuidCodec,
  extendedInfo: bytes(48),
});
export type FileObjectIdBufferType2 = Infer<typeof FileObjectIdBufferType2>;

/** FILE_OBJECTID_INFORMATION type 1. [MS-FSCC] 2.4.36.1 */
export const FileObjectIdInformation = struct('FileObjectIdInformation', {
  fileReferenceNumber: u64,
  ...identifiers,
});
export type FileObjectIdInformation = Infer<typeof FileObjectIdInformation>;
