/**
 * Earlier states of a store that others keep, shown to clients as previous versions.
 */
import { type FileTime, fileTimeOfUnixMs } from '../base/clock.ts';
import type { Backend, BackendPath, DirectoryEntry, SnapshotAbility } from './contract.ts';
import { BackendError, codeOf } from './error.ts';
import { readOnly } from './read-only.ts';
import { subtree } from './subtree.ts';
import { delegateTo } from './wrap.ts';

/** `store` with the snapshots that `source` tells of, in place of its own. What `at` answers is made read-only. */
export function snapshots(store: Backend, source: SnapshotAbility): Backend {
  const views = new WeakMap<Backend, Backend>();
  return {
    ...delegateTo(store),
    snapshots: {
      list: (path) => source.list(path),
      at: async (time) => {
        const snapshot = await source.at(time);
        const view = views.get(snapshot) ?? readOnly(snapshot);
        views.set(snapshot, view);
        return view;
      },
    },
  };
}

export interface SnapshotFolderOptions {
  /** The directory that holds a folder for each snapshot; default `.snapshots`. */
  readonly directory?: BackendPath;
  /** The store in which that directory is, where it lies outside of the one that is served. */
  readonly within?: Backend;
  /** Names of the folders: `%Y %m %d %H %M %S` stand for the digits of the time. Default `@GMT-%Y.%m.%d-%H.%M.%S`. */
  readonly format?: string;
  /** Further down in each folder: `snapshot` where the files are in `.snapshots/NAME/snapshot`. */
  readonly below?: BackendPath;
}

/** `store` with the folders that a snapshot tool makes as its snapshots, as Samba's shadow_copy2 finds them. Times are UTC. */
export function snapshotFolders(store: Backend, options: SnapshotFolderOptions = {}): Backend {
  const { directory = '.snapshots', within = store, below = '' } = options;
  const timeOf = timeReader(options.format ?? '@GMT-%Y.%m.%d-%H.%M.%S');

  /** One store for each folder, so that whoever asks again gets the same. */
  const stores = new Map<string, Backend>();
  const storeOf = (name: string): Backend => {
    const path = [directory, name, below].filter((part) => part !== '').join('/');
    const store = stores.get(name) ?? subtree(within, path);
    stores.set(name, store);
    return store;
  };
  const note = (found: Map<FileTime, string>, { name, stat }: DirectoryEntry) => {
    const time = stat.kind === 'directory' ? timeOf(name) : undefined;
    if (time !== undefined) found.set(time, name);
  };

  async function folders(): Promise<ReadonlyMap<FileTime, string>> {
    const found = new Map<FileTime, string>();
    try {
      for await (const batch of within.list(directory)) for (const entry of batch) note(found, entry);
    } catch (error) {
      // The tool has not made its first one yet.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    return found;
  }

  return snapshots(store, {
    // Asked anew each time: the tool makes and removes them when it likes.
    list: async () => [...(await folders()).keys()].sort((a, b) => (a > b ? -1 : 1)),
    at: async (time) => {
      const found = await folders();
      const names = new Set(found.values());
      for (const name of stores.keys()) if (!names.has(name)) stores.delete(name);
      const name = found.get(time);
      if (name === undefined) throw new BackendError('ENOENT', 'snapshot');
      return storeOf(name);
    },
  });
}

const digits = new Map([
  ['Y', 4],
  ['m', 2],
  ['d', 2],
  ['H', 2],
  ['M', 2],
  ['S', 2],
]);

/** Reads times out of names of the form; throws TypeError for a form that does not tell year, month and day. */
function timeReader(format: string): (name: string) => FileTime | undefined {
  const fields: string[] = [];
  const pattern = format.replace(/%(.)|[^%]/g, (part, letter: string | undefined) => {
    const count = letter === undefined ? undefined : digits.get(letter);
    if (letter === undefined || count === undefined) return part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    fields.push(letter);
    return `(\\d{${count}})`;
  });
  for (const needed of ['Y', 'm', 'd']) {
    if (!fields.includes(needed)) throw new TypeError(`snapshots: the format "${format}" lacks %${needed}`);
  }
  const expression = new RegExp(`^${pattern}$`);
  return (name) => {
    const match = expression.exec(name);
    if (match === null) return undefined;
    const value = (letter: string) => Number(match[fields.indexOf(letter) + 1] ?? 0);
    const clock = ['H', 'M', 'S'].map((letter) => (fields.includes(letter) ? value(letter) : 0));
    const [hour = 0, minute = 0, second = 0] = clock;
    return timeOfParts([value('Y'), value('m'), value('d'), hour, minute, second]);
  };
}

/** Undefined for a date that the calendar does not have. */
function timeOfParts(parts: readonly [number, number, number, number, number, number]): FileTime | undefined {
  const [year, month, day, hour, minute, second] = parts;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isReal =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return isReal ? fileTimeOfUnixMs(date.getTime()) : undefined;
}
