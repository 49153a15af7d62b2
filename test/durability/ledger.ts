/**
 * What writers did and what they were promised. Everything that changes has numbered steps, so that what is found after a
 * crash says how far it had come: at least to the last step that was promised, at most to the last one that was asked for.
 */

/** Which steps a crash may not undo: those that an answered FLUSH covers, or all that were answered. */
export type Promised = 'flushed' | 'answered';

/** One thing that changes in steps; 0 is the state before the first. */
export class Progress {
  asked = 0;
  answered = 0;
  flushed = 0;

  /** Runs `change` as the next step. */
  async step(change: (step: number) => Promise<unknown>): Promise<void> {
    this.asked += 1;
    const step = this.asked;
    await change(step);
    this.answered = Math.max(this.answered, step);
  }

  flushedTo(step: number): void {
    this.flushed = Math.max(this.flushed, step);
  }
}

export const BLOCK_BYTES = 4096;
const STAMP_BYTES = 32;
const zeros = '\0'.repeat(STAMP_BYTES);

/** A file of one writer. */
export class RecordedFile {
  /** Tells its bytes from those of every other file. */
  readonly mark: string;
  /** Its names by step; undefined where it has none. */
  readonly names: (string | undefined)[] = [undefined];
  readonly name = new Progress();
  readonly blocks: readonly Progress[];
  readonly stream: readonly Progress[];
  /** The creation time, in seconds after {@link firstTime}. */
  readonly basic = new Progress();
  /** The account in the DACL. */
  readonly security = new Progress();

  constructor(mark: string, blockCount: number, streamBlockCount: number) {
    this.mark = mark;
    this.blocks = Array.from({ length: blockCount }, () => new Progress());
    this.stream = Array.from({ length: streamBlockCount }, () => new Progress());
  }

  /** Everything of it that changes. */
  get parts(): readonly Progress[] {
    return [this.name, this.basic, this.security, ...this.blocks, ...this.stream];
  }

  get currentName(): string {
    return this.names.at(-1) ?? '';
  }
}

/** What was promised at one moment, before a crash. */
export class Moment {
  /** The files that may be found, by directory. */
  readonly directories = new Map<string, Set<RecordedFile>>();
  readonly #floors = new Map<Progress, number>();

  /** The last step that may not be lost. */
  floor(part: Progress): number {
    return this.#floors.get(part) ?? 0;
  }

  promise(file: RecordedFile, promised: Promised): void {
    for (const part of file.parts) this.#floors.set(part, part[promised]);
  }

  /** The file may be found. */
  admit(directory: string, file: RecordedFile): void {
    const known = this.directories.get(directory) ?? new Set();
    this.directories.set(directory, known.add(file));
  }
}

/** The files of all writers, by the directory they are in. */
export class Ledger {
  readonly directories = new Map<string, Set<RecordedFile>>();
  #onPromise: (() => void)[] = [];
  readonly #moments = new Set<Moment>();

  add(directory: string, file: RecordedFile): void {
    const files = this.directories.get(directory) ?? new Set();
    this.directories.set(directory, files.add(file));
    for (const moment of this.#moments) moment.admit(directory, file);
  }

  /** The file is gone for good: it must not be found any more. */
  drop(directory: string, file: RecordedFile): void {
    this.directories.get(directory)?.delete(file);
  }

  /** Resolves at the next promise. */
  promised(): Promise<void> {
    return new Promise((resolve) => this.#onPromise.push(resolve));
  }

  /**
   * A flush begins: what it will promise of `parts`, once it is answered, is whatever was answered before it was sent. Call
   * the result then.
   */
  flushing(parts: readonly Progress[]): () => void {
    const reached = parts.map((part) => part.answered);
    return () => {
      for (const [index, part] of parts.entries()) part.flushedTo(reached[index] ?? 0);
      for (const wake of this.#onPromise.splice(0)) wake();
    };
  }

  /** What may not be lost from now on. Files that come until {@link passed} may be found, too. */
  moment(promised: Promised): Moment {
    const moment = new Moment();
    for (const [directory, files] of this.directories) {
      for (const file of files) {
        moment.admit(directory, file);
        moment.promise(file, promised);
      }
    }
    this.#moments.add(moment);
    return moment;
  }

  /** The crash that `moment` was for is over. */
  passed(moment: Moment): void {
    this.#moments.delete(moment);
  }
}

/** The content of a block at one step. */
export function blockOf(mark: string, index: number, step: number): Buffer {
  const stamp = `${mark}.${index}.${step}`.padEnd(STAMP_BYTES - 1, ' ');
  return Buffer.alloc(BLOCK_BYTES, `${stamp}\n`);
}

/** The steps that the cells of a block show, each once; -1 for a cell that nobody wrote. */
export function stepsIn(block: Buffer, mark: string, index: number): readonly number[] {
  const prefix = `${mark}.${index}.`;
  const steps = new Set<number>();
  for (let at = 0; at < BLOCK_BYTES; at += STAMP_BYTES) {
    const cell = block.toString('latin1', at, at + STAMP_BYTES).padEnd(STAMP_BYTES, '\0');
    if (cell === zeros) steps.add(0);
    else if (cell.startsWith(prefix)) steps.add(Number(cell.slice(prefix.length)));
    else steps.add(-1);
  }
  return [...steps];
}

/** The creation time at step 0, as a FileTime: 2001-01-01. */
const firstTime = 126_227_808_000_000_000n;
const SECOND = 10_000_000n;

export function timeOf(step: number): bigint {
  return firstTime + BigInt(step) * SECOND;
}

/** The step that set a creation time; 0 for one that no step set. */
export function stepOfTime(time: bigint): number {
  const step = (time - firstTime) / SECOND;
  return timeOf(Number(step)) === time && step < 1_000_000n ? Number(step) : 0;
}
