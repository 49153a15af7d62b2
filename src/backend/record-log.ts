/**
 * The metadata log on disk: records appended to a numbered segment, the last one for a file counts. A torn tail, as a
 * crash leaves it, is dropped; a damaged line is skipped. When a segment has grown past what it is worth, a new one is
 * begun and the living records are copied over a few at a time, with each append; then the old ones go.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Log, silentLog } from '../base/log.ts';
import { decodeRecord, encodeRecord, type KeptFile, type MetadataRecord } from './metadata-record.ts';

const READ_BYTES = 1024 * 1024;
/** A segment is compacted when it is this large and at least half of it is outdated. */
const COMPACT_BYTES_MIN = 8 * 1024 * 1024;
/** Living records copied with each append while compacting. */
const COPY_COUNT = 64;

const segmentName = /^metadata-(\d{8})\.log$/;
const nameOfSegment = (number: number): string => `metadata-${String(number).padStart(8, '0')}.log`;

export class RecordLog {
  /** What is kept, by file id. */
  readonly files = new Map<bigint, KeptFile>();
  readonly #directory: string;
  readonly #log: Log;
  /** Segments to be removed once their living records are copied. */
  #outdated: string[] = [];
  #copying: Iterator<[bigint, KeptFile]> | undefined;
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

  constructor(directory: string, log: Log = silentLog) {
    this.#directory = directory;
    this.#log = log;
    const segments = fs
      .readdirSync(directory)
      .filter((name) => segmentName.test(name))
      .sort();
    for (const segment of segments) this.#load(segment);
    this.#number = Number(segmentName.exec(segments.at(-1) ?? '')?.[1] ?? 0);
    this.#compactAtStart(segments);
  }

  /** Appends the record. On return it is with the kernel and survives the end of this process. */
  append(record: MetadataRecord): void {
    this.#write(encodeRecord(record));
    this.#apply(record);
    try {
      this.#copySome();
    } catch (error) {
      // The record itself is safe. The old segments stay, and a later compaction begins anew.
      this.#copying = undefined;
      this.#log.write('warn', 'metadata log not compacted', { reason: String(error) });
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
        const record = decodeRecord(line);
        if (record === undefined) damaged += 1;
        else this.#apply(record);
      }
      if (damaged > 0) this.#log.write('warn', 'metadata records damaged', { segment, damaged });
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Starts a fresh segment with what is alive, at leisure: nobody waits yet. */
  #compactAtStart(segments: readonly string[]): void {
    this.#begin();
    for (const [fileId, kept] of this.files) this.#write(encodeRecord({ fileId, kept }));
    this.#livingBytes = this.#sizeBytes;
    fs.fsyncSync(this.#fd);
    this.#syncedCount = this.#appendedCount;
    this.#syncDirectory();
    for (const segment of segments) fs.rmSync(path.join(this.#directory, segment));
  }

  #begin(): void {
    const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = fs.constants;
    const name = nameOfSegment(this.#number + 1);
    const fd = fs.openSync(path.join(this.#directory, name), O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600);
    this.#number += 1;
    this.#fd = fd;
    this.#sizeBytes = 0;
    this.#isDirectoryDirty = true;
  }

  #apply({ fileId, kept }: MetadataRecord): void {
    if (kept === undefined) this.files.delete(fileId);
    else this.files.set(fileId, kept);
  }

  /** Writes the whole line or leaves none of it. */
  #write(line: Buffer): void {
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
      const [fileId, kept] = next.value;
      this.#write(encodeRecord({ fileId, kept }));
    }
  }

  #startCopying(): void {
    const formerFd = this.#fd;
    const formerName = nameOfSegment(this.#number);
    this.#begin();
    // What the former segment holds must not wait for the copy: the next sync covers both.
    this.#formerFds.push(formerFd);
    this.#outdated.push(formerName);
    this.#copying = this.files.entries();
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
      this.#log.write('error', 'metadata log not synced', { reason: String(error) });
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
