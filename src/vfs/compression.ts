/**
 * Compression as a state of files: kept and inherited, while the store saves bytes as it sees fit. [MS-FSA] 2.1.5.10.9, 2.1.5.10.33
 */
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask, CompletionFilter, FileAttribute } from '../wire/flags.ts';
import { CompressionFormat } from '../wire/fscc/file.ts';
import { noteChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { keepingTimes } from './times.ts';

/** FSCTL_GET_COMPRESSION. */
export async function compressionOf(file: OpenFile): Promise<number> {
  const { attributes = 0 } = await file.handle.stat();
  return attributes & FileAttribute.COMPRESSED ? CompressionFormat.LZNT1 : CompressionFormat.NONE;
}

/** FSCTL_SET_COMPRESSION. */
export async function setCompression(file: OpenFile, format: number): Promise<void> {
  file.demandAccess(AccessMask.FILE_WRITE_DATA);
  demand(format <= CompressionFormat.LZNT1, NtStatus.INVALID_PARAMETER, 'compression format');
  const { attributes = 0 } = await file.handle.stat();
  const others = attributes & ~FileAttribute.COMPRESSED;
  const after = format === CompressionFormat.NONE ? others : others | FileAttribute.COMPRESSED;
  if (after === attributes) return;
  await keepingTimes(file, () => file.handle.setStat({ attributes: after }));
  noteChange(file, CompletionFilter.ATTRIBUTES);
}
