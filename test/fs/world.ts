/**
 * A core with a short way to say what a test does: `world.open('f', { lease: 'RWH', key: 1 })`.
 */
import assert from 'node:assert/strict';
import { statusName } from '../../src/base/status.ts';
import type { CoreSettings, FileCore } from '../../src/fs/contract.ts';
import { createCore } from '../../src/fs/core.ts';
import type {
  CacheRequest,
  CoreEffect,
  CoreOpen,
  OpenIntent,
  OpenOutcome,
  Outcome,
  Place,
  WatchOutcome,
} from '../../src/fs/types.ts';
import { AccessMask, CreateOption, LeaseState, OplockLevel } from '../../src/wire/flags.ts';

export const all = AccessMask.FILE_ALL_ACCESS;
export const readWrite = AccessMask.FILE_READ_DATA | AccessMask.FILE_WRITE_DATA;

/** What a test may say of an open; everything has a default. */
export interface OpenWords {
  readonly access?: number;
  readonly share?: number;
  readonly options?: number;
  readonly stream?: string;
  readonly isDirectory?: boolean;
  readonly isNew?: boolean;
  readonly replaces?: 'nothing' | 'overwrite' | 'supersede';
  /** `s`, `x` or `b`. */
  readonly oplock?: string;
  /** Letters of R, W, H; `''` asks for no state under a key. */
  readonly lease?: string;
  readonly key?: number;
  readonly version?: 1 | 2;
  readonly epoch?: number;
  readonly parentKey?: number;
  readonly client?: number;
  readonly user?: string;
  readonly place?: Place;
  readonly durable?: OpenIntent['durable'];
  readonly appInstance?: OpenIntent['appInstance'];
  readonly deleteOnClose?: boolean;
}

const letters: readonly (readonly [string, number])[] = [
  ['R', LeaseState.READ_CACHING],
  ['W', LeaseState.WRITE_CACHING],
  ['H', LeaseState.HANDLE_CACHING],
];
const levels: readonly (readonly [string, number])[] = [
  ['', OplockLevel.NONE],
  ['s', OplockLevel.LEVEL_II],
  ['x', OplockLevel.EXCLUSIVE],
  ['b', OplockLevel.BATCH],
];

export function bitsOf(text: string): number {
  return letters.reduce((bits, [letter, bit]) => (text.includes(letter) ? bits | bit : bits), 0);
}

export function lettersOf(bits: number): string {
  return letters.map(([letter, bit]) => (bits & bit ? letter : '')).join('');
}

export function levelOfLetter(letter: string): number {
  return levels.find(([name]) => name === letter)?.[1] ?? OplockLevel.NONE;
}

export function letterOfLevel(level: number): string {
  return levels.find(([, value]) => value === level)?.[0] ?? '?';
}

export function guid(n: number): string {
  return n.toString(16).padStart(32, '0');
}

export function placeOf(path: string): Place {
  const names = path.split('/');
  const name = names.pop() ?? '';
  const ancestors = [{ directory: 'v:', name: '' }];
  let key = 'v:';
  for (const step of names) {
    key = key === 'v:' ? `v:${step}` : `${key}/${step}`;
    ancestors.push({ directory: key, name: step });
  }
  return { ancestors, name };
}

export function keyOf(path: string): string {
  return `v:${path}`;
}

export class World {
  readonly core: FileCore;
  now = 1000;
  #seen: CoreEffect[] = [];

  constructor(settings: Partial<CoreSettings> = {}) {
    this.core = createCore(settings);
  }

  intent(path: string, words: OpenWords = {}): OpenIntent {
    const client = words.client ?? 1;
    const options = (words.options ?? 0) | (words.deleteOnClose ? CreateOption.DELETE_ON_CLOSE : 0);
    return {
      file: keyOf(path),
      stream: words.stream ?? '',
      place: words.place ?? placeOf(path),
      isDirectory: words.isDirectory ?? false,
      isNew: words.isNew ?? false,
      replaces: words.replaces ?? 'nothing',
      grantedAccess: words.access ?? all,
      shareAccess: words.share ?? 7,
      createOptions: options,
      cache: cacheRequest(words),
      owner: {
        clientGuid: guid(0xc000 + client),
        session: client,
        user: words.user ?? 'S-1-5-1',
        share: 'SHARE',
      },
      ...(words.durable === undefined ? {} : { durable: words.durable }),
      ...(words.appInstance === undefined ? {} : { appInstance: words.appInstance }),
    };
  }

  tryOpen(path: string, words: OpenWords = {}): OpenOutcome {
    return this.core.open(this.intent(path, words), this.now);
  }

  open(path: string, words: OpenWords = {}): CoreOpen {
    const outcome = this.tryOpen(path, words);
    assert.equal(outcome.kind, 'granted', describe(outcome));
    assert.ok(outcome.kind === 'granted');
    return outcome.open;
  }

  /** Opens and expects to wait; returns the ticket. */
  openLater(path: string, words: OpenWords = {}): number {
    return ticketOf(this.tryOpen(path, words));
  }

  close(...opens: CoreOpen[]): void {
    for (const open of opens) this.core.close(open, this.now);
  }

  /** What an open holds: `RWH`, or an oplock's letter. */
  held(open: CoreOpen): string {
    const cache = this.core.cacheOf(open);
    return cache.kind === 'lease'
      ? lettersOf(cache.state) + (cache.isBreaking ? '!' : '')
      : letterOfLevel(cache.level);
  }

  epoch(open: CoreOpen): number {
    const cache = this.core.cacheOf(open);
    return cache.kind === 'lease' ? cache.epoch : -1;
  }

  ack(key: number, state: string, client = 1): string {
    const lease = { clientGuid: guid(0xc000 + client), key: guid(key), state: bitsOf(state) };
    const answer = this.core.acknowledgeLease(lease, this.now);
    return answer.kind === 'done' ? lettersOf(answer.state) : statusName(answer.status);
  }

  ackOplock(open: CoreOpen, letter: string): string {
    const answer = this.core.acknowledgeOplock(open, levelOfLetter(letter), this.now);
    return answer.kind === 'done' ? letterOfLevel(answer.level) : statusName(answer.status);
  }

  /** Effects since the last look, in short: `1 RWH>RH ack`, `retry 3`, `delete v:f`. */
  news(): string[] {
    const effects = this.core.takeEffects();
    this.#seen = [...effects];
    return effects.map(describeEffect);
  }

  get lastEffects(): readonly CoreEffect[] {
    return this.#seen;
  }
}

function cacheRequest(words: OpenWords): CacheRequest {
  if (words.lease !== undefined) {
    const { version = 1, epoch = 0, parentKey } = words;
    const state = bitsOf(words.lease);
    const parent = parentKey === undefined ? {} : { parentKey: guid(parentKey) };
    return { kind: 'lease', version, key: guid(words.key ?? 1), state, epoch, ...parent };
  }
  if (words.oplock !== undefined) return { kind: 'oplock', level: levelOfLetter(words.oplock) };
  return { kind: 'none' };
}

export function ticketOf(outcome: OpenOutcome | Outcome | WatchOutcome): number {
  assert.equal(outcome.kind, 'wait', describe(outcome));
  return outcome.kind === 'wait' ? outcome.ticket : 0;
}

/** `granted`, `done`, `wait`, or the status of a refusal. */
export function describe(outcome: OpenOutcome | Outcome | WatchOutcome): string {
  return outcome.kind === 'denied' ? statusName(outcome.status) : outcome.kind;
}

export function describeEffect(effect: CoreEffect): string {
  switch (effect.kind) {
    case 'break': {
      const ack = effect.isAckRequired ? ' ack' : '';
      if (effect.target === 'oplock') return `${effect.open.id} to ${letterOfLevel(effect.toLevel)}${ack}`;
      const epoch = effect.version === 2 ? ` epoch ${effect.epoch}` : '';
      return `${Number.parseInt(effect.key, 16)} ${lettersOf(effect.from)}>${lettersOf(effect.to)}${ack}${epoch}`;
    }
    case 'retry':
      return `retry ${effect.ticket}`;
    case 'lock':
      return `lock ${effect.ticket} ${statusName(effect.status)}`;
    case 'notify': {
      const entries = effect.entries.map((entry) => `${entry.action}:${entry.name}`).join(',');
      return `notify ${effect.ticket} ${statusName(effect.status)} ${entries}`.trim();
    }
    case 'delete':
      return `delete ${effect.removal.file}${effect.removal.stream === '' ? '' : `:${effect.removal.stream}`}`;
    case 'expire':
      return `expire ${effect.open.id}`;
  }
}
