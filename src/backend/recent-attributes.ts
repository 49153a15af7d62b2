/**
 * What files were seen to carry in their extended attributes lately: true as long as their change time is the same. A change time
 * of just now proves nothing where disks count time in steps: another change in the same step would not show.
 *
 * Kept as numbers in one table, 56 bytes a file, since listings ask for every file of a directory. A file has its place in one of
 * the four rows that its number leads to.
 */
import { type Clock, type FileTime, unixNsOfFileTime } from '../base/clock.ts';
import { STATE_WORDS, type StatxRecord } from '../native/stat.ts';
import type { DiskStat } from './disk-stat.ts';

/** The coarsest clock of disks in use counts in steps of 2 s. */
const STEP_NS = 2_000_000_000n;
const NS_PER_SECOND = 1_000_000_000;
const BIT_16 = 0x1_0000;
const BIT_32 = 0x1_0000_0000;
/** Files remembered at most, which take 3.5 MiB, and the room for them at first; powers of two. */
const COUNT_MAX = 65_536;
const COUNT_MIN = 1024;
/** As many are taken in within this time: who looks at very many files once does not look at them again soon. */
const WINDOW_MS = 5000;

/** A row: the state of the file, then these. */
const CREATION = STATE_WORDS;
const CHANGE = STATE_WORDS + 2;
const ATTRIBUTES = STATE_WORDS + 4;
const FLAGS = STATE_WORDS + 5;
const ROW_WORDS = STATE_WORDS + 6;
/** Rows that a file may stand in. */
const WAYS = 4;
const SET_WORDS = WAYS * ROW_WORDS;

const Flag = Object.freeze({
  USED: 1,
  CARRIES: 2,
  HAS_CREATION: 4,
  EAS_KNOWN: 8,
  HAS_EAS: 16,
  IS_WHOLE: 32,
  HAS_CHANGE: 64,
});

/** What a file carries. */
export interface Carried {
  /** DOS attributes; absent where it carries none. */
  readonly attributes: number | undefined;
  readonly creationTime: FileTime | undefined;
  /** Whether it carries EAs; absent where nobody has looked. */
  readonly hasEas: boolean | undefined;
}

/** What is known of a file. */
export interface Recent extends Carried {
  /** The side store has nothing of the file, or only this time in place of the disk's change time. */
  readonly isWhole: boolean;
  readonly changeTime: FileTime | undefined;
}

/** The state of the file at hand; filled and used within one call. */
const wanted = new Uint32Array(STATE_WORDS);
const wantedLongs = new BigInt64Array(wanted.buffer);

export class RecentAttributes {
  readonly #clock: Clock;
  readonly #exactDevice: bigint | undefined;
  #rows = new Uint32Array(COUNT_MIN * ROW_WORDS);
  #longs = new BigUint64Array(this.#rows.buffer);
  #victim = 0;
  #takenCount = 0;
  #windowEndMs = 0;

  /** `exactDevice`: a device whose change times tell every change. */
  constructor(clock: Clock, exactDevice?: bigint) {
    this.#clock = clock;
    this.#exactDevice = exactDevice;
  }

  /** What the file carries as it is now. */
  find(stat: DiskStat): Recent | undefined {
    wantStat(stat);
    return this.#found();
  }

  /** As {@link find}, for what was looked at just now. */
  findRecord(record: StatxRecord): Recent | undefined {
    record.stateInto(wanted);
    return this.#found();
  }

  /** `carried` was just read of the file, which was like `stat` before. */
  remember(stat: DiskStat, { attributes, creationTime, hasEas }: Carried): void {
    const isSure =
      stat.dev === this.#exactDevice || unixNsOfFileTime(this.#clock.now()) - stat.ctimeNs >= STEP_NS;
    if (!isSure || !this.#isRoomInWindow()) return;
    wantStat(stat);
    const row = this.#rowToFill();
    this.#rows.set(wanted, row);
    this.#longs[(row + CREATION) / 2] = creationTime ?? 0n;
    this.#rows[row + ATTRIBUTES] = attributes ?? 0;
    this.#rows[row + FLAGS] =
      Flag.USED |
      (attributes === undefined ? 0 : Flag.CARRIES) |
      (creationTime === undefined ? 0 : Flag.HAS_CREATION) |
      (hasEas === undefined ? 0 : Flag.EAS_KNOWN) |
      (hasEas ? Flag.HAS_EAS : 0);
  }

  /** The side store has nothing of the file, if it is remembered, but this time, if any. */
  completeRecord(record: StatxRecord, changeTime: FileTime | undefined): void {
    record.stateInto(wanted);
    const row = this.#rowOfWanted();
    if (row < 0) return;
    this.#longs[(row + CHANGE) / 2] = changeTime ?? 0n;
    this.#setFlags(row, Flag.IS_WHOLE | (changeTime === undefined ? 0 : Flag.HAS_CHANGE));
  }

  /** What the side store has of the file with this number becomes another. */
  sideChanged(fileId: bigint): void {
    wantedLongs[0] = BigInt.asIntN(64, fileId);
    const [low = 0, high = 0] = wanted;
    const set = this.#setOf(low, high);
    for (let row = set; row < set + SET_WORDS; row += ROW_WORDS) {
      if (this.#rows[row] === low && this.#rows[row + 1] === high) this.#setFlags(row, 0);
    }
  }

  /** Of what is known of the side store. */
  #setFlags(row: number, flags: number): void {
    const others = (this.#rows[row + FLAGS] ?? 0) & ~(Flag.IS_WHOLE | Flag.HAS_CHANGE);
    this.#rows[row + FLAGS] = others | flags;
  }

  #found(): Recent | undefined {
    const row = this.#rowOfWanted();
    return row < 0 ? undefined : this.#recentAt(row);
  }

  #rowOfWanted(): number {
    const set = this.#setOf(wanted[0] ?? 0, wanted[1] ?? 0);
    for (let row = set; row < set + SET_WORDS; row += ROW_WORDS) if (this.#is(row)) return row;
    return -1;
  }

  /** True for the row of the wanted state. */
  #is(row: number): boolean {
    const rows = this.#rows;
    for (let word = 0; word < STATE_WORDS; word++) if (rows[row + word] !== wanted[word]) return false;
    return rows[row + FLAGS] !== 0;
  }

  #recentAt(row: number): Recent {
    const flags = this.#rows[row + FLAGS] ?? 0;
    return {
      attributes: (flags & Flag.CARRIES) === 0 ? undefined : this.#rows[row + ATTRIBUTES],
      creationTime: (flags & Flag.HAS_CREATION) === 0 ? undefined : this.#longs[(row + CREATION) / 2],
      hasEas: (flags & Flag.EAS_KNOWN) === 0 ? undefined : (flags & Flag.HAS_EAS) !== 0,
      isWhole: (flags & Flag.IS_WHOLE) !== 0,
      changeTime: (flags & Flag.HAS_CHANGE) === 0 ? undefined : this.#longs[(row + CHANGE) / 2],
    };
  }

  /** The row for the wanted file: its former one, a free one, or that of another file, once there is no more room to make. */
  #rowToFill(): number {
    for (;;) {
      const [low = 0, high = 0] = wanted;
      const set = this.#setOf(low, high);
      let free = -1;
      for (let row = set + SET_WORDS - ROW_WORDS; row >= set; row -= ROW_WORDS) {
        if (this.#rows[row + FLAGS] === 0) free = row;
        else if (this.#rows[row] === low && this.#rows[row + 1] === high) return row;
      }
      if (free >= 0) return free;
      if (this.#rows.length >= COUNT_MAX * ROW_WORDS) {
        this.#victim = (this.#victim + 1) % WAYS;
        return set + this.#victim * ROW_WORDS;
      }
      this.#grow();
    }
  }

  /** Where the rows begin in which a file with this number may stand; neighbours in number are neighbours here. */
  #setOf(low: number, high: number): number {
    const setCount = this.#rows.length / SET_WORDS;
    return ((low ^ (low >>> 15) ^ high) & (setCount - 1)) * SET_WORDS;
  }

  /** Twice the room: of the rows of one set, each belongs there or into the one set that is new for it. */
  #grow(): void {
    const former = this.#rows;
    this.#rows = new Uint32Array(2 * former.length);
    this.#longs = new BigUint64Array(this.#rows.buffer);
    for (let row = 0; row < former.length; row += ROW_WORDS) {
      if (former[row + FLAGS] === 0) continue;
      let to = this.#setOf(former[row] ?? 0, former[row + 1] ?? 0);
      while (this.#rows[to + FLAGS] !== 0) to += ROW_WORDS;
      this.#rows.set(former.subarray(row, row + ROW_WORDS), to);
    }
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
}

/** As {@link StatxRecord.stateInto}. */
function wantStat({ ino, dev, ctimeNs, birthtimeNs }: DiskStat): void {
  wantedLongs[0] = ino;
  const [seconds, ns] = parted(ctimeNs);
  wanted[2] = seconds;
  wanted[3] = Math.floor(seconds / BIT_32);
  wanted[4] = ns;
  const [bornSeconds, bornNs] = parted(birthtimeNs);
  wanted[5] = bornSeconds;
  wanted[6] = bornNs;
  wanted[7] = Number(BigInt.asUintN(32, dev));
}

const long = new BigInt64Array(1);
const halves = new Int32Array(long.buffer);

/** Whole seconds and what is left, which is not negative; BigInt arithmetic would make several values on the way. */
function parted(ns: bigint): readonly [seconds: number, ns: number] {
  long[0] = ns;
  const [low = 0, high = 0] = halves;
  // In two parts, each of which a double holds exactly.
  const upper = high * BIT_16 + (low >>> 16);
  const upperSeconds = Math.floor(upper / NS_PER_SECOND);
  const lower = (upper - upperSeconds * NS_PER_SECOND) * BIT_16 + (low & (BIT_16 - 1));
  const lowerSeconds = Math.floor(lower / NS_PER_SECOND);
  return [upperSeconds * BIT_16 + lowerSeconds, lower - lowerSeconds * NS_PER_SECOND];
}
