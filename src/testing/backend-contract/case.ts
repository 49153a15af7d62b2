/**
 * The form of a contract case, and the few steps that all cases are made of.
 */
import assert from 'node:assert/strict';
import type {
  Backend,
  BackendHandle,
  BackendPath,
  DirectoryEntry,
  OpenOptions,
} from '../../backend/contract.ts';
import type { FileTime } from '../../base/clock.ts';

/** What a store may promise less of. */
export interface ContractTraits {
  /** Any name of the contract is kept as it is; otherwise the store may refuse unusual ones with EINVAL. Default true. */
  readonly hasExactNames: boolean;
  /** Precision of times in 100 ns units. Default 1. */
  readonly timeStep: bigint;
  /** Size of the largest file. */
  readonly fileBytesMax: number;
  /** Length of the longest path. Default: no limit below 32,000. */
  readonly pathCharsMax: number;
  /** A removed file is kept elsewhere, and an open one so keeps a link. Default false. */
  readonly keepsRemovedFiles: boolean;
  /** Takes a snapshot of the store; the time by which it is known. */
  readonly takeSnapshot: ((backend: Backend) => FileTime | Promise<FileTime>) | undefined;
  /** A second instance over the same store, for changes made by others. */
  readonly another: (backend: Backend) => Backend | undefined;
  /** Lets a moment pass, for a store that learns late of changes made by others. Default: nothing. */
  readonly settle: () => Promise<void>;
}

export interface ContractCase {
  /** What a store does, as a sentence. */
  readonly behaviour: string;
  /** The case applies only where this holds: it judges an optional ability. */
  readonly needs?: (backend: Backend, traits: ContractTraits) => boolean | Promise<boolean>;
  readonly run: (backend: Backend, traits: ContractTraits) => Promise<void>;
}

/** Runs `use` with an open handle and closes it. */
export async function withHandle<T>(
  backend: Backend,
  path: BackendPath,
  options: OpenOptions,
  use: (handle: BackendHandle) => T | Promise<T>,
): Promise<T> {
  const handle = await backend.open(path, options);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

export async function createFile(backend: Backend, path: BackendPath, text = ''): Promise<void> {
  await withHandle(backend, path, { write: true, create: true }, (handle) =>
    handle.write(Buffer.from(text), 0),
  );
}

/** The whole content of a file (or stream) as text. */
export async function contentOf(backend: Backend, path: BackendPath, stream?: string): Promise<string> {
  const options = stream === undefined ? {} : { stream };
  return withHandle(backend, path, options, async (handle) => {
    const { sizeBytes } = await handle.stat();
    return (await bytesOf(handle, 0, sizeBytes)).toString();
  });
}

/** What one read at `position` delivers. */
export async function bytesOf(handle: BackendHandle, position: number, length: number): Promise<Buffer> {
  const target = Buffer.alloc(length, 0xee);
  const count = await handle.read(target, position);
  return target.subarray(0, count);
}

export async function entriesOf(backend: Backend, path: BackendPath): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for await (const batch of backend.list(path)) entries.push(...batch);
  return entries;
}

/** The names in a directory, sorted by code unit. */
export async function listedNames(backend: Backend, path: BackendPath): Promise<string[]> {
  const entries = await entriesOf(backend, path);
  return entries.map(({ name }) => name).sort();
}

/** Asserts that `operation` fails with the Node error code. */
export async function failsWith(code: string, operation: () => unknown): Promise<void> {
  await assert.rejects(async () => operation(), { code });
}
