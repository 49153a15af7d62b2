/**
 * What a virtual tree is made of: text, bytes, functions, streams and directories.
 */
import type { MaybePromise } from './contract.ts';

/** Text is UTF-8. */
export type VirtualBytes = string | Uint8Array;
/** All bytes at once, or in chunks. */
export type VirtualContent = VirtualBytes | AsyncIterable<VirtualBytes>;
export type VirtualChild = readonly [name: string, entry: VirtualEntry];

/** Names and what they stand for; an object, as written in a program. */
export interface VirtualDirectory {
  readonly [name: string]: VirtualEntry;
}

/**
 * Text, bytes, or a function that makes them: a file. An object, or a generator function that yields names and entries: a
 * directory.
 */
export type VirtualEntry =
  | VirtualContent
  | (() => MaybePromise<VirtualContent>)
  | (() => AsyncGenerator<VirtualChild, void, undefined>)
  | VirtualFile
  | VirtualFolder
  | VirtualDirectory;

export interface VirtualFileParts {
  /** Makes the content; called once for each open. */
  readonly read: () => MaybePromise<VirtualContent>;
  /**
   * Takes the whole content after it was changed: at a flush and at the latest when the file is closed. Without it the
   * file cannot be written. What it throws is the error of that flush or close.
   */
  readonly write?: (content: Buffer) => MaybePromise<unknown>;
  /** Bytes that `read` will make, for listings. Without it they show what the last open found, 0 before. */
  readonly size?: number;
  /** When the content was last changed. */
  readonly mtime?: Date;
}

/** A file with more than content; made by {@link file}. */
export class VirtualFile {
  readonly parts: VirtualFileParts;

  constructor(parts: VirtualFileParts) {
    this.parts = parts;
  }
}

export interface VirtualFolderParts {
  /** Yields every name with its entry. */
  readonly list: () => AsyncIterable<VirtualChild>;
  /** The entry of one name, where that is quicker than going through all of them. */
  readonly find?: (name: string) => MaybePromise<VirtualEntry | undefined>;
  readonly mtime?: Date;
}

/** A directory whose names are made when they are asked for; made by {@link directory}. */
export class VirtualFolder {
  readonly parts: VirtualFolderParts;

  constructor(parts: VirtualFolderParts) {
    this.parts = parts;
  }
}

/** A file of a virtual tree that can be written, or whose size or time is known. */
export function file(parts: VirtualFileParts): VirtualFile {
  return new VirtualFile(parts);
}

/** A directory of a virtual tree that is looked up rather than listed. */
export function directory(parts: VirtualFolderParts): VirtualFolder {
  return new VirtualFolder(parts);
}

/** An entry in the one form that the store works with. */
export type VirtualNode =
  | { readonly kind: 'file'; readonly parts: VirtualFileParts }
  | { readonly kind: 'directory'; readonly parts: VirtualFolderParts };

export const isBytes = (value: unknown): value is VirtualBytes =>
  typeof value === 'string' || value instanceof Uint8Array;

export const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

type ListFunction = () => AsyncGenerator<VirtualChild, void, undefined>;
const isListFunction = (entry: unknown): entry is ListFunction =>
  typeof entry === 'function' && Object.prototype.toString.call(entry) === '[object AsyncGeneratorFunction]';
const isContentFunction = (entry: VirtualEntry): entry is () => MaybePromise<VirtualContent> =>
  typeof entry === 'function' && !isListFunction(entry);
const isContent = (entry: VirtualEntry): entry is VirtualContent => isBytes(entry) || isIterable(entry);

/** Throws TypeError for what is no entry. */
export function nodeOf(entry: VirtualEntry, name: string): VirtualNode {
  if (entry instanceof VirtualFile) return { kind: 'file', parts: entry.parts };
  if (entry instanceof VirtualFolder) return { kind: 'directory', parts: entry.parts };
  if (isBytes(entry)) return { kind: 'file', parts: { read: () => entry, size: Buffer.byteLength(entry) } };
  if (isListFunction(entry)) return { kind: 'directory', parts: { list: entry } };
  if (isContentFunction(entry)) return { kind: 'file', parts: { read: entry } };
  if (isContent(entry)) return { kind: 'file', parts: { read: () => entry } };
  if (isDirectory(entry)) return { kind: 'directory', parts: partsOf(entry) };
  throw new TypeError(
    `virtualTree: "${name}" is neither text, bytes, a function, a stream nor an object of such`,
  );
}

/** A plain object: others are more likely a mistake than a directory. */
export function isDirectory(value: unknown): value is VirtualDirectory {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function partsOf(entries: VirtualDirectory): VirtualFolderParts {
  return {
    async *list() {
      yield* Object.entries(entries);
    },
    find: (name) => (Object.hasOwn(entries, name) ? entries[name] : undefined),
  };
}
