/**
 * A disk that can lose its power: an ext4 file system in a file. The file holds only what ext4 has submitted, so that a
 * copy of it is the disk at that moment; mounting the copy recovers it as after a power cut.
 *
 * The copy must be of one moment: a file read from front to end while ext4 writes to it shows a state that no disk ever
 * had. So the file lies on an xfs, which clones a file in one step.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const diskBytes = 64 * MIB;
/** Most of it is never written; mkfs.xfs wants at least 300 MiB. */
const hostBytes = 1024 * MIB;

/** Why there can be no such disks here; false where there can. */
export async function imageProblem(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'only root may mount';
  try {
    await withDisks(async (disks) => {
      const disk = await disks.make();
      const copy = await disks.copy();
      for (const one of [disk, copy]) await disks.remove(one);
    });
    return false;
  } catch (error) {
    return `images cannot be mounted: ${String(error)}`;
  }
}

/** Runs `use` with a place for disks, which is gone afterwards. */
export async function withDisks<T>(use: (disks: Disks) => Promise<T>): Promise<T> {
  // What counts is what has left ext4, not what reached a disk of this machine.
  const memory = '/dev/shm';
  const folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'smbkit-power-cut-'));
  const disks = new Disks(folder);
  try {
    await disks.begin();
    return await use(disks);
  } finally {
    await disks.end();
    rmSync(folder, { recursive: true });
  }
}

/** A mounted disk. */
export interface Disk {
  readonly mountPoint: string;
  readonly file: string;
}

/** One disk and its copies. */
export class Disks {
  readonly #folder: string;
  readonly #host: string;
  readonly #mounted: string[] = [];
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#host = join(folder, 'host');
  }

  async begin(): Promise<void> {
    const file = this.#blank(join(this.#folder, 'host.xfs'), hostBytes);
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', file]);
    await this.#mount(file, this.#host);
  }

  /** The disk, empty. */
  async make(): Promise<Disk> {
    const file = this.#blank(join(this.#host, 'disk.ext4'), diskBytes);
    await run('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', file]);
    return this.#mountDisk(file);
  }

  /** The disk as it is at this moment, recovered. */
  async copy(): Promise<Disk> {
    const file = join(this.#host, `copy-${this.#count}.ext4`);
    await run('cp', ['--reflink=always', join(this.#host, 'disk.ext4'), file]);
    return this.#mountDisk(file);
  }

  async remove(disk: Disk): Promise<void> {
    await this.#unmount(disk.mountPoint);
    rmSync(disk.file);
  }

  /** Unmounts whatever is still mounted. */
  async end(): Promise<void> {
    for (const mountPoint of [...this.#mounted].reverse()) await this.#unmount(mountPoint);
  }

  #blank(file: string, sizeBytes: number): string {
    writeFileSync(file, '');
    truncateSync(file, sizeBytes);
    return file;
  }

  async #mountDisk(file: string): Promise<Disk> {
    this.#count += 1;
    const mountPoint = join(this.#folder, `disk-${this.#count}`);
    await this.#mount(file, mountPoint);
    return { mountPoint, file };
  }

  async #mount(file: string, mountPoint: string): Promise<void> {
    mkdirSync(mountPoint);
    await run('mount', ['-o', 'loop', file, mountPoint]);
    this.#mounted.push(mountPoint);
  }

  async #unmount(mountPoint: string): Promise<void> {
    await run('umount', [mountPoint]);
    this.#mounted.splice(this.#mounted.indexOf(mountPoint), 1);
    rmSync(mountPoint, { recursive: true });
  }
}
