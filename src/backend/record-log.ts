/**
 * A map kept on disk: records appended to a numbered segment, the last one for a key counts. A torn tail, as a crash leaves
 * it, is dropped; a damaged line is skipped. When a segment has grown past what it is worth, a new one is begun and the
 * living records are copied over a few at a time, with each append; then the old ones go. A line is a checksum, a space, the
 * record as JSON: readable by people, and a damaged one spoils no other.
 */
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { type Log, silentLog } from '../base/log.ts';
import { Table } from '../base/table.ts';

const READ_BYTES = 1024 * 1024;
/** A segment is compacted when it is this large and at least half of it is outdated. */
const COMPACT_BYTES_MIN = 8 * 1024 * 1024;
/** Living records copied with each append while compacting. */
const COPY_COUNT = 64;

/** How a record is written: as something that JSON can say. */
export interface RecordForm<K, V extends NonNullable<unknown>> {
  /** Without a value: the key is gone. */
  plain(key: K, value: V | undefined): object;
  /** Throws for what it cannot have written. */
  parse(plain: unknown): readonly [K, V | undefined];
}

export interface RecordLogOptions<K, V extends NonNullable<unknown>> {
  readonly directory: string;
  /** First part of the names of its segments. */
  readonly name: string;
  readonly form: RecordForm<K, V>;
  readonly log?: Log | undefined;
}

export class RecordLog<K, V extends NonNullable<unknown>> {
  /** What is kept. */
  readonly living = new Table<K, V>();
  readonly #directory: string;
  readonly #name: string;
  readonly #form: RecordForm<K, V>;
  readonly #log: Log;
  /** Segments to be removed once their living records are copied. */
  #outdated: string[] = [];
  #copying: Iterator<[K, V]> | undefined;
  #number = 0;
  #fd = -1;
  #sizeBytes = 0;
  #livingBytes = 0;
  /** Segments that were left while not all of them was on stable storage. */
  #formerFds: number[] = [];
  #appendedCount = 0;
  #syncedCount = 0;
  #isDirectoryDirty = false;
  #syncing: Promise<void> | undefined;
  #syncError: unknown;

  constructor({ directory, name, form, log = silentLog }: RecordLogOptions<K, V>) {
    this.#directory = directory;
    this.#name = name;
    this.#form = form;
    this.#log = log;
    const segmentName = new RegExp(`^${name}-(\\d{8})\\.log$`);
    const segments = fs
      .readdirSync(directory)
      .filter((file) => segmentName.test(file))
      .sort();
    for (const segment of segments) this.#load(segment);
    this.#number = Number(segmentName.exec(segments.at(-1) ?? '')?.[1] ?? 0);
    this.#compactAtStart(segments);
  }

  /** Appends the record; without a value the key is gone. On return it is with the kernel and survives the end of this process. */
  append(key: K, value: V | undefined): void {
    this.#write(key, value);
    this.#apply(key, value);
    try {
      this.#copySome();
    } catch (error) {
      // The record itself is safe. The old segments stay, and a later compaction begins anew.
      this.#copying = undefined;
      this.#log.write('warn', `${this.#name} log not compacted`, { reason: String(error) });
    }
  }

  /** Returns when everything appended so far is on stable storage. A failure is never followed by success. */
  async sync(): Promise<void> {
    const wanted = this.#appendedCount;
    while (this.#syncedCount < wanted) {
      if (this.#syncError !== undefined) throw this.#syncError;
      this.#syncing ??= this.#flush().finally(() => {
        this.#syncing = undefined;
      });
      await this.#syncing;
    }
  }

  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      for (const fd of [...this.#formerFds, this.#fd]) fs.closeSync(fd);
    }
  }

  #load(segment: string): void {
    const fd = fs.openSync(path.join(this.#directory, segment), fs.constants.O_RDONLY);
    try {
      let damaged = 0;
      for (const line of linesOf(fd)) {
        const record = this.#read(line);
        if (record === undefined) damaged += 1;
        else this.#apply(...record);
      }
      if (damaged > 0) this.#log.write('warn', `${this.#name} records damaged`, { segment, damaged });
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Starts a fresh segment with what is alive, at leisure: nobody waits yet. */
  #compactAtStart(segments: readonly string[]): void {
    this.#begin();
    for (const [key, value] of this.living) this.#write(key, value);
    this.#livingBytes = this.#sizeBytes;
    fs.fsyncSync(this.#fd);
    this.#syncedCount = this.#appendedCount;
    this.#syncDirectory();
    for (const segment of segments) fs.rmSync(path.join(this.#directory, segment));
  }

  #begin(): void {
    const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = fs.constants;
    const name = this.#nameOf(this.#number + 1);
    const fd = fs.openSync(path.join(this.#directory, name), O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600);
    this.#number += 1;
    this.#fd = fd;
    this.#sizeBytes = 0;
    this.#isDirectoryDirty = true;
  }

  #nameOf(number: number): string {
    return `${this.#name}-${String(number).padStart(8, '0')}.log`;
  }

  #apply(key: K, value: V | undefined): void {
    if (value === undefined) this.living.delete(key);
    else this.living.set(key, value);
  }

  /** The record of a line without its end; undefined for a damaged one. */
  #read(line: Buffer): readonly [K, V | undefined] | undefined {
    const json = line.subarray(9);
    if (line[8] !== 0x20 || Number.parseInt(line.toString('latin1', 0, 8), 16) !== crc32(json))
      return undefined;
    try {
      return this.#form.parse(JSON.parse(json.toString()));
    } catch {
      return undefined;
    }
  }

  /** Writes the whole line or leaves none of it. */
  #write(key: K, value: V | undefined): void {
    const json = JSON.stringify(this.#form.plain(key, value));
    const line = Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`);
    let done = 0;
    try {
      while (done < line.length) done += fs.writeSync(this.#fd, line, done);
    } catch (error) {
      fs.ftruncateSync(this.#fd, this.#sizeBytes);
      throw error;
    }
    this.#sizeBytes += line.length;
    this.#appendedCount += 1;
  }

  #copySome(): void {
    if (this.#copying === undefined) {
      if (this.#sizeBytes < COMPACT_BYTES_MIN || this.#sizeBytes < 2 * this.#livingBytes) return;
      this.#startCopying();
    }
    for (let count = 0; count < COPY_COUNT; count++) {
      const next = this.#copying?.next();
      if (next === undefined || next.done) {
        this.#finishCopying();
        return;
      }
      this.#write(...next.value);
    }
  }

  #startCopying(): void {
    const formerFd = this.#fd;
    const formerName = this.#nameOf(this.#number);
    this.#begin();
    // What the former segment holds must not wait for the copy: the next sync covers both.
    this.#formerFds.push(formerFd);
    this.#outdated.push(formerName);
    this.#copying = this.living[Symbol.iterator]();
  }

  #finishCopying(): void {
    this.#copying = undefined;
    this.#livingBytes = this.#sizeBytes;
    const outdated = this.#outdated;
    this.#outdated = [];
    const remove = (): void => {
      for (const segment of outdated) fs.rmSync(path.join(this.#directory, segment), { force: true });
    };
    this.sync().then(remove, (error: unknown) => {
      this.#log.write('error', `${this.#name} log not synced`, { reason: String(error) });
    });
  }

  async #flush(): Promise<void> {
    const reached = this.#appendedCount;
    const formerFds = [...this.#formerFds];
    try {
      for (const fd of [...formerFds, this.#fd]) await dataSynced(fd);
      if (this.#isDirectoryDirty) this.#syncDirectory();
    } catch (error) {
      this.#syncError = error;
      throw error;
    }
    this.#syncedCount = reached;
    this.#formerFds = this.#formerFds.filter((fd) => !formerFds.includes(fd));
    for (const fd of formerFds) fs.closeSync(fd);
  }

  #syncDirectory(): void {
    const fd = fs.openSync(this.#directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
      this.#isDirectoryDirty = false;
    } finally {
      fs.closeSync(fd);
    }
  }
}

function dataSynced(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** The complete lines of a file; what follows the last line's end is a torn tail. */
function* linesOf(fd: number): Generator<Buffer> {
  let rest = Buffer.alloc(0);
  const block = Buffer.alloc(READ_BYTES);
  for (;;) {
    const count = fs.readSync(fd, block, 0, block.length, null);
    if (count === 0) return;
    let data = Buffer.concat([rest, block.subarray(0, count)]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      yield data.subarray(0, end);
      data = data.subarray(end + 1);
    }
    rest = data;
  }
}
