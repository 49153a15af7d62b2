/**
 * Earlier states of a volume, which clients see as previous versions: each a volume of its own that cannot be changed.
 * [MS-SMB2] 3.3.5.9.4, 3.3.5.15.1
 */
import type { Backend, BackendPath } from '../backend/contract.ts';
import type { FileTime } from '../base/clock.ts';
import { NtStatus, NtStatusError } from '../base/status.ts';
import { parseSnapshotToken } from './snapshot-token.ts';
import { isAbsent } from './status-of-error.ts';
import type { Volume } from './volume.ts';

const second = 10_000_000n;

export class Snapshots {
  readonly #backend: Backend;
  readonly #open: (time: FileTime, backend: Backend) => Volume;
  /** By time. A store that answers with another backend for the same time gets another volume. */
  readonly #volumes = new Map<FileTime, { readonly backend: Backend; readonly volume: Volume }>();

  /** `open` makes the volume over the store of a time. */
  constructor(backend: Backend, open: (time: FileTime, backend: Backend) => Volume) {
    this.#backend = backend;
    this.#open = open;
  }

  /** When the snapshots were taken that may hold `path`, newest first. */
  async times(path: BackendPath): Promise<readonly FileTime[]> {
    return (await this.#backend.snapshots?.list(path)) ?? [];
  }

  /** The volume as it was; OBJECT_NAME_NOT_FOUND when there is no snapshot of just that second. */
  async at(time: FileTime): Promise<Volume> {
    const key = time - (time % second);
    try {
      const backend = await this.#backend.snapshots?.at(key);
      if (backend !== undefined) return this.#volumeOf(key, backend);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    throw new NtStatusError(NtStatus.OBJECT_NAME_NOT_FOUND, 'no such snapshot');
  }

  /** The path without the token of a snapshot among its components, and the time of that snapshot. */
  separate(path: string): { readonly path: string; readonly time: FileTime | undefined } {
    if (this.#backend.snapshots === undefined || !path.includes('@')) return { path, time: undefined };
    const components = path.split(/[\\/]/);
    const at = components.findIndex((component) => parseSnapshotToken(component) !== undefined);
    const time = parseSnapshotToken(components[at] ?? '');
    return { path: time === undefined ? path : components.toSpliced(at, 1).join('\\'), time };
  }

  async close(): Promise<void> {
    for (const { volume } of this.#volumes.values()) await volume.leave();
    this.#volumes.clear();
  }

  #volumeOf(time: FileTime, backend: Backend): Volume {
    const known = this.#volumes.get(time);
    if (known?.backend === backend) return known.volume;
    const volume = this.#open(time, backend);
    this.#volumes.set(time, { backend, volume });
    return volume;
  }
}
