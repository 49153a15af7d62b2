/**
 * A client that caches as its oplocks and leases allow, acknowledges late, wrongly or never, comes and goes.
 */
import type { Break, CoreOpen, OpenIntent, OpenOutcome } from '../../../src/fs/types.ts';
import { AccessMask, LeaseState, OplockLevel } from '../../../src/wire/flags.ts';
import { guid, lettersOf, readWrite } from '../world.ts';
import { lock, modify, rename, setDisposition, watch } from './deeds.ts';
import { type Disk, type DiskFile, placeIn } from './disk.ts';
import { type Grip, lose, mayDelete, newGrip, type SimulatedOpen, stateOfLevel } from './grip.ts';
import { directoryIntent, fileWishes, type Wishes } from './wishes.ts';

const { READ_CACHING: R, WRITE_CACHING: W } = LeaseState;

/** The file whose locks are played with; its content is not followed, for locks make writing fail. */
export const lockedName = 'locks';
const names = ['a', 'b', 'c', lockedName];

export class Client {
  readonly disk: Disk;
  readonly number: number;
  readonly guid: string;
  readonly opens = new Map<CoreOpen, SimulatedOpen>();
  readonly away = new Map<CoreOpen, SimulatedOpen>();
  readonly grips = new Map<string, Grip>();
  #nextId: number;

  constructor(disk: Disk, number: number) {
    this.disk = disk;
    this.number = number;
    this.guid = guid(0xc000 + number);
    this.#nextId = number * 1_000_000;
  }

  /** One random thing. */
  act(): void {
    const { random } = this.disk;
    const weights = {
      open: 6,
      close: 4,
      read: 8,
      write: 6,
      look: 10,
      delete: 1,
      rename: 1,
      vanish: 1,
      change: 1,
    };
    const deed = random.weighted({ ...weights, return: 2, lock: 3, watch: 1, truncate: 1, wrong: 1 });
    this.disk.note(`client ${this.number} ${deed}`);
    this[deed]();
  }

  open(): void {
    const { random } = this.disk;
    if (random.oneIn(6)) {
      const intent = directoryIntent(random, this.#owner());
      this.#open(() => intent, undefined);
    } else this.#openFile(random.pick(names));
  }

  #openFile(name: string): void {
    const seed = this.disk.files.get(name)?.key ?? '';
    const wishes = fileWishes(this.disk.random, this.#owner(), { id: this.#nextId++, seed });
    this.#open(() => this.#intent(name, wishes), name);
  }

  #owner(): OpenIntent['owner'] {
    return { clientGuid: this.guid, session: this.number, user: `S-1-5-${this.number}`, share: 'S' };
  }

  #intent(name: string, wishes: Wishes): OpenIntent {
    const known = this.disk.files.get(name);
    const file = known ?? this.disk.create(name);
    return {
      ...wishes,
      file: file.key,
      isNew: known === undefined,
      place: placeIn(name),
      isDirectory: false,
    };
  }

  /** Asks until answered; the request is made anew each time, for the name may mean another file by then. */
  #open(intentOf: () => OpenIntent, name: string | undefined): void {
    const intent = intentOf();
    const outcome = this.disk.core.open(intent, this.disk.now);
    if (outcome.kind === 'wait') this.disk.await(outcome.ticket, () => this.#open(intentOf, name));
    this.disk.settle();
    if (outcome.kind === 'granted') this.#granted(intent, outcome, name);
    else if (intent.isNew && name !== undefined) this.disk.remove(name);
  }

  #granted(intent: OpenIntent, outcome: OpenOutcome & { kind: 'granted' }, name: string | undefined): void {
    const { open, cache } = outcome;
    const file = name === undefined ? undefined : this.disk.byKey.get(intent.file);
    const owner =
      cache.kind === 'lease' ? cache.key : cache.level === OplockLevel.NONE ? undefined : `open ${open.id}`;
    const state = cache.kind === 'lease' ? cache.state : stateOfLevel(cache.level);
    const grip = file === undefined || owner === undefined ? undefined : this.#gripOf(owner, file);
    if (grip !== undefined) {
      // Of what was broken while nobody heard, a grant under the same lease says nothing; only a reclaim does.
      if ([...grip.opens].some((each) => this.away.has(each))) lose(grip);
      grip.opens.add(open);
      grip.state = state;
      if (!(state & R)) grip.cached = undefined;
    }
    this.opens.set(open, { open, grip, file });
    this.disk.note(
      `  granted ${open.id} on ${intent.file} ${lettersOf(state)} access ${intent.grantedAccess.toString(16)}`,
    );
    if (intent.isNew)
      this.disk.core.changed({ place: open.place, action: 1, filter: 1, by: open }, this.disk.now);
    if (file !== undefined && intent.replaces !== 'nothing' && !intent.isNew) this.#replace(file);
    this.disk.settle();
  }

  #gripOf(name: string, file: DiskFile): Grip {
    const known = this.grips.get(name);
    if (known !== undefined) return known;
    const grip = newGrip(name, file);
    this.grips.set(name, grip);
    return grip;
  }

  #replace(file: DiskFile): void {
    for (const grip of this.grips.values()) {
      if (grip.file === file) {
        grip.isDirty = false;
        grip.cached = undefined;
      }
    }
    file.value = this.disk.freshValue();
    file.last = file.value;
    this.disk.note(`  replaced ${file.key} by ${file.value}`);
  }

  #pick(filter: (each: SimulatedOpen) => boolean): SimulatedOpen | undefined {
    const found = [...this.opens.values()].filter(filter);
    return found.length === 0 ? undefined : this.disk.random.pick(found);
  }

  close(): void {
    const chosen = this.#pick(() => true);
    if (chosen !== undefined) this.#flushThen(chosen, () => this.#close(chosen));
  }

  #close(chosen: SimulatedOpen): void {
    if (!this.opens.has(chosen.open)) return;
    this.#leave(chosen);
    this.disk.core.close(chosen.open, this.disk.now);
    this.disk.settle();
  }

  #leave(chosen: SimulatedOpen): void {
    this.opens.delete(chosen.open);
    this.away.delete(chosen.open);
    const { grip } = chosen;
    if (grip === undefined) return;
    grip.opens.delete(chosen.open);
    if (grip.opens.size > 0) return;
    lose(grip);
    this.grips.delete(grip.name);
  }

  /** Writes back what only this client has, then goes on. */
  #flushThen({ open, grip }: SimulatedOpen, next: () => void): void {
    if (grip?.isDirty !== true) {
      next();
      return;
    }
    const writer = [...grip.opens].find((each) => each.grantedAccess & AccessMask.FILE_WRITE_DATA) ?? open;
    this.disk.run(
      () => this.disk.core.write(writer, 0n, 1n, this.disk.now),
      (outcome) => {
        this.disk.note(`  writes ${grip.cached} back to ${grip.file.key} by ${writer.id}: ${outcome.kind}`);
        if (grip.isDirty && grip.cached !== undefined) grip.file.value = grip.cached;
        grip.isDirty = false;
        next();
      },
    );
  }

  read(): void {
    const isReader = ({ open, file }: SimulatedOpen) =>
      file !== undefined &&
      file.name !== lockedName &&
      (open.grantedAccess & AccessMask.FILE_READ_DATA) !== 0;
    const { grip, file, open } = this.#pick(isReader) ?? {};
    if (file === undefined || open === undefined) return;
    if (grip !== undefined && grip.state & R && grip.cached !== undefined) {
      // A notice on its way excuses an old value: nobody waits for readers.
      if (grip.inbox.length === 0) this.#expect(grip.cached, file, 'its cache');
      return;
    }
    this.disk.run(
      () => this.disk.core.read(open, 0n, 1n, this.disk.now),
      (outcome) => {
        if (outcome.kind !== 'done') return;
        this.#expect(file.value, file, 'the server');
        if (grip !== undefined && grip.state & R && grip.inbox.length === 0) grip.cached = file.value;
      },
    );
  }

  #expect(value: number, file: DiskFile, where: string): void {
    if (value === file.last) return;
    const told = `client ${this.number} reads ${value} of ${file.key} from ${where}`;
    throw new Error(`${told}, but ${file.last} was written last`);
  }

  #writer(): SimulatedOpen | undefined {
    const isWriter = ({ open, file }: SimulatedOpen) =>
      file !== undefined &&
      file.name !== lockedName &&
      (open.grantedAccess & AccessMask.FILE_WRITE_DATA) !== 0;
    return this.#pick(isWriter);
  }

  write(): void {
    const { grip, file, open } = this.#writer() ?? {};
    if (file === undefined || open === undefined) return;
    if (grip !== undefined && grip.state & W) {
      grip.cached = this.disk.freshValue();
      grip.isDirty = true;
      this.disk.note(`  keeps ${grip.cached} for ${file.key} under ${grip.name}`);
      file.last = grip.cached;
      return;
    }
    this.disk.run(
      () => this.disk.core.write(open, 0n, 1n, this.disk.now),
      (outcome) => {
        if (outcome.kind !== 'done') return;
        file.value = this.disk.freshValue();
        file.last = file.value;
        this.disk.note(`  wrote ${file.value} to ${file.key}`);
        for (const own of this.grips.values()) if (own.file === file) own.cached = undefined;
      },
    );
  }

  truncate(): void {
    const chosen = this.#writer();
    const { file, open } = chosen ?? {};
    if (chosen === undefined || file === undefined || open === undefined) return;
    this.#flushThen(chosen, () => {
      const request = () => this.disk.core.truncate(open, this.disk.now);
      this.disk.run(request, (outcome) => outcome.kind === 'done' && this.#replace(file));
    });
  }

  /** Looks at the oldest break of some grip, flushes and acknowledges. */
  look(): void {
    const busy = [...this.grips.values()].filter((grip) => grip.inbox.length > 0);
    if (busy.length === 0) return;
    const grip = this.disk.random.pick(busy);
    const notice = grip.inbox.shift();
    const [open] = grip.opens;
    if (notice === undefined || open === undefined) return;
    const to = notice.target === 'lease' ? notice.to : stateOfLevel(notice.toLevel);
    this.#flushThen({ open, grip, file: grip.file }, () => {
      grip.state &= to;
      if (!(grip.state & R)) grip.cached = undefined;
      if (notice.isAckRequired) this.acknowledge(notice, to);
    });
  }

  acknowledge(notice: Break, state: number): void {
    const { core, now } = this.disk;
    if (notice.target === 'oplock') core.acknowledgeOplock(notice.open, notice.toLevel, now);
    else core.acknowledgeLease({ clientGuid: this.guid, key: notice.key, state }, now);
    this.disk.settle();
  }

  /** Acknowledges what it was not asked for. */
  wrong(): void {
    const { random, core, now } = this.disk;
    const chosen = this.#pick(({ grip }) => grip !== undefined);
    if (chosen?.grip === undefined) return;
    if (chosen.grip.name.startsWith('open')) {
      // This costs an oplock all it has: the client writes back and forgets first.
      this.#flushThen(chosen, () => {
        core.acknowledgeOplock(chosen.open, random.pick([OplockLevel.BATCH, 0x77, OplockLevel.LEASE]), now);
        this.disk.settle();
        this.reconcile();
      });
    } else {
      core.acknowledgeLease({ clientGuid: this.guid, key: chosen.grip.name, state: 7 }, now);
      this.disk.settle();
    }
  }

  delete(): void {
    const open = this.#pick(mayDelete)?.open;
    if (open !== undefined) setDisposition(this.disk, open);
  }

  rename(): void {
    const { file, open } = this.#pick(mayDelete) ?? {};
    if (file === undefined || open === undefined || file.name === lockedName) return;
    rename(this.disk, {
      file,
      open,
      name: this.disk.random.pick(names.filter((each) => each !== lockedName)),
    });
  }

  /** The connection is lost: durable opens stay, the others go. */
  vanish(): void {
    if (!this.disk.random.oneIn(3)) return;
    for (const chosen of [...this.opens.values()]) {
      const fate = this.disk.core.disconnect(chosen.open, this.disk.now);
      this.disk.settle();
      if (fate === 'closed') this.#leave(chosen);
      else {
        this.opens.delete(chosen.open);
        this.away.set(chosen.open, chosen);
      }
    }
  }

  /** Comes back for what it left. The answers tell what caching is left: breaks that nobody heard are not sent again. */
  return(): void {
    for (const chosen of [...this.away.values()]) {
      const { open, grip } = chosen;
      const isLease = grip !== undefined && !grip.name.startsWith('open');
      const lease = isLease
        ? { kind: 'lease' as const, version: 1 as const, key: grip.name, state: 7, epoch: 0 }
        : undefined;
      const outcome = this.disk.core.reclaim(
        {
          version: 2,
          persistentId: open.durable?.persistentId ?? -1,
          ...(open.createGuid === undefined ? {} : { createGuid: open.createGuid }),
          owner: this.#owner(),
          ...(lease === undefined ? {} : { lease }),
          isSameName: () => true,
        },
        this.disk.now,
      );
      this.disk.settle();
      if (outcome.kind !== 'granted') throw new Error(`an open that is there was not given back: ${open.id}`);
      this.away.delete(open);
      this.opens.set(open, chosen);
    }
    this.reconcile();
  }

  lock(): void {
    const isLocker = ({ open, file }: SimulatedOpen) =>
      file?.name === lockedName && (open.grantedAccess & readWrite) !== 0;
    const open = this.#pick(isLocker)?.open;
    if (open !== undefined) lock(this.disk, open);
  }

  watch(): void {
    const open = this.#pick((each) => each.open.isDirectory)?.open;
    if (open !== undefined) watch(this.disk, open);
  }

  change(): void {
    const open = this.#pick(({ file }) => file !== undefined)?.open;
    if (open !== undefined) modify(this.disk, open);
  }

  /** A break arrives; it will be looked at some time. */
  hear(notice: Break): void {
    const name = notice.target === 'lease' ? notice.key : `open ${notice.open.id}`;
    const grip = this.grips.get(name);
    if (grip !== undefined) grip.inbox.push(notice);
    else if (notice.isAckRequired && this.disk.random.oneIn(2)) this.acknowledge(notice, 0);
  }

  expired(open: CoreOpen): void {
    const chosen = this.opens.get(open) ?? this.away.get(open);
    if (chosen !== undefined) this.#leave(chosen);
  }

  /** After a time-out the server has taken all; what was not written back is lost. */
  reconcile(): void {
    for (const grip of this.grips.values()) {
      const [open] = grip.opens;
      const cache = open === undefined ? undefined : this.disk.core.cacheOf(open);
      const state = cache?.kind === 'lease' ? cache.state : stateOfLevel(cache?.level ?? 0);
      const gone = grip.state & ~state;
      const isToldSoon = !(gone & W) && grip.inbox.some((notice) => !notice.isAckRequired);
      if (gone === 0 || isToldSoon) continue;
      lose(grip);
      grip.state &= state;
      grip.inbox.length = 0;
    }
  }
}
