/**
 * Where the local store learns what happens in its directories: from inotify itself, which tells both halves of a move and can
 * be asked whether that was all, or else from node:fs, which tells that a name came or went.
 */
import fs, { type FSWatcher } from 'node:fs';
import { EVENT_BYTES_MAX, type Inotify, InotifyMask, visitEvents } from '../native/inotify.ts';
import { O_PATH } from '../native/names.ts';
import { codeOf } from './error.ts';
import { childPath, descriptorPath } from './local-calls.ts';
import { diskName, nameOnDisk } from './local-name.ts';

/** Something that happened in a watched directory, or to a watched file; `''` stands for what is watched itself. */
export interface DirectoryEvent {
  /** `moved…`: the halves of a move, joined by their cookie, one after the other where both are watched. */
  readonly kind: 'created' | 'removed' | 'modified' | 'movedFrom' | 'movedTo' | 'gone';
  readonly name: string;
  readonly cookie: number;
  readonly isDirectory: boolean;
}

export interface ChangeListener {
  happened(watch: number, event: DirectoryEvent): void;
  /** Events of whatever watch were lost. */
  overflowed(): void;
}

export interface ChangeSource {
  /** Watches what is open as `fd`. ENOSPC, EMFILE: the system allows no more. The same for the same directory. */
  add(fd: number, isDirectory: boolean): number;
  remove(watch: number): void;
  /** Hands on everything that has happened up to now; what cannot be had at once, in a moment. */
  drain(): void | Promise<void>;
  close(): void;
  /** Each change is told once and by its kind; otherwise only that there was one. */
  readonly isExact: boolean;
}

const { MODIFY, ATTRIB, CREATE, DELETE, MOVED_FROM, MOVED_TO, DELETE_SELF } = InotifyMask;
const DIRECTORY_MASK = MODIFY | ATTRIB | CREATE | DELETE | MOVED_FROM | MOVED_TO | DELETE_SELF;
const FILE_MASK = MODIFY | ATTRIB | DELETE_SELF;
const BUFFER_BYTES = 64 * 1024;

export class InotifySource implements ChangeSource {
  readonly isExact = true;
  readonly #inotify: Inotify;
  readonly #listener: ChangeListener;
  readonly #queue: number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #isDraining = false;

  constructor(inotify: Inotify, listener: ChangeListener) {
    this.#inotify = inotify;
    this.#listener = listener;
    this.#queue = inotify.open();
  }

  add(fd: number, isDirectory: boolean): number {
    const mask = isDirectory ? DIRECTORY_MASK | InotifyMask.ONLYDIR : FILE_MASK;
    return this.#inotify.add(this.#queue, descriptorPath(fd), mask);
  }

  remove(watch: number): void {
    this.#inotify.remove(this.#queue, watch);
  }

  drain(): void {
    // A listener may ask for what it is being told.
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      let sizeBytes: number;
      do {
        sizeBytes = this.#inotify.read(this.#queue, this.#buffer);
        visitEvents(this.#buffer, sizeBytes, (watch, mask, cookie, latin1) =>
          this.#tell(watch, mask, cookie, latin1),
        );
      } while (sizeBytes > BUFFER_BYTES - EVENT_BYTES_MAX);
    } finally {
      this.#isDraining = false;
    }
  }

  close(): void {
    fs.closeSync(this.#queue);
  }

  #tell(watch: number, mask: number, cookie: number, latin1: string): void {
    if (mask & InotifyMask.Q_OVERFLOW) this.#listener.overflowed();
    const kind = kindOf(mask);
    const name = nameOnDisk(latin1);
    if (kind === undefined || name === undefined) return;
    const isDirectory = (mask & InotifyMask.ISDIR) !== 0;
    this.#listener.happened(watch, { kind, name, cookie, isDirectory });
  }
}

function kindOf(mask: number): DirectoryEvent['kind'] | undefined {
  if (mask & InotifyMask.IGNORED) return 'gone';
  if (mask & CREATE) return 'created';
  if (mask & DELETE) return 'removed';
  if (mask & MOVED_FROM) return 'movedFrom';
  if (mask & MOVED_TO) return 'movedTo';
  return mask & (MODIFY | ATTRIB) ? 'modified' : undefined;
}

interface Watched {
  readonly watcher: FSWatcher;
  /** A reference of its own, to look at names. */
  readonly fd: number;
  readonly isDirectory: boolean;
}

export class NodeSource implements ChangeSource {
  readonly isExact = false;
  readonly #listener: ChangeListener;
  readonly #watched = new Map<number, Watched>();
  #last = 0;

  constructor(listener: ChangeListener) {
    this.#listener = listener;
  }

  add(fd: number, isDirectory: boolean): number {
    const own = fs.openSync(descriptorPath(fd), O_PATH);
    try {
      this.#last += 1;
      const id = this.#last;
      const watcher = fs.watch(
        descriptorPath(own),
        { persistent: false, encoding: 'latin1' },
        (event, name) => this.#tell(id, event, name ?? ''),
      );
      watcher.on('error', () => this.#listener.happened(id, selfEvent('gone')));
      this.#watched.set(id, { watcher, fd: own, isDirectory });
      return id;
    } catch (error) {
      fs.closeSync(own);
      throw error;
    }
  }

  remove(watch: number): void {
    const watched = this.#watched.get(watch);
    if (watched === undefined) return;
    this.#watched.delete(watch);
    watched.watcher.close();
    fs.closeSync(watched.fd);
  }

  /** What has happened is read when the event loop waits the next time. */
  async drain(): Promise<void> {
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  close(): void {
    for (const watch of [...this.#watched.keys()]) this.remove(watch);
  }

  #tell(watch: number, event: string, latin1: string): void {
    const watched = this.#watched.get(watch);
    const name = nameOnDisk(latin1);
    if (watched === undefined || name === undefined) return;
    const found = watched.isDirectory ? lookedAt(watched.fd, name) : undefined;
    // What concerns the watched itself is told with the last part of the path by which it was opened, that of a descriptor.
    const isSelf = !watched.isDirectory || (found === undefined && latin1 === String(watched.fd));
    if (isSelf) this.#tellSelf(watch, watched, event);
    else if (event === 'change') this.#listener.happened(watch, { ...selfEvent('modified'), name });
    else {
      const kind = found === undefined ? 'removed' : 'created';
      this.#listener.happened(watch, { kind, name, cookie: 0, isDirectory: found?.isDirectory() ?? false });
    }
  }

  #tellSelf(watch: number, watched: Watched, event: string): void {
    if (event === 'change') this.#listener.happened(watch, selfEvent('modified'));
    else if (fs.fstatSync(watched.fd).nlink === 0) this.#listener.happened(watch, selfEvent('gone'));
  }
}

function selfEvent(kind: DirectoryEvent['kind']): DirectoryEvent {
  return { kind, name: '', cookie: 0, isDirectory: false };
}

function lookedAt(fd: number, name: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(childPath(fd, diskName(name)));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
