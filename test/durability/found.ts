/**
 * Compares what a server shows after a crash with what the ledger says was promised.
 */
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import type { TestFile, TestTree } from '../../src/testing/client.ts';
import { isSidAce } from '../../src/wire/dtyp/ace.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { splitSid } from '../../src/wire/dtyp/sid.ts';
import { AccessMask, CreateDisposition, CreateOption } from '../../src/wire/flags.ts';
import { FileNamesInformationList } from '../../src/wire/fscc/directory.ts';
import { FileBasicInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { BLOCK_BYTES, type Moment, type Progress, type RecordedFile, stepOfTime, stepsIn } from './ledger.ts';
import { accountDomain, streamName } from './writer.ts';

/** What was compared. */
export interface Comparison {
  /** One line for each thing that is not as promised. */
  readonly losses: readonly string[];
  readonly names: number;
  readonly blocks: number;
  readonly metadata: number;
}

/** Compares the share behind `tree` with what was promised at `moment`. */
export async function compare(tree: TestTree, moment: Moment): Promise<Comparison> {
  const inspection = new Inspection(tree, moment);
  for (const [directory, files] of moment.directories) await inspection.directory(directory, files);
  return inspection;
}

class Inspection implements Comparison {
  readonly losses: string[] = [];
  names = 0;
  blocks = 0;
  metadata = 0;
  readonly #tree: TestTree;
  readonly #moment: Moment;

  constructor(tree: TestTree, moment: Moment) {
    this.#tree = tree;
    this.#moment = moment;
  }

  async directory(directory: string, files: ReadonlySet<RecordedFile>): Promise<void> {
    const there = await this.#list(directory);
    const unknown = new Set(there);
    for (const file of files) {
      const seen = file.names.filter((name) => name !== undefined && there.has(name));
      for (const name of seen) unknown.delete(name ?? '');
      this.#checkNames(file, seen);
      const [name] = seen;
      if (name !== undefined) await this.#checkContent(file, `${directory}\\${name}`);
    }
    unknown.delete('.');
    unknown.delete('..');
    for (const name of unknown) this.losses.push(`${directory}\\${name}: was gone and is back`);
  }

  #checkNames(file: RecordedFile, seen: readonly (string | undefined)[]): void {
    const floor = this.#moment.floor(file.name);
    if (floor > 0) this.names += 1;
    const allowed = file.names.slice(floor, file.name.asked + 1);
    const found = seen.length === 0 ? [undefined] : seen;
    if (found.every((name) => allowed.includes(name))) return;
    this.losses.push(`${file.mark}: found as [${seen}], promised [${allowed}]`);
  }

  async #checkContent(file: RecordedFile, path: string): Promise<void> {
    const handle = await this.#open(path);
    if (handle === undefined) {
      this.losses.push(`${file.mark}: ${path} is listed and cannot be opened`);
      return;
    }
    await this.#checkBlocks(handle, file.mark, file.blocks);
    const basic = await handle.query(Class.FileBasicInformation, FileBasicInformation);
    this.#checkMetadata(`${file.mark} creation time`, file.basic, stepOfTime(basic.creationTime));
    const security = await handle.queryInfo(InfoType.SECURITY, 0, {
      additionalInformation: SecurityInformation.DACL,
    });
    this.#checkMetadata(`${file.mark} DACL`, file.security, stepOfSecurity(security));
    await handle.close();
    await this.#checkStream(file, path);
  }

  async #checkStream(file: RecordedFile, path: string): Promise<void> {
    const handle = await this.#open(`${path}:${streamName}`);
    if (handle !== undefined) {
      await this.#checkBlocks(handle, `${file.mark}:`, file.stream);
      await handle.close();
    } else if (file.stream.some((block) => this.#moment.floor(block) > 0)) {
      this.losses.push(`${file.mark}: its stream is gone`);
    }
  }

  async #checkBlocks(handle: TestFile, mark: string, blocks: readonly Progress[]): Promise<void> {
    const data = await readAll(handle, blocks.length * BLOCK_BYTES);
    for (const [index, block] of blocks.entries()) {
      const floor = this.#moment.floor(block);
      if (floor > 0) this.blocks += 1;
      const steps = stepsIn(data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES), mark, index);
      if (steps.every((step) => step >= floor && step <= block.asked)) continue;
      this.losses.push(`${mark} block ${index}: found steps [${steps}], promised ${floor} to ${block.asked}`);
    }
  }

  #checkMetadata(what: string, part: Progress, step: number): void {
    const floor = this.#moment.floor(part);
    if (floor > 0) this.metadata += 1;
    if (step >= floor && step <= part.asked) return;
    this.losses.push(`${what}: found step ${step}, promised ${floor} to ${part.asked}`);
  }

  async #open(path: string): Promise<TestFile | undefined> {
    try {
      return await this.#tree.open(path, {
        createDisposition: CreateDisposition.OPEN,
        desiredAccess: AccessMask.GENERIC_READ,
      });
    } catch (error) {
      if (error instanceof NtStatusError && error.status === NtStatus.OBJECT_NAME_NOT_FOUND) return undefined;
      throw error;
    }
  }

  async #list(directory: string): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    const handle = await this.#openDirectory(directory);
    if (handle === undefined) return names;
    for (;;) {
      const bytes = await handle.queryDirectory(Class.FileNamesInformation);
      if (bytes.length === 0) break;
      for (const { fileName } of FileNamesInformationList.decode(bytes)) names.add(fileName);
    }
    await handle.close();
    return names;
  }

  async #openDirectory(directory: string): Promise<TestFile | undefined> {
    try {
      return await this.#tree.open(directory, {
        createDisposition: CreateDisposition.OPEN,
        createOptions: CreateOption.DIRECTORY_FILE,
        desiredAccess: AccessMask.GENERIC_READ,
      });
    } catch (error) {
      if (error instanceof NtStatusError && error.status === NtStatus.OBJECT_NAME_NOT_FOUND) return undefined;
      throw error;
    }
  }
}

/** The step whose account a DACL names; 0 for one that no step set. */
function stepOfSecurity(bytes: Buffer): number {
  const { dacl } = SecurityDescriptorCodec.decode(bytes);
  for (const { sid } of (dacl?.aces ?? []).filter(isSidAce)) {
    const parts = splitSid(sid);
    if (parts?.domain === accountDomain) return parts.rid;
  }
  return 0;
}

/** The first `length` bytes, zeros after the end of the file. */
async function readAll(handle: TestFile, length: number): Promise<Buffer> {
  const data = Buffer.alloc(length);
  try {
    (await handle.read(0n, length)).copy(data);
  } catch (error) {
    if (!(error instanceof NtStatusError) || error.status !== NtStatus.END_OF_FILE) throw error;
  }
  return data;
}
