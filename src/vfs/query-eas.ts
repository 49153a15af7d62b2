/**
 * Querying extended attributes: all, some by name, one at a time. [MS-FSA] 2.1.5.12.14
 */
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask } from '../wire/flags.ts';
import {
  type FileFullEaInformation,
  FileFullEaInformationList,
  FileGetEaInformationList,
} from '../wire/fscc/extended-attributes.ts';
import { QueryInfoFlags } from '../wire/smb2/query-info.ts';
import { readEas } from './extended-attributes.ts';
import type { OpenFile } from './open-file.ts';

/** The parts of the request that matter here. */
export interface EaQuery {
  readonly input: Buffer;
  readonly flags: number;
  readonly outputBufferLength: number;
}

/** Where the next query without RESTART_SCAN goes on. */
const positions = new WeakMap<OpenFile, number>();

/** As many attributes as fit. NO_EAS_ON_FILE without any, BUFFER_TOO_SMALL where not even the first fits. */
export async function queryEas(file: OpenFile, query: EaQuery): Promise<Buffer> {
  file.demandAccess(AccessMask.FILE_READ_EA);
  const attributes = await readEas(file.volume, file.link);
  const isByName = query.input.length > 0;
  if (!isByName) demand(attributes.size > 0, NtStatus.NO_EAS_ON_FILE);
  const wanted = isByName ? named(query.input, attributes) : [...attributes].map(entryOf);
  const isRestarted = isByName || (query.flags & QueryInfoFlags.RESTART_SCAN) !== 0;
  const start = isRestarted ? 0 : (positions.get(file) ?? 0);
  demand(start < wanted.length, NtStatus.NO_MORE_EAS);
  const target = Buffer.alloc(query.outputBufferLength);
  const writer = FileFullEaInformationList.writer(target);
  const isSingle = (query.flags & QueryInfoFlags.RETURN_SINGLE_ENTRY) !== 0;
  for (const entry of wanted.slice(start)) {
    if (!writer.append(entry) || isSingle) break;
  }
  demand(writer.count > 0, NtStatus.BUFFER_TOO_SMALL);
  if (!isByName) positions.set(file, start + writer.count);
  return target.subarray(0, writer.end);
}

function entryOf([eaName, eaValue]: readonly [string, Buffer]): FileFullEaInformation {
  return { flags: 0, eaName, eaValue };
}

/** Names that are not there are answered with an empty value. [MS-FSA] 2.1.5.12.14 */
function named(input: Buffer, attributes: ReadonlyMap<string, Buffer>): FileFullEaInformation[] {
  return FileGetEaInformationList.decode(input).map(({ eaName }) => {
    const name = eaName.toUpperCase();
    return { flags: 0, eaName: name, eaValue: attributes.get(name) ?? Buffer.alloc(0) };
  });
}
