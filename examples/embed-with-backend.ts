/**
 * A storage of your own: the properties of an object appear as files that can be read and not changed.
 */
import {
  type Backend,
  type BackendHandle,
  type BackendStat,
  type DirectoryEntry,
  serve,
  type VolumeStat,
} from '../src/index.ts';

/** 2026-01-01, as 100 ns since 1601. */
const madeAt = 134_116_992_000_000_000n;

/** Errors are Node errors: a code says what is wrong. */
const failure = (code: string) => Object.assign(new Error(code), { code });

class ObjectBackend implements Backend {
  readonly name = 'an object';
  readonly #files: ReadonlyMap<string, Buffer>;

  constructor(contents: Readonly<Record<string, string>>) {
    this.#files = new Map(Object.entries(contents).map(([name, text]) => [name, Buffer.from(text)]));
  }

  stat(path: string): BackendStat {
    if (path === '') return this.#statOf(0, undefined);
    const index = [...this.#files.keys()].indexOf(path);
    if (index === -1) throw failure('ENOENT');
    return this.#statOf(index + 1, this.#files.get(path));
  }

  open(path: string, options: { write?: boolean; create?: boolean; stream?: string }): BackendHandle {
    if (options.create || options.write) throw failure('EROFS');
    if (options.stream !== undefined) throw failure('ENOENT');
    const stat = this.stat(path);
    const data = this.#files.get(path);
    const refuse = () => {
      throw failure('EROFS');
    };
    return {
      stat: () => stat,
      read: (target, position) => data?.copy(target, 0, Math.min(position, data.length)) ?? 0,
      setStat: refuse,
      write: refuse,
      truncate: refuse,
      sync: () => {},
      close: () => {},
    };
  }

  async *list(path: string): AsyncIterable<readonly DirectoryEntry[]> {
    if (path !== '') throw failure('ENOTDIR');
    yield [...this.#files.keys()].map((name) => ({ name, stat: this.stat(name) }));
  }

  makeDirectory(): never {
    throw failure('EROFS');
  }

  removeFile(): never {
    throw failure('EROFS');
  }

  removeDirectory(): never {
    throw failure('EROFS');
  }

  rename(): never {
    throw failure('EROFS');
  }

  volume(): VolumeStat {
    const sizes = { totalBytes: 1_000_000, freeBytes: 0, sectorBytes: 512, clusterBytes: 4096 };
    return { label: 'object', serialNumber: 1, ...sizes };
  }

  close(): void {}

  #statOf(index: number, data: Buffer | undefined): BackendStat {
    return {
      fileId: BigInt(index + 1),
      kind: data === undefined ? 'directory' : 'file',
      sizeBytes: data?.length ?? 0,
      allocatedBytes: data?.length ?? 0,
      linkCount: 1,
      creationTime: madeAt,
      lastAccessTime: madeAt,
      lastWriteTime: madeAt,
      changeTime: madeAt,
    };
  }
}

const weather = new ObjectBackend({ 'berlin.txt': 'rain\n', 'lisbon.txt': 'sun\n' });

const server = await serve({
  shares: { weather: { backend: weather, readOnly: true } },
  users: [{ name: 'anna', password: process.env['PASSWORD'] ?? 'change me' }],
  port: Number(process.env['PORT'] ?? 1445),
});
process.once('SIGINT', () => server.close());
console.log(server.url);
