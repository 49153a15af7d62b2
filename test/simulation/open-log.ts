/**
 * Where the servers of a run keep their persistent opens: what was written outlives a server, what was synced a power cut.
 */
import type { OpenRecord, RecordChange } from '../../src/fs/snapshot.ts';
import type { OpenStore } from '../../src/vfs/open-store.ts';

export class OpenLog {
  #written = new Map<number, OpenRecord>();
  #synced = new Map<number, OpenRecord>();

  /** Opens that are kept now. */
  get count(): number {
    return this.#written.size;
  }

  /** What a server sees of it as long as `isAlive`. */
  view(isAlive: () => boolean): OpenStore {
    return {
      records: [...this.#written.values()],
      write: (change) => {
        if (isAlive()) this.#write(change);
      },
      sync: async () => {
        if (isAlive()) this.#synced = new Map(this.#written);
      },
      close: async () => {},
    };
  }

  /** The power fails. */
  cut(): void {
    this.#written = new Map(this.#synced);
  }

  #write({ persistentId, record }: RecordChange): void {
    if (record === undefined) this.#written.delete(persistentId);
    else this.#written.set(persistentId, structuredClone(record));
  }
}
