/**
 * Named streams of local files: each in the attribute `user.DosStream.NAME:$DATA` with a zero behind its bytes, as Samba
 * keeps them, or in the side store when it outgrows what the file can carry. It never moves back.
 */
import fs from 'node:fs';
import { Table } from '../base/table.ts';
import type { MaybePromise, StreamInfo } from './contract.ts';
import { BackendError } from './error.ts';
import { calls, OpenFlags } from './local-calls.ts';
import { detachedStream } from './metadata-memory.ts';
import type { FileReference, LocalFile, StreamContent, StreamStore } from './metadata-store.ts';
import { attributeOfStream, streamOfAttribute } from './samba-names.ts';
import { promisedCall, type Task } from './task.ts';
import { settled, type XattrKeeper } from './xattr-keeper.ts';
import { filePath, type XattrPlace } from './xattr-tasks.ts';

/** Linux takes no larger value. */
const VALUE_BYTES_MAX = 65_536;
const END = Buffer.alloc(1);

/** A stream that handles have open, once for all of them. */
interface OpenStream {
  readonly reference: FileReference;
  name: string;
  userCount: number;
  /** Its bytes, once the file carries them no longer. */
  content: StreamContent | undefined;
}

export interface StreamSize {
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
}

export class XattrStreams {
  readonly #keeper: XattrKeeper;
  readonly #side: StreamStore;
  readonly #open = new Table<bigint, Set<OpenStream>>();
  readonly #turns = new Turns();

  constructor(keeper: XattrKeeper, side: StreamStore) {
    this.#keeper = keeper;
    this.#side = side;
  }

  *list(file: LocalFile): Task<StreamInfo[]> {
    const found = new Map(this.#side.list(file.reference).map((info) => [info.name, info]));
    for (const attribute of yield* this.#keeper.list(file)) {
      const name = streamOfAttribute(attribute);
      if (name === undefined) continue;
      const value = yield* this.#keeper.read(file, Buffer.from(attribute, 'latin1'));
      if (value !== undefined) found.set(name, { name, ...sizeOf(value) });
    }
    return [...found.values()];
  }

  /** Opens (or makes) a stream; {@link LocalStream.close} it. */
  open(file: LocalFile, name: string, mustCreate: boolean): Task<LocalStream> {
    return this.#turns.take(file.reference.fileId, () => this.#opened(file, name, mustCreate));
  }

  remove(file: LocalFile, name: string): Task<void> {
    return this.#turns.take(file.reference.fileId, () => this.#removed(file, name));
  }

  rename(file: LocalFile, move: { from: string; to: string; replace: boolean }): Task<void> {
    return this.#turns.take(file.reference.fileId, () => this.#renamed(file, move));
  }

  *#opened(file: LocalFile, name: string, mustCreate: boolean): Task<LocalStream> {
    const { reference } = file;
    const attribute = attributeOfStream(name);
    const isCarried = (yield* this.#keeper.read(file, attribute)) !== undefined;
    const isAside = !isCarried && this.#isAside(reference, name);
    if (mustCreate && (isCarried || isAside)) throw new BackendError('EEXIST', 'stream', name);
    if (!mustCreate && !isCarried && !isAside) throw new BackendError('ENOENT', 'stream', name);
    const known = this.#known(reference, name);
    const shared = known ?? { reference, name, userCount: 0, content: undefined };
    if (isAside) shared.content ??= this.#side.open(reference, name, false);
    else if (mustCreate) shared.content = yield* this.#made(file, name);
    shared.userCount += 1;
    if (known === undefined) this.#enter(shared);
    return new LocalStream(shared, { keeper: this.#keeper, turns: this.#turns, host: this });
  }

  /** Makes an empty stream; answers its bytes when the file cannot carry them. */
  *#made(file: LocalFile, name: string): Task<StreamContent | undefined> {
    const isCarried = yield* this.#keeper.carries(file, { name: attributeOfStream(name), bytes: END });
    return isCarried ? undefined : this.#side.open(file.reference, name, true);
  }

  *#removed(file: LocalFile, name: string): Task<void> {
    const { reference } = file;
    const attribute = attributeOfStream(name);
    const value = yield* this.#keeper.read(file, attribute);
    const isAside = this.#isAside(reference, name);
    if (value === undefined && !isAside) throw new BackendError('ENOENT', 'stream', name);
    yield* this.#withoutName(file, name);
    if (isAside) this.#side.remove(reference, name);
  }

  /** Takes the attribute from the file; handles keep what it held. */
  *#withoutName(file: LocalFile, name: string): Task<void> {
    const attribute = attributeOfStream(name);
    const value = yield* this.#keeper.read(file, attribute);
    if (value !== undefined) yield* this.#keeper.remove(file, attribute);
    const shared = this.#known(file.reference, name);
    if (shared === undefined) return;
    shared.content ??= detachedStream(bytesOf(value ?? END));
    this.#leave(shared);
  }

  *#renamed(
    file: LocalFile,
    { from, to, replace }: { from: string; to: string; replace: boolean },
  ): Task<void> {
    const { reference } = file;
    const value = yield* this.#keeper.read(file, attributeOfStream(from));
    const isAside = value === undefined && this.#isAside(reference, from);
    if (value === undefined && !isAside) throw new BackendError('ENOENT', 'stream', from);
    if (from === to) return;
    const taken = yield* this.#keeper.read(file, attributeOfStream(to));
    const isTakenAside = this.#isAside(reference, to);
    if (!replace && (taken !== undefined || isTakenAside)) throw new BackendError('EEXIST', 'stream', to);
    const shared = this.#known(reference, from);
    if (value === undefined) {
      this.#side.rename(reference, { from, to, replace: true });
      yield* this.#withoutName(file, to);
    } else {
      yield* this.#carriedTo(file, { from, to, value });
    }
    if (shared !== undefined) shared.name = to;
  }

  /** Moves what the file carries under one name to another, or aside. */
  *#carriedTo(file: LocalFile, move: { from: string; to: string; value: Buffer }): Task<void> {
    const { reference } = file;
    const { from, to, value } = move;
    const shared = this.#known(reference, from);
    const replaced = this.#known(reference, to);
    if (replaced !== undefined) yield* this.#withoutName(file, to);
    const isCarried = yield* this.#keeper.carries(file, { name: attributeOfStream(to), bytes: value });
    if (this.#isAside(reference, to)) this.#side.remove(reference, to);
    if (isCarried) return yield* this.#keeper.remove(file, attributeOfStream(from));
    const content = yield* this.#putAside(reference, to, bytesOf(value));
    yield* this.#keeper.remove(file, attributeOfStream(to));
    yield* this.#keeper.remove(file, attributeOfStream(from));
    if (shared === undefined) yield* settled(content.close());
    else shared.content = content;
  }

  /** Moves the bytes of an open stream to the side store. */
  *moveAside(place: XattrPlace, shared: OpenStream, bytes: Buffer): Task<StreamContent> {
    const { reference, name } = shared;
    const content = yield* this.#putAside(reference, name, bytes);
    try {
      yield* this.#keeper.remove(place, attributeOfStream(name));
    } catch (error) {
      yield* settled(content.close());
      this.#side.remove(reference, name);
      throw error;
    }
    shared.content = content;
    return content;
  }

  /** Puts a stream into the side store and on stable storage: what the file carries may go then. */
  *#putAside(reference: FileReference, name: string, bytes: Buffer): Task<StreamContent> {
    if (this.#isAside(reference, name)) this.#side.remove(reference, name);
    const content = this.#side.open(reference, name, true);
    try {
      if (bytes.length > 0) yield* settled(content.write(bytes, 0));
      yield* promisedCall(undefined, async () => content.sync());
    } catch (error) {
      yield* settled(content.close());
      this.#side.remove(reference, name);
      throw error;
    }
    return content;
  }

  #isAside(reference: FileReference, name: string): boolean {
    return this.#side.has(reference, name);
  }

  #known({ fileId }: FileReference, name: string): OpenStream | undefined {
    for (const shared of this.#open.get(fileId) ?? []) if (shared.name === name) return shared;
    return undefined;
  }

  #enter(shared: OpenStream): void {
    const { fileId } = shared.reference;
    const known = this.#open.get(fileId);
    if (known === undefined) this.#open.set(fileId, new Set([shared]));
    else known.add(shared);
  }

  /** From now on the name means another stream. */
  #leave(shared: OpenStream): void {
    const known = this.#open.get(shared.reference.fileId);
    known?.delete(shared);
    if (known?.size === 0) this.#open.delete(shared.reference.fileId);
  }

  /** A handle was closed. */
  closed(shared: OpenStream): MaybePromise<void> {
    shared.userCount -= 1;
    if (shared.userCount > 0) return;
    this.#leave(shared);
    return shared.content?.close();
  }
}

interface StreamParts {
  readonly keeper: XattrKeeper;
  readonly turns: Turns;
  readonly host: XattrStreams;
}

/** How an operation is done on the bytes in the side store. */
type OnContent<T> = (content: StreamContent) => MaybePromise<T>;

/** The bytes of an open stream; usable after its name is gone. `place` leads to the file, which the handle holds. */
export class LocalStream {
  readonly #shared: OpenStream;
  readonly #parts: StreamParts;

  constructor(shared: OpenStream, parts: StreamParts) {
    this.#shared = shared;
    this.#parts = parts;
  }

  size(place: XattrPlace): Task<StreamSize> {
    return this.#asked(place, sizeOf, (content) => content.size());
  }

  read(place: XattrPlace, target: Buffer, position: number): Task<number> {
    const copied = (value: Buffer): number =>
      position < value.length ? bytesOf(value).copy(target, 0, position) : 0;
    return this.#asked(place, copied, (content) => content.read(target, position));
  }

  write(place: XattrPlace, source: Buffer, position: number): Task<void> {
    const end = position + source.length;
    const change = {
      sizeOf: (bytes: Buffer) => Math.max(end, bytes.length),
      fill: (next: Buffer) => source.copy(next, position),
    };
    return this.#changed(place, change, (content) => content.write(source, position));
  }

  truncate(place: XattrPlace, sizeBytes: number): Task<void> {
    const change = { sizeOf: () => sizeBytes, fill: () => {} };
    return this.#changed(place, change, (content) => content.truncate(sizeBytes));
  }

  /** Puts the bytes on stable storage. */
  *sync(place: XattrPlace): Task<void> {
    const { content } = this.#shared;
    if (content !== undefined) return yield* promisedCall(undefined, async () => content.sync());
    const fd = yield* calls.open(filePath(place), OpenFlags.read);
    try {
      yield* calls.fsync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  close(): MaybePromise<void> {
    return this.#parts.host.closed(this.#shared);
  }

  *#asked<T>(place: XattrPlace, fromValue: (value: Buffer) => T, fromContent: OnContent<T>): Task<T> {
    const { turns } = this.#parts;
    const shared = this.#shared;
    const value = shared.content ?? (yield* turns.take(shared.reference.fileId, () => this.#current(place)));
    return Buffer.isBuffer(value) ? fromValue(value) : yield* settled(fromContent(value));
  }

  *#changed(
    place: XattrPlace,
    change: { sizeOf: (bytes: Buffer) => number; fill: (next: Buffer) => unknown },
    onContent: OnContent<void>,
  ): Task<void> {
    const { keeper, turns, host } = this.#parts;
    const shared = this.#shared;
    const current = (): Task<Buffer | StreamContent> => this.#current(place);
    const content =
      shared.content ??
      (yield* turns.take(shared.reference.fileId, function* () {
        const value = yield* current();
        if (!Buffer.isBuffer(value)) return value;
        const bytes = bytesOf(value);
        const next = resized(bytes, change.sizeOf(bytes));
        if (next !== undefined) change.fill(next);
        const name = attributeOfStream(shared.name);
        if (next !== undefined && (yield* keeper.carries(place, { name, bytes: next }))) return undefined;
        return yield* host.moveAside(place, shared, bytes);
      }));
    if (content !== undefined) yield* settled(onContent(content));
  }

  /** The attribute's value, or the content in the side store if it has moved there. */
  *#current(place: XattrPlace): Task<Buffer | StreamContent> {
    const shared = this.#shared;
    if (shared.content !== undefined) return shared.content;
    // Another program may have taken the attribute away: then the stream is empty.
    return (yield* this.#parts.keeper.read(place, attributeOfStream(shared.name))) ?? END;
  }
}

/** A value with `bytes` cut or filled up to `sizeBytes`; `undefined` where no attribute can be as large. */
function resized(bytes: Buffer, sizeBytes: number): Buffer | undefined {
  if (sizeBytes + END.length > VALUE_BYTES_MAX) return undefined;
  const value = Buffer.alloc(sizeBytes + END.length);
  bytes.copy(value, 0, 0, Math.min(sizeBytes, bytes.length));
  return value;
}

/** The stream in a value: all but the zero at the end. */
function bytesOf(value: Buffer): Buffer {
  return value.subarray(0, Math.max(0, value.length - END.length));
}

function sizeOf(value: Buffer): StreamSize {
  const sizeBytes = bytesOf(value).length;
  return { sizeBytes, allocatedBytes: sizeBytes };
}

/** Lets one task at a time deal with the streams of a file: a change is a read and a write. */
class Turns {
  readonly #underWay = new Map<bigint, PromiseWithResolvers<void>>();

  *take<T>(fileId: bigint, task: () => Task<T>): Task<T> {
    for (let other = this.#underWay.get(fileId); other !== undefined; other = this.#underWay.get(fileId)) {
      const { promise } = other;
      yield* promisedCall(undefined, () => promise);
    }
    const turn = Promise.withResolvers<void>();
    this.#underWay.set(fileId, turn);
    try {
      return yield* task();
    } finally {
      this.#underWay.delete(fileId);
      turn.resolve();
    }
  }
}
