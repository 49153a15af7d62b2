/**
 * What an object must offer to be served as if it were `node:fs/promises`; `fs.promises`, memfs and unionfs do.
 */

/** The part of `fs.Stats` or `fs.BigIntStats` that is read. */
export interface NodeStats {
  readonly ino?: number | bigint;
  readonly dev?: number | bigint;
  readonly size: number | bigint;
  readonly blocks?: number | bigint;
  readonly nlink?: number | bigint;
  readonly atimeMs: number | bigint;
  readonly mtimeMs: number | bigint;
  readonly ctimeMs: number | bigint;
  readonly birthtimeMs: number | bigint;
  readonly atimeNs?: number | bigint;
  readonly mtimeNs?: number | bigint;
  readonly ctimeNs?: number | bigint;
  readonly birthtimeNs?: number | bigint;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** The part of `fs.promises.FileHandle` that is used. */
export interface NodeFileHandle {
  stat(options: { bigint: true }): Promise<NodeStats>;
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  write(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  truncate(length: number): Promise<unknown>;
  close(): Promise<unknown>;
  /** Without it nothing can be put on stable storage: a sync answers at once. */
  sync?(): Promise<unknown>;
  /** Without it times cannot be set. */
  utimes?(atime: number, mtime: number): Promise<unknown>;
}

/** The part of `node:fs/promises` that is used; what may be absent takes an ability with it. */
export interface NodeFsPromises {
  open(path: string, flags: number): Promise<NodeFileHandle>;
  lstat(path: string, options: { bigint: true }): Promise<NodeStats>;
  readdir(path: string): Promise<readonly unknown[]>;
  mkdir(path: string): Promise<unknown>;
  rmdir(path: string): Promise<unknown>;
  unlink(path: string): Promise<unknown>;
  rename(from: string, to: string): Promise<unknown>;
  /** Hard links. */
  link?(from: string, to: string): Promise<unknown>;
  /** Symbolic links, together with `readlink`. */
  symlink?(target: string, path: string): Promise<unknown>;
  readlink?(path: string): Promise<unknown>;
  /** The size of the volume. */
  statfs?(path: string): Promise<{
    readonly bsize: number | bigint;
    readonly blocks: number | bigint;
    readonly bavail: number | bigint;
  }>;
}

/** `node:fs/promises`, or an object like `node:fs` that has it as `promises`. */
export type NodeFsSource = NodeFsPromises | { readonly promises: NodeFsPromises };

const requiredMethods = ['open', 'lstat', 'readdir', 'mkdir', 'rmdir', 'unlink', 'rename'] as const;
const handleMethods = ['stat', 'read', 'write', 'truncate', 'close'] as const;

/** The methods of `names` that `value` lacks. */
function lacking(value: unknown, names: readonly string[]): readonly string[] {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return names.filter((name) => !isObject || typeof Reflect.get(value, name) !== 'function');
}

const isComplete = (value: unknown): value is NodeFsPromises => lacking(value, requiredMethods).length === 0;

/** `promises` of an object like `node:fs`. */
function promisesOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'promises' in value ? value.promises : undefined;
}

/** True for what {@link fromNodeFs} takes. */
export function isNodeFs(value: unknown): value is NodeFsSource {
  return isComplete(promisesOf(value)) || (isComplete(value) && promisesOf(value) === undefined);
}

/** The methods that answer with promises; throws TypeError naming those that are missing. */
export function nodeFsPromises(source: unknown): NodeFsPromises {
  const promises = promisesOf(source);
  const candidate = promises ?? source;
  if (isComplete(candidate)) return candidate;
  const missing = lacking(candidate, requiredMethods);
  const where = promises === undefined ? 'the object' : 'the property "promises"';
  const hint =
    missing.length === requiredMethods.length
      ? '; pass what node:fs/promises is like, or has as "promises"'
      : '';
  throw new TypeError(`fromNodeFs: ${where} lacks ${missing.join(', ')}${hint}`);
}

/** `handle`, if it can do what is needed; otherwise a TypeError that names what is missing. */
export function checkedFileHandle(handle: NodeFileHandle): NodeFileHandle {
  const missing = lacking(handle, handleMethods);
  if (missing.length === 0) return handle;
  throw new TypeError(`fromNodeFs: what open() answers lacks ${missing.join(', ')}`);
}
