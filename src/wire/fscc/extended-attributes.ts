/**
 * Extended attributes. [MS-FSCC] 2.4.16
 */
import { chain } from '../chain.ts';
import { blob, constant, type Infer, latin1, lengthOf, next, struct, u8, u16 } from '../struct.ts';

/** Flags: the file cannot be interpreted without understanding this attribute. [MS-FSCC] 2.4.16 */
export const EaFlag = Object.freeze({ NEED_EA: 0x80 });

/** FILE_FULL_EA_INFORMATION. [MS-FSCC] 2.4.16 */
export const FileFullEaInformation = struct('FileFullEaInformation', {
  nextEntryOffset: next(),
  flags: u8,
  eaNameLength: lengthOf(u8, 'eaName'),
  eaValueLength: lengthOf(u16, 'eaValue'),
  eaName: latin1(),
  terminator: constant(u8, 0),
  eaValue: blob(),
});
export type FileFullEaInformation = Infer<typeof FileFullEaInformation>;
export const FileFullEaInformationList = chain(FileFullEaInformation, { align: 4 });

/** FILE_GET_EA_INFORMATION: an attribute asked for by name. [MS-FSCC] 2.4.16.1 */
export const FileGetEaInformation = struct('FileGetEaInformation', {
  nextEntryOffset: next(),
  eaNameLength: lengthOf(u8, 'eaName'),
  eaName: latin1(),
  terminator: constant(u8, 0),
});
export type FileGetEaInformation = Infer<typeof FileGetEaInformation>;
export const FileGetEaInformationList = chain(FileGetEaInformation, { align: 4 });
