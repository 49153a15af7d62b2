/**
 * What one client does with one file, step by step, and what it may believe afterwards.
 */
import assert from 'node:assert/strict';
import { NtStatusError } from '../../../src/base/status.ts';
import type { TestFile, TestTree } from '../../../src/testing/client.ts';
import { AccessMask, CreateDisposition, CreateOption } from '../../../src/wire/flags.ts';
import {
  FileBasicInformation,
  FileDispositionInformation,
  FileEndOfFileInformation,
  FileStandardInformation,
} from '../../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../../src/wire/fscc/names.ts';
import { InfoType } from '../../../src/wire/smb2/query-info.ts';

/** A step that the server refused. */
export interface Refusal {
  readonly step: string;
  readonly status: number;
}

export interface Outcome {
  readonly refusals: readonly Refusal[];
  /** Steps that the server said were done. */
  readonly done: ReadonlySet<string>;
  /** Bytes of the file that were acknowledged; undefined where a failed step may have left anything. */
  readonly bytes: readonly (number | undefined)[];
}

/** Runs the steps; those that need what an earlier one did not get are left out. */
export async function work(tree: TestTree): Promise<Outcome> {
  const client = new Client(tree);
  await client.run();
  return client;
}

class Client implements Outcome {
  readonly refusals: Refusal[] = [];
  readonly done = new Set<string>();
  readonly bytes: (number | undefined)[] = [];
  readonly #tree: TestTree;

  constructor(tree: TestTree) {
    this.#tree = tree;
  }

  async run(): Promise<void> {
    const options = { createOptions: CreateOption.DIRECTORY_FILE, desiredAccess: AccessMask.GENERIC_READ };
    const folder = await this.#step('create folder', () => this.#tree.open('work', options));
    if (folder === undefined) return;
    const file = await this.#step('create file', () => this.#tree.open('work\\a'));
    if (file !== undefined) await this.#change(file);
    await this.#step('list', () => folder.queryDirectory(Class.FileDirectoryInformation));
    for (const name of ['work\\b', 'work\\a']) if (file !== undefined) await this.#readAndDelete(name);
    await this.#step('close folder', () => folder.close());
  }

  async #change(file: TestFile): Promise<void> {
    await this.#write(file, 0, Buffer.alloc(1000, 'a'));
    await this.#write(file, 900, Buffer.alloc(3000, 'b'));
    await this.#step('flush', () => file.flush());
    await this.#resize(file, 2500);
    await this.#write(file, 2000, Buffer.alloc(2000, 'c'));
    await this.#step('flush again', () => file.flush());
    const lastWriteTime = 132_000_000_000_000_000n;
    const times = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime, changeTime: 0n, fileAttributes: 0 };
    await this.#step('set times', () =>
      this.#set(file, Class.FileBasicInformation, FileBasicInformation.encode(times)),
    );
    await this.#step('query', () => file.query(Class.FileStandardInformation, FileStandardInformation));
    await this.#step('read back', async () => this.#check(await file.read(0n, 4000)));
    const renaming = { replaceIfExists: false, rootDirectory: 0n, fileName: 'work\\b' };
    await this.#step('rename', () =>
      this.#set(file, Class.FileRenameInformation, FileRenameInformation.encode(renaming)),
    );
    await this.#step('close', () => file.close());
  }

  async #readAndDelete(name: string): Promise<void> {
    const desiredAccess = AccessMask.GENERIC_READ | AccessMask.DELETE;
    const options = { createDisposition: CreateDisposition.OPEN, desiredAccess };
    const file = await this.#step(`open ${name}`, () => this.#tree.open(name, options));
    if (file === undefined) return;
    await this.#step('read again', async () => this.#check(await file.read(0n, 4000)));
    const deleting = FileDispositionInformation.encode({ deletePending: true });
    await this.#step('delete', () => this.#set(file, Class.FileDispositionInformation, deleting));
    await this.#step('close deleted', () => file.close());
  }

  async #write(file: TestFile, offset: number, data: Buffer): Promise<void> {
    const count = await this.#step(`write at ${offset}`, () => file.write(BigInt(offset), data));
    if (count !== undefined) assert.equal(count, data.length);
    for (const [index, byte] of data.entries())
      this.bytes[offset + index] = count === undefined ? undefined : byte;
  }

  async #resize(file: TestFile, length: number): Promise<void> {
    const endOfFile = FileEndOfFileInformation.encode({ endOfFile: BigInt(length) });
    await this.#step('resize', () => this.#set(file, Class.FileEndOfFileInformation, endOfFile));
    if (this.done.has('resize')) this.bytes.length = length;
    else this.bytes.fill(undefined, length);
  }

  #set(file: TestFile, fileInfoClass: number, buffer: Buffer): Promise<true> {
    return file.setInfo(InfoType.FILE, fileInfoClass, buffer).then(() => true);
  }

  #check(read: Buffer): true {
    for (const [index, byte] of this.bytes.entries())
      if (byte !== undefined) assert.equal(read[index], byte, `byte ${index}`);
    return true;
  }

  async #step<T>(step: string, request: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await request();
      this.done.add(step);
      return answer;
    } catch (error) {
      if (!(error instanceof NtStatusError)) throw error;
      this.refusals.push({ step, status: error.status });
      return undefined;
    }
  }
}
