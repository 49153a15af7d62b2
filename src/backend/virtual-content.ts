/**
 * The content of a virtual file while it is open: made once, kept in memory up to a limit, handed back when it was changed.
 */
import type { MaybePromise } from './contract.ts';
import { BackendError, codeOf } from './error.ts';
import { type SpaceLedger, SparseData } from './sparse-data.ts';
import { isBytes, isIterable, type VirtualBytes, type VirtualFileParts } from './virtual-entry.ts';

/** The memory that all open files of a tree share. */
export class ContentBudget implements SpaceLedger {
  readonly sizeBytesMax: number;
  #usedBytes = 0;

  constructor(sizeBytesMax: number) {
    this.sizeBytesMax = sizeBytesMax;
  }

  get freeBytes(): number {
    return this.sizeBytesMax - this.#usedBytes;
  }

  charge(bytes: number): void {
    if (bytes > this.freeBytes) throw new BackendError('ENOMEM', 'read');
    this.#usedBytes += bytes;
  }
}

export class OpenContent {
  readonly #parts: VirtualFileParts;
  readonly #data: SparseData;
  /** Bytes that came at once and do not change are served where they are. */
  #whole: Buffer | undefined;
  #rest: AsyncIterator<unknown> | undefined;
  /** The last thing that waits for a chunk; chunks come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #openCount = 1;
  readonly #ended: () => void;
  #changes = 0;
  #handedBack = 0;

  private constructor(parts: VirtualFileParts, budget: ContentBudget, ended: () => void) {
    this.#parts = parts;
    this.#ended = ended;
    this.#data = new SparseData(budget);
  }

  /**
   * Makes the content; a stream of known size is read as far as it is needed, any other to its end. `ended` is called when
   * the last open is closed.
   */
  static async make(parts: VirtualFileParts, budget: ContentBudget, ended = () => {}): Promise<OpenContent> {
    const open = new OpenContent(parts, budget, ended);
    try {
      await open.#begin();
    } catch (error) {
      await open.close();
      throw error;
    }
    return open;
  }

  /** One more open has it. */
  retain(): this {
    this.#openCount += 1;
    return this;
  }

  /** False once the last open has closed it. */
  get isOpen(): boolean {
    return this.#openCount > 0;
  }

  get sizeBytes(): number {
    if (this.#whole !== undefined) return this.#whole.length;
    return this.#rest === undefined ? this.#data.sizeBytes : (this.#parts.size ?? this.#data.sizeBytes);
  }

  read(target: Buffer, position: number): MaybePromise<number> {
    if (this.#whole !== undefined) return this.#whole.copy(target, 0, Math.min(position, this.#whole.length));
    if (this.#rest === undefined) return this.#data.read(target, position);
    return this.#until(position + target.length).then(() => this.#data.read(target, position));
  }

  write(source: Buffer, position: number): void {
    this.#data.write(source, position);
    this.#changes += 1;
  }

  truncate(sizeBytes: number): void {
    this.#data.truncate(sizeBytes);
    this.#changes += 1;
  }

  /** Hands changed content to the setter; what it throws leaves the content to be handed back again. */
  handBack(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#handedBack === this.#changes) return;
      const changes = this.#changes;
      const content = Buffer.allocUnsafe(this.#data.sizeBytes);
      this.#data.read(content, 0);
      try {
        await this.#parts.write?.(content);
      } catch (error) {
        throw codeOf(error) === undefined ? failedSetter(error) : error;
      }
      this.#handedBack = changes;
    });
  }

  /** With the last open frees the memory, and tells a stream that was not read to its end. */
  async close(): Promise<void> {
    this.#openCount -= 1;
    if (this.#openCount > 0) return;
    this.#ended();
    this.#data.release();
    const rest = this.#rest;
    this.#rest = undefined;
    await rest?.return?.();
  }

  async #begin(): Promise<void> {
    const content: unknown = await this.#parts.read();
    if (isBytes(content) && this.#parts.write === undefined) this.#whole = bufferOf(content);
    else if (isBytes(content)) this.#append(content);
    else if (isIterable(content)) this.#rest = content[Symbol.asyncIterator]();
    else throw notContent(content);
    const isLazy = this.#parts.size !== undefined && this.#parts.write === undefined;
    if (!isLazy) await this.#until(Number.POSITIVE_INFINITY);
  }

  /** Reads the stream until `end` is there. */
  #until(end: number): Promise<void> {
    return this.#inTurn(async () => {
      while (this.#rest !== undefined && this.#data.sizeBytes < end) {
        const { done, value } = await this.#rest.next();
        if (done === true) this.#rest = undefined;
        else if (isBytes(value)) this.#append(value);
        else throw notContent(value);
      }
    });
  }

  #append(bytes: VirtualBytes): void {
    this.#data.write(bufferOf(bytes), this.#data.sizeBytes);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const outcome = this.#turn.then(work, work);
    this.#turn = outcome.catch(() => {});
    return outcome;
  }
}

function bufferOf(bytes: VirtualBytes): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function notContent(value: unknown): TypeError {
  return new TypeError(`virtualTree: ${typeof value} is neither text nor bytes`);
}

/** An error of the program's own means that the content was not taken. */
function failedSetter(cause: unknown): Error {
  return Object.assign(new Error('virtualTree: the content was not taken', { cause }), { code: 'EIO' });
}
