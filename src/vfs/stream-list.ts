/**
 * FileStreamInformation: the streams of a file. [MS-FSCC] 2.4.49, [MS-FSA] 2.1.5.12.29
 */
import { FileStreamInformationList } from '../wire/fscc/names.ts';
import { allocationOf, roundedUp } from './attributes.ts';
import type { OpenFile } from './open-file.ts';

export async function streamList({ file }: { readonly file: OpenFile }): Promise<Buffer> {
  const { backend } = file.volume;
  const { path } = file.link;
  const base = await backend.stat(path);
  const named = (await backend.streams?.list(path)) ?? [];
  const data = {
    streamName: '::$DATA',
    streamSize: BigInt(base.sizeBytes),
    streamAllocationSize: allocationOf(base),
  };
  const streams = named.map(({ name, sizeBytes }) => ({
    streamName: `:${name}:$DATA`,
    streamSize: BigInt(sizeBytes),
    streamAllocationSize: roundedUp(sizeBytes),
  }));
  // A directory has no unnamed data stream.
  return FileStreamInformationList.encode(base.kind === 'directory' ? streams : [data, ...streams]);
}
