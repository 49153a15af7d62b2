/**
 * Audit events in a file. They wait in a queue of bounded length while the disk is busy or full; beyond it the newest are counted and
 * dropped, and a line `audit-overflow` says how many as soon as there is room. Nothing that clients do waits for it.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Audit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import { type Log, type LogFields, printable } from '../base/log.ts';
import { type AuditReport, AuditVerifier, auditLine } from './audit-chain.ts';
import { codeOf, reasonOf } from './system-error.ts';

/** The audit file cannot be continued; the message says why. */
export class AuditFileError extends Error {
  override readonly name = 'AuditFileError';
}

/** After a failure to write, the next attempt. */
const RETRY_MS = 1000;
/** Longer than any line. */
const TAIL_BYTES = 1024 * 1024;
/** Characters of one value. */
const VALUE_CHARS_MAX = 1024;

interface Waiting {
  readonly time: string;
  readonly event: string;
  readonly fields: LogFields;
}

export interface AuditFileOptions {
  readonly path: string;
  /** Events that may wait. */
  readonly queueCount: number;
  readonly clock: Clock;
  readonly log: Log;
  /** How the file is opened; by default as files are. */
  readonly openFile?: (path: string) => Promise<AuditDisk>;
}

/** What is needed of an open file. */
export interface AuditDisk extends Pick<FileHandle, 'appendFile' | 'datasync' | 'truncate' | 'close'> {
  stat(): Promise<{ readonly size: number }>;
}

export class AuditFile {
  readonly #options: AuditFileOptions;
  readonly #file: AuditDisk;
  #queue: Waiting[] = [];
  #lost = 0;
  #seq: number;
  #chain: string;
  #writing: Promise<void> | undefined;
  #hasFailed = false;
  #isClosed = false;

  private constructor(options: AuditFileOptions, file: AuditDisk, before: AuditReport) {
    this.#options = options;
    this.#file = file;
    this.#seq = before.seq;
    this.#chain = before.chain;
  }

  /** Continues the file, or begins it. Throws {@link AuditFileError} when what is there is not whole, or cannot be written. */
  static async open(options: AuditFileOptions): Promise<AuditFile> {
    const tornBytes = await cutTornLine(options.path);
    const before = await verifyAuditFile(options.path);
    if (before.wrongLine !== undefined) {
      throw new AuditFileError(
        `the audit file ${options.path} is not whole from line ${before.wrongLine} on: move it away to begin anew`,
      );
    }
    const { openFile = (path) => open(path, 'a', 0o600) } = options;
    try {
      const file = new AuditFile(options, await openFile(options.path), before);
      if (tornBytes > 0) file.write('administration', { action: 'cut off a torn line', bytes: tornBytes });
      return file;
    } catch (error) {
      throw new AuditFileError(`the audit file ${options.path} cannot be written: ${reasonOf(error)}`);
    }
  }

  readonly write: Audit = (event, fields) => {
    if (this.#isClosed) return;
    if (this.#queue.length >= this.#options.queueCount) {
      this.#lost++;
      return;
    }
    this.#queue.push({ time: new Date().toISOString(), event, fields });
    this.#writing ??= this.#drain();
  };

  /** Events that wait, and those that were dropped. */
  get backlog(): { readonly waiting: number; readonly lost: number } {
    return { waiting: this.#queue.length, lost: this.#lost };
  }

  /** Writes what waits, in one attempt, and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    await this.#append().catch(() => {});
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    // What comes in this turn of the loop is written together.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#lost > 0) {
      try {
        await this.#append();
        this.#hasFailed = false;
      } catch (error) {
        if (!this.#hasFailed) this.#options.log.write('error', 'audit-failed', { reason: reasonOf(error) });
        this.#hasFailed = true;
        if (this.#isClosed) break;
        await this.#pause();
      }
    }
    this.#writing = undefined;
  }

  /** All that waits, as one piece of the file; nothing of the chain moves unless the disk has it. */
  async #append(): Promise<void> {
    const batch = [...this.#queue];
    const lost = this.#lost;
    if (batch.length === 0 && lost === 0) return;
    let seq = this.#seq;
    let chain = this.#chain;
    let text = '';
    const add = ({ time, event, fields }: Waiting): void => {
      const made = auditLine({ seq: ++seq, time, event, ...shortened(fields) }, chain);
      text += `${made.line}\n`;
      chain = made.chain;
    };
    for (const waiting of batch) add(waiting);
    if (lost > 0) add({ time: new Date().toISOString(), event: 'audit-overflow', fields: { lost } });
    const { size } = await this.#file.stat();
    try {
      await this.#file.appendFile(text);
      await this.#file.datasync();
    } catch (error) {
      // A piece of a line would break the chain.
      await this.#file.truncate(size).catch(() => {});
      throw error;
    }
    this.#queue = this.#queue.slice(batch.length);
    this.#lost -= lost;
    this.#seq = seq;
    this.#chain = chain;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.setTimer(RETRY_MS, resolve);
    });
  }
}

/** A process that was killed while it wrote leaves a piece of a line: it is cut off. Returns its bytes. */
async function cutTornLine(path: string): Promise<number> {
  try {
    await using file = await open(path, 'r+');
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    const tornBytes = tail.length - (tail.lastIndexOf(0x0a) + 1);
    // Longer than any line of ours: not a torn one.
    if (tornBytes === 0 || (tornBytes === tail.length && size > tail.length)) return 0;
    await file.truncate(size - tornBytes);
    return tornBytes;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw new AuditFileError(`the audit file ${path} cannot be continued: ${reasonOf(error)}`);
  }
}

function shortened(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? printable(value, VALUE_CHARS_MAX) : value,
    ]),
  );
}

/** Checks every line of an audit file; one that is not there has no lines. Throws the system's error when it cannot be read. */
export async function verifyAuditFile(path: string): Promise<AuditReport> {
  const verifier = new AuditVerifier();
  try {
    const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const line of lines) verifier.take(line);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return verifier.report();
}
