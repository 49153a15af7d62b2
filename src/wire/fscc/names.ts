/**
 * Information classes that hold a name: queries of names, rename, link, streams. [MS-FSCC] 2.4
 */
import { chain } from '../chain.ts';
import { bool, type Infer, i64, lengthOf, next, reserved, struct, u32, u64, utf16 } from '../struct.ts';

/** FILE_NAME_INFORMATION, the layout of FileName, FileAlternateName, FileNormalizedName, FileShortName. [MS-FSCC] 2.1.7 */
export const FileNameInformation = struct('FileNameInformation', {
  fileNameLength: lengthOf(u32, 'fileName'),
  fileName: utf16(),
});
export type FileNameInformation = Infer<typeof FileNameInformation>;

const target = { rootDirectory: u64, fileNameLength: lengthOf(u32, 'fileName'), fileName: utf16() };
// [MS-FSCC] 2.4.42.2: the structure is padded to 24 bytes.
const padded = { minimum: 24 };

/** FileRenameInformation for SMB2; rootDirectory has to be zero. [MS-FSCC] 2.4.42.2 */
export const FileRenameInformation = struct(
  'FileRenameInformation',
  { replaceIfExists: bool, reserved: reserved(7), ...target },
  padded,
);
export type FileRenameInformation = Infer<typeof FileRenameInformation>;

/** Flags of {@link FileRenameInformationEx} and {@link FileLinkInformationEx}. [MS-FSCC] 2.4.43 */
export const RenameFlag = Object.freeze({
  REPLACE_IF_EXISTS: 0x01,
  POSIX_SEMANTICS: 0x02,
  SUPPRESS_PIN_STATE_INHERITANCE: 0x04,
  SUPPRESS_STORAGE_RESERVE_INHERITANCE: 0x08,
  NO_INCREASE_AVAILABLE_SPACE: 0x10,
  NO_DECREASE_AVAILABLE_SPACE: 0x20,
  IGNORE_READONLY_ATTRIBUTE: 0x40,
});

/** FileRenameInformationEx. [MS-FSCC] 2.4.43 */
export const FileRenameInformationEx = struct(
  'FileRenameInformationEx',
  { flags: u32, reserved: reserved(4), ...target },
  padded,
);
export type FileRenameInformationEx = Infer<typeof FileRenameInformationEx>;

/** FileLinkInformation for SMB2; rootDirectory has to be zero. [MS-FSCC] 2.4.28.2 */
export const FileLinkInformation = struct(
  'FileLinkInformation',
  { replaceIfExists: bool, reserved: reserved(7), ...target },
  padded,
);
export type FileLinkInformation = Infer<typeof FileLinkInformation>;

/** FILE_LINK_INFORMATION_EX of ntifs.h; as [MS-FSCC] 2.4.28.2 with flags */
export const FileLinkInformationEx = struct(
  'FileLinkInformationEx',
  { flags: u32, reserved: reserved(4), ...target },
  padded,
);
export type FileLinkInformationEx = Infer<typeof FileLinkInformationEx>;

/** One stream; the name is of the form `:name:$DATA`. [MS-FSCC] 2.4.49 */
export const FileStreamInformation = struct('FileStreamInformation', {
  nextEntryOffset: next(),
  streamNameLength: lengthOf(u32, 'streamName'),
  streamSize: i64,
  streamAllocationSize: i64,
  streamName: utf16(),
});
export type FileStreamInformation = Infer<typeof FileStreamInformation>;
export const FileStreamInformationList = chain(FileStreamInformation, { align: 8 });
