/**
 * Change notification. [MS-FSCC] 2.7
 */
import { chain } from '../chain.ts';
import type { FileAction } from '../flags.ts';
import { as, type Infer, lengthOf, next, struct, u32, utf16 } from '../struct.ts';

/** FILE_NOTIFY_INFORMATION; the name is relative to the watched directory. [MS-FSCC] 2.7.1 */
export const FileNotifyInformation = struct('FileNotifyInformation', {
  nextEntryOffset: next(),
  action: as<FileAction>(u32),
  fileNameLength: lengthOf(u32, 'fileName'),
  fileName: utf16(),
});
export type FileNotifyInformation = Infer<typeof FileNotifyInformation>;
export const FileNotifyInformationList = chain(FileNotifyInformation, { align: 4 });
