/**
 * Entries of directory listings. [MS-FSCC] 2.4.8 to 2.4.33, the classes of QUERY_DIRECTORY
 *
 * Each class has an entry and its chain; a listing is built with the chain's `writer`. FileIndex is not used by any file
 * system that orders its directories, and is zero.
 */
import { chain } from '../chain.ts';
import { fileTime } from '../dtyp/filetime.ts';
import {
  bytes,
  type Infer,
  i64,
  lengthOf,
  next,
  reserved,
  struct,
  u8,
  u16,
  u32,
  u64,
  utf16,
  utf16Slot,
} from '../struct.ts';
import { FileId128 } from './file-id.ts';

const common = {
  nextEntryOffset: next(),
  fileIndex: reserved(4),
  creationTime: fileTime,
  lastAccessTime: fileTime,
  lastWriteTime: fileTime,
  changeTime: fileTime,
  endOfFile: i64,
  allocationSize: i64,
  fileAttributes: u32,
  fileNameLength: lengthOf(u32, 'fileName'),
};
const name = { fileName: utf16() };
/** Extended-attribute bytes; the reparse tag where the entry is a reparse point and the class has no field for it. */
const ea = { eaSize: u32 };
const shortName = {
  shortNameLength: lengthOf(u8, 'shortName'),
  reserved1: reserved(1),
  shortName: utf16Slot(24),
};
const aligned = { align: 8 } as const;

/** FILE_DIRECTORY_INFORMATION. [MS-FSCC] 2.4.10 */
export const FileDirectoryInformation = struct('FileDirectoryInformation', { ...common, ...name });
export type FileDirectoryInformation = Infer<typeof FileDirectoryInformation>;
export const FileDirectoryInformationList = chain(FileDirectoryInformation, aligned);

/** FILE_FULL_DIR_INFORMATION. [MS-FSCC] 2.4.15 */
export const FileFullDirectoryInformation = struct('FileFullDirectoryInformation', {
  ...common,
  ...ea,
  ...name,
});
export type FileFullDirectoryInformation = Infer<typeof FileFullDirectoryInformation>;
export const FileFullDirectoryInformationList = chain(FileFullDirectoryInformation, aligned);

/** FILE_BOTH_DIR_INFORMATION. [MS-FSCC] 2.4.8 */
export const FileBothDirectoryInformation = struct('FileBothDirectoryInformation', {
  ...common,
  ...ea,
  ...shortName,
  ...name,
});
export type FileBothDirectoryInformation = Infer<typeof FileBothDirectoryInformation>;
export const FileBothDirectoryInformationList = chain(FileBothDirectoryInformation, aligned);

/** FILE_NAMES_INFORMATION. [MS-FSCC] 2.4.33 */
export const FileNamesInformation = struct('FileNamesInformation', {
  nextEntryOffset: next(),
  fileIndex: reserved(4),
  fileNameLength: lengthOf(u32, 'fileName'),
  ...name,
});
export type FileNamesInformation = Infer<typeof FileNamesInformation>;
export const FileNamesInformationList = chain(FileNamesInformation, aligned);

/** FILE_ID_FULL_DIR_INFORMATION. [MS-FSCC] 2.4.23 */
export const FileIdFullDirectoryInformation = struct('FileIdFullDirectoryInformation', {
  ...common,
  ...ea,
  reserved: reserved(4),
  fileId: u64,
  ...name,
});
export type FileIdFullDirectoryInformation = Infer<typeof FileIdFullDirectoryInformation>;
export const FileIdFullDirectoryInformationList = chain(FileIdFullDirectoryInformation, aligned);

/** FILE_ID_BOTH_DIR_INFORMATION. [MS-FSCC] 2.4.21 */
export const FileIdBothDirectoryInformation = struct('FileIdBothDirectoryInformation', {
  ...common,
  ...ea,
  ...shortName,
  reserved2: reserved(2),
  fileId: u64,
  ...name,
});
export type FileIdBothDirectoryInformation = Infer<typeof FileIdBothDirectoryInformation>;
export const FileIdBothDirectoryInformationList = chain(FileIdBothDirectoryInformation, aligned);

/**
 * FILE_ID_BOTH_DIR_INFORMATION as Apple's clients read it once READ_DIR_ATTR is agreed on: EaSize carries the maximal
 * access, the short name the resource fork's size and the compressed Finder information, Reserved2 the UNIX mode.
 * [MS-FSCC] 2.4.21
 */
export const AaplDirectoryInformation = struct('AaplDirectoryInformation', {
  ...common,
  maximalAccess: u32,
  shortNameLength: reserved(2),
  resourceForkSize: u64,
  finderInfo: bytes(16),
  unixMode: u16,
  fileId: u64,
  ...name,
});
export type AaplDirectoryInformation = Infer<typeof AaplDirectoryInformation>;
export const AaplDirectoryInformationList = chain(AaplDirectoryInformation, aligned);

/** FILE_ID_EXTD_DIR_INFORMATION. [MS-FSCC] 2.4.22 */
export const FileIdExtdDirectoryInformation = struct('FileIdExtdDirectoryInformation', {
  ...common,
  ...ea,
  reparsePointTag: u32,
  fileId128: FileId128,
  ...name,
});
export type FileIdExtdDirectoryInformation = Infer<typeof FileIdExtdDirectoryInformation>;
export const FileIdExtdDirectoryInformationList = chain(FileIdExtdDirectoryInformation, aligned);

/** FILE_ID_EXTD_BOTH_DIR_INFORMATION. ntifs.h; as [MS-FSCC] 2.4.22 with a short name */
export const FileIdExtdBothDirectoryInformation = struct('FileIdExtdBothDirectoryInformation', {
  ...common,
  ...ea,
  reparsePointTag: u32,
  fileId128: FileId128,
  ...shortName,
  ...name,
});
export type FileIdExtdBothDirectoryInformation = Infer<typeof FileIdExtdBothDirectoryInformation>;
export const FileIdExtdBothDirectoryInformationList = chain(FileIdExtdBothDirectoryInformation, aligned);

/** FILE_ID_64_EXTD_DIR_INFORMATION. [MS-FSCC] 2.4.18 */
export const FileId64ExtdDirectoryInformation = struct('FileId64ExtdDirectoryInformation', {
  ...common,
  ...ea,
  reparsePointTag: u32,
  fileId: u64,
  ...name,
});
export type FileId64ExtdDirectoryInformation = Infer<typeof FileId64ExtdDirectoryInformation>;
export const FileId64ExtdDirectoryInformationList = chain(FileId64ExtdDirectoryInformation, aligned);

/** FILE_ID_64_EXTD_BOTH_DIR_INFORMATION. [MS-FSCC] 2.4.17 */
export const FileId64ExtdBothDirectoryInformation = struct('FileId64ExtdBothDirectoryInformation', {
  ...common,
  ...ea,
  reparsePointTag: u32,
  fileId: u64,
  ...shortName,
  ...name,
});
export type FileId64ExtdBothDirectoryInformation = Infer<typeof FileId64ExtdBothDirectoryInformation>;
export const FileId64ExtdBothDirectoryInformationList = chain(FileId64ExtdBothDirectoryInformation, aligned);

/** FILE_ID_ALL_EXTD_DIR_INFORMATION. [MS-FSCC] 2.4.20 */
export const FileIdAllExtdDirectoryInformation = struct('FileIdAllExtdDirectoryInformation', {
  ...common,
  ...ea,
  reparsePointTag: u32,
  fileId: u64,
  fileId128: FileId128,
  ...name,
});
export type FileIdAllExtdDirectoryInformation = Infer<typeof FileIdAllExtdDirectoryInformation>;
export const FileIdAllExtdDirectoryInformationList = chain(FileIdAllExtdDirectoryInformation, aligned);

/** FILE_ID_ALL_EXTD_BOTH_DIR_INFORMATION. [MS-FSCC] 2.4.19 */
export const FileIdAllExtdBothDirectoryInformation = struct('FileIdAllExtdBothDirectoryInformation', {
  ...common,
  ...ea,
  reparsePointTag: u32,
  fileId: u64,
  fileId128: FileId128,
  ...shortName,
  ...name,
});
export type FileIdAllExtdBothDirectoryInformation = Infer<typeof FileIdAllExtdBothDirectoryInformation>;
export const FileIdAllExtdBothDirectoryInformationList = chain(
  FileIdAllExtdBothDirectoryInformation,
  aligned,
);
