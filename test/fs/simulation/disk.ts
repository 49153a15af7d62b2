/**
 * The world outside the core: names, files with one number as their content, requests that wait, and the delivery of
 * effects. It does what the shell does, without a disk.
 */
import type { FileCore } from '../../../src/fs/contract.ts';
import { createCore } from '../../../src/fs/core.ts';
import type { OpenRecord } from '../../../src/fs/snapshot.ts';
import type {
  Break,
  CoreEffect,
  CoreOpen,
  FileKey,
  Outcome,
  Place,
  Removal,
  Ticket,
} from '../../../src/fs/types.ts';
import { describeEffect } from '../world.ts';
import { Ledger } from './ledger.ts';
import type { Random } from './random.ts';

/** A file and the truth about its content. */
export interface DiskFile {
  readonly key: FileKey;
  name: string;
  /** What the server has. */
  value: number;
  /** What was written last, by anyone, wherever it is kept. */
  last: number;
}

export const directoryKey: FileKey = 'v:dir';

export function placeIn(name: string): Place {
  const ancestors = [
    { directory: 'v:', name: '' },
    { directory: directoryKey, name: 'dir' },
  ];
  return { ancestors, name };
}

/** Hears what the core tells holders. */
export interface Listener {
  hear(notice: Break): void;
  expired(open: CoreOpen): void;
}

const traceLines = 80;

export class Disk {
  readonly core: FileCore;
  readonly random: Random;
  readonly ledger = new Ledger();
  readonly files = new Map<string, DiskFile>();
  readonly byKey = new Map<FileKey, DiskFile>();
  now = 0;
  listener: Listener | undefined;
  /** What a store of persistent opens would hold. */
  readonly kept = new Map<number, OpenRecord>();
  readonly trace: string[] = [];
  readonly #waiting = new Map<Ticket, Waiting>();
  readonly #due: (() => void)[] = [];
  #created = 0;
  #value = 1;

  constructor(random: Random) {
    this.random = random;
    this.core = createCore({ breakTimeoutMs: 35, durableTimeoutMs: 90, durableTimeoutMaxMs: 90 });
  }

  note(line: string): void {
    this.trace.push(`${this.now} ${line}`);
    if (this.trace.length > traceLines) this.trace.shift();
  }

  freshValue(): number {
    return this.#value++;
  }

  create(name: string): DiskFile {
    const key = `v:${this.#created++}`;
    const file: DiskFile = { key, name, value: 0, last: 0 };
    this.files.set(name, file);
    this.byKey.set(key, file);
    return file;
  }

  remove(name: string): void {
    this.files.delete(name);
  }

  /** Runs `request`; when it must wait, again after every retry, until it ends. */
  run(request: () => Outcome, end: (outcome: Outcome) => void): void {
    const outcome = request();
    if (outcome.kind === 'wait') this.await(outcome.ticket, () => this.run(request, end));
    this.settle();
    if (outcome.kind !== 'wait') end(outcome);
  }

  /** What runs on `retry`, and what else ends the wait: nothing, or the answer itself. */
  await(ticket: Ticket, again: () => void): void {
    this.#waiting.set(ticket, { again, end: undefined });
  }

  /** The same where the answer may come without another run. */
  awaitAnswer(ticket: Ticket, again: () => void, end: (status: number) => void): void {
    this.#waiting.set(ticket, { again, end });
  }

  /** Requests that wait, as this side knows them. */
  get waitingCount(): number {
    return this.#waiting.size + this.#due.length;
  }

  /** Gives up a random waiting request. */
  cancelOne(): void {
    const tickets = [...this.#waiting.keys()];
    if (tickets.length === 0) return;
    const ticket = this.random.pick(tickets);
    this.note(`cancel ${ticket}`);
    if (!this.core.cancelTicket(ticket, this.now)) throw new Error(`ticket ${ticket} was not waiting`);
    this.#waiting.delete(ticket);
    this.ledger.ended(ticket);
  }

  /** Carries out effects; requests that may go on run when all effects are out. */
  settle(): void {
    for (;;) {
      const effects = this.core.takeEffects();
      if (effects.length === 0) return;
      for (const effect of effects) {
        this.note(`  ${describeEffect(effect)}`);
        this.#carryOut(effect);
      }
    }
  }

  /** Stores what changed; the store must then say what the core does. */
  keep(): void {
    for (const { persistentId, record } of this.core.takeChanges()) {
      if (record === undefined) this.kept.delete(persistentId);
      else this.kept.set(persistentId, record);
    }
    const { opens } = this.core.snapshot();
    if (opens.length !== this.kept.size) throw new Error(`${this.kept.size} kept of ${opens.length} opens`);
    for (const open of opens) {
      const kept = JSON.stringify(this.kept.get(open.durable.persistentId));
      if (kept !== JSON.stringify(open)) throw new Error(`kept: ${kept}\nis:   ${JSON.stringify(open)}`);
    }
  }

  /** Runs again what was released. */
  resume(): void {
    for (let again = this.#due.shift(); again !== undefined; again = this.#due.shift()) again();
  }

  #carryOut(effect: CoreEffect): void {
    switch (effect.kind) {
      case 'break':
        this.listener?.hear(effect);
        break;
      case 'expire':
        this.listener?.expired(effect.open);
        break;
      case 'delete':
        this.#delete(effect.removal);
        break;
      case 'retry':
        this.#due.push(this.#taken(effect.ticket).again);
        break;
      case 'lock':
      case 'notify':
        this.#end(effect.ticket, effect.status);
    }
  }

  #delete(removal: Removal): void {
    const file = this.files.get(removal.place.name);
    if (file?.key === removal.file && removal.stream === '') this.remove(removal.place.name);
    const parent = removal.parentKey === undefined ? {} : { parentKey: removal.parentKey };
    this.core.changed({ place: removal.place, action: 2, filter: 1, ...parent }, this.now);
  }

  /** Every effect answers exactly one waiting request. */
  #taken(ticket: Ticket): Waiting {
    const waiting = this.#waiting.get(ticket);
    if (waiting === undefined) throw new Error(`an answer to nobody: ticket ${ticket}`);
    this.#waiting.delete(ticket);
    this.ledger.ended(ticket);
    return waiting;
  }

  #end(ticket: Ticket, status: number): void {
    const { end } = this.#taken(ticket);
    if (end === undefined) throw new Error(`ticket ${ticket} waits to run again, not for an answer`);
    end(status);
  }
}

interface Waiting {
  readonly again: () => void;
  readonly end: ((status: number) => void) | undefined;
}
