/**
 * What was read of files lately, true as long as their change time is the same. A change time of just now proves nothing:
 * disks count time in steps, and another change in the same step would not show. Unless the disk tells every change, see
 * change-times.ts.
 */
import { type Clock, unixNsOfFileTime } from '../base/clock.ts';
import type { DiskStat } from './disk-stat.ts';
import type { FileReference } from './metadata-store.ts';

/** The coarsest clock of disks in use counts in steps of 2 s. */
const STEP_NS = 2_000_000_000n;
/** Files remembered, about 250 bytes each. */
const COUNT_MAX = 16_384;
/** As many are taken in within this time: who looks at very many files once does not look at them again soon. */
const WINDOW_MS = 5000;

interface Recent<T> {
  readonly generation: bigint;
  readonly ctimeNs: bigint;
  readonly value: T;
}

export class RecentValues<T> {
  readonly #clock: Clock;
  readonly #exactDevice: bigint | undefined;
  /** By file id, oldest first. */
  readonly #values = new Map<bigint, Recent<T>>();
  #takenCount = 0;
  #windowEndMs = 0;

  /** `exactDevice`: a device whose change times tell every change. */
  constructor(clock: Clock, exactDevice?: bigint) {
    this.#clock = clock;
    this.#exactDevice = exactDevice;
  }

  /** What was read of the file as it is now. */
  find({ fileId, generation }: FileReference, { ctimeNs }: DiskStat): { readonly value: T } | undefined {
    const recent = this.#values.get(fileId);
    if (recent === undefined || recent.ctimeNs !== ctimeNs || recent.generation !== generation)
      return undefined;
    return recent;
  }

  #isRoomInWindow(): boolean {
    this.#takenCount += 1;
    if (this.#takenCount <= COUNT_MAX) return true;
    const now = this.#clock.monotonicMs();
    if (now < this.#windowEndMs) return false;
    this.#windowEndMs = now + WINDOW_MS;
    this.#takenCount = 1;
    return true;
  }

  /** `value` was just read of the file, which was like `stat` before. */
  remember({ fileId, generation }: FileReference, { ctimeNs, dev }: DiskStat, value: T): void {
    const isSure = dev === this.#exactDevice || unixNsOfFileTime(this.#clock.now()) - ctimeNs >= STEP_NS;
    if (!isSure || !this.#isRoomInWindow()) return;
    this.#values.delete(fileId);
    this.#values.set(fileId, { generation, ctimeNs, value });
    if (this.#values.size <= COUNT_MAX) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }
}
