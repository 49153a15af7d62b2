/**
 * A client that changes its own few files all the time, flushes some of it, and writes down what it was promised.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { TestFile, TestTree } from '../../src/testing/client.ts';
import { succeeded } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { sidOf, WellKnownSid } from '../../src/wire/dtyp/sid.ts';
import { AccessMask, CreateDisposition, CreateOption } from '../../src/wire/flags.ts';
import { FileBasicInformation, FileDispositionInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { WriteFlags } from '../../src/wire/smb2/write.ts';
import { BLOCK_BYTES, blockOf, type Ledger, RecordedFile, timeOf } from './ledger.ts';

/** The domain of the accounts that DACLs name, one a step. */
export const accountDomain = 'S-1-5-21-91-92-93';
export const streamName = 'notes';

const fileCount = 6;
const blockCount = 12;
const streamBlockCount = 2;

interface Held {
  readonly record: RecordedFile;
  handle: TestFile;
}

export interface WriterOptions {
  readonly ledger: Ledger;
  /** Its own. */
  readonly directory: string;
  readonly seed: number;
  /** The longest rest between two acts. */
  readonly pauseMs: number;
}

export class Writer {
  /** Requests that were answered, by what they did. */
  readonly done = new Map<string, number>();
  readonly #tree: TestTree;
  readonly #ledger: Ledger;
  readonly #directory: string;
  #random: SeededEntropy;
  readonly #held: Held[] = [];
  #gone: RecordedFile[] = [];
  #folder: TestFile | undefined;
  #fileNumber = 0;
  readonly #pauseMs: number;
  #isStopped = false;

  constructor(tree: TestTree, { ledger, directory, seed, pauseMs }: WriterOptions) {
    this.#pauseMs = pauseMs;
    this.#tree = tree;
    this.#ledger = ledger;
    this.#directory = directory;
    this.#random = new SeededEntropy(seed);
  }

  /** Works until {@link stop}; throws what the server refuses. */
  async run(): Promise<void> {
    await this.open();
    while (!this.#isStopped) {
      await this.act();
      if (this.#pauseMs > 0) await delay(this.#random.below(this.#pauseMs));
    }
    await this.leave();
  }

  /** Makes its directory. */
  async open(): Promise<void> {
    this.#folder = await this.#tree.open(this.#directory, {
      createOptions: CreateOption.DIRECTORY_FILE,
      // With DELETE it would keep the names below it from being changed.
      desiredAccess: AccessMask.FILE_ALL_ACCESS & ~AccessMask.DELETE,
    });
  }

  /** Does one thing, chosen by `random` or by its own chance. */
  async act(random = this.#random): Promise<string> {
    this.#random = random;
    const [name, act] = random.pick(this.#acts);
    await act();
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
    return name;
  }

  /** Removes its files. */
  async leave(): Promise<void> {
    this.#isStopped = true;
    while (this.#held.length > 0) await this.#delete();
    await this.#folder?.close();
  }

  stop(): void {
    this.#isStopped = true;
  }

  readonly #acts: readonly (readonly [string, () => Promise<void>])[] = [
    ['write', () => this.#write(0)],
    ['write', () => this.#write(0)],
    ['write', () => this.#write(0)],
    ['write-through', () => this.#write(WriteFlags.WRITE_THROUGH)],
    ['flush', () => this.#flush()],
    ['flush', () => this.#flush()],
    ['rename', () => this.#rename()],
    ['times', () => this.#setTimes()],
    ['security', () => this.#setSecurity()],
    ['stream', () => this.#writeStream()],
    ['reopen', () => this.#reopen()],
    ['delete', () => this.#delete()],
    ['flush-directory', () => this.#flushDirectory()],
  ];

  async #some(): Promise<Held> {
    if (this.#held.length < fileCount) return this.#create();
    return this.#random.pick(this.#held);
  }

  async #create(): Promise<Held> {
    this.#fileNumber += 1;
    const name = `f${this.#fileNumber}`;
    const record = new RecordedFile(`${this.#directory}.${name}`, blockCount, streamBlockCount);
    this.#ledger.add(this.#directory, record);
    record.names.push(`${name}-0`);
    const held: Held[] = [];
    await record.name.step(async () => {
      held.push({ record, handle: await this.#open(record, CreateDisposition.CREATE) });
    });
    this.#held.push(...held);
    return this.#random.pick(held);
  }

  #open(record: RecordedFile, createDisposition: CreateDisposition, stream = ''): Promise<TestFile> {
    return this.#tree.open(`${this.#directory}\\${record.currentName}${stream}`, {
      createDisposition,
      desiredAccess: AccessMask.FILE_ALL_ACCESS,
    });
  }

  async #write(flags: number): Promise<void> {
    const { record, handle } = await this.#some();
    const first = this.#random.below(blockCount);
    const indexes = Array.from({ length: 1 + this.#random.below(3) }, (_, i) => (first + i) % blockCount);
    await Promise.all(indexes.map((index) => this.#writeBlock({ record, handle }, index, flags)));
  }

  async #writeBlock({ record, handle }: Held, index: number, flags: number): Promise<void> {
    const block = record.blocks[index];
    await block?.step(async (step) => {
      const data = blockOf(record.mark, index, step);
      const body = handle.writeRequest(BigInt(index * BLOCK_BYTES), data, flags);
      const promise = this.#ledger.flushing([record.name]);
      succeeded(await this.#tree.request(Command.WRITE, body, { payloadBytes: data.length }));
      if (flags === 0) return;
      block.flushedTo(step);
      promise();
    });
  }

  async #flush(): Promise<void> {
    const { record, handle } = await this.#some();
    const promise = this.#ledger.flushing([record.name, record.basic, record.security, ...record.blocks]);
    await handle.flush();
    promise();
  }

  async #rename(): Promise<void> {
    const { record, handle } = await this.#some();
    const fileName = `${this.#directory}\\${record.currentName.replace(/\d+$/, (n) => `${Number(n) + 1}`)}`;
    record.names.push(fileName.slice(this.#directory.length + 1));
    const change = FileRenameInformation.encode({ replaceIfExists: false, rootDirectory: 0n, fileName });
    await record.name.step(() => handle.setInfo(InfoType.FILE, Class.FileRenameInformation, change));
  }

  async #setTimes(): Promise<void> {
    const { record, handle } = await this.#some();
    await record.basic.step((step) => {
      const change = FileBasicInformation.encode({
        creationTime: timeOf(step),
        lastAccessTime: 0n,
        lastWriteTime: 0n,
        changeTime: 0n,
        fileAttributes: 0,
      });
      return handle.setInfo(InfoType.FILE, Class.FileBasicInformation, change);
    });
  }

  async #setSecurity(): Promise<void> {
    const { record, handle } = await this.#some();
    await record.security.step((step) => {
      const dacl = aclOf(
        allow(WellKnownSid.EVERYONE, AccessMask.FILE_ALL_ACCESS),
        allow(sidOf(accountDomain, step), AccessMask.FILE_ALL_ACCESS),
      );
      const change = SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl });
      return handle.setInfo(InfoType.SECURITY, 0, change, SecurityInformation.DACL);
    });
  }

  async #writeStream(): Promise<void> {
    const { record } = await this.#some();
    const handle = await this.#open(record, CreateDisposition.OPEN_IF, `:${streamName}`);
    const index = this.#random.below(streamBlockCount);
    const block = record.stream[index];
    const mark = `${record.mark}:`;
    await block?.step((step) => handle.write(BigInt(index * BLOCK_BYTES), blockOf(mark, index, step)));
    if (this.#random.below(2) === 0) {
      const promise = this.#ledger.flushing([record.name, ...record.stream]);
      await handle.flush();
      promise();
    }
    await handle.close();
  }

  async #reopen(): Promise<void> {
    const held = await this.#some();
    await held.handle.close();
    held.handle = await this.#open(held.record, CreateDisposition.OPEN);
  }

  async #delete(): Promise<void> {
    const held = this.#isStopped ? this.#random.pick(this.#held) : await this.#some();
    const { record, handle } = held;
    this.#held.splice(this.#held.indexOf(held), 1);
    this.#gone.push(record);
    record.names.push(undefined);
    await record.name.step(async () => {
      const change = FileDispositionInformation.encode({ deletePending: true });
      await handle.setInfo(InfoType.FILE, Class.FileDispositionInformation, change);
      await handle.close();
    });
  }

  /** Promises every name in the directory, those that are gone included. */
  async #flushDirectory(): Promise<void> {
    const promise = this.#ledger.flushing([
      ...this.#held.map(({ record }) => record.name),
      ...this.#gone.map(({ name }) => name),
    ]);
    await this.#folder?.flush();
    promise();
    const isGone = ({ name }: RecordedFile): boolean => name.flushed === name.asked;
    for (const record of this.#gone.filter(isGone)) this.#ledger.drop(this.#directory, record);
    this.#gone = this.#gone.filter((record) => !isGone(record));
  }
}
