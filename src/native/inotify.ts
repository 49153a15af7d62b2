/**
 * Changes in directories and files, told by the kernel in the order in which they happen. inotify(7)
 */
import fs from 'node:fs';
import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, cString, type DiskName, Errno, type SystemCall } from './system-call.ts';

/** What is told, and what an event says. */
export const InotifyMask = Object.freeze({
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  /** Events were lost, of whatever watch. */
  Q_OVERFLOW: 0x4000,
  /** The watch is over. */
  IGNORED: 0x8000,
  /** Only a directory is watched. ENOTDIR */
  ONLYDIR: 0x100_0000,
  /** Adds to what is told already. */
  MASK_ADD: 0x2000_0000,
  /** What it is about is a directory. */
  ISDIR: 0x4000_0000,
});

const IN_NONBLOCK = 0o4000;
/** Never inherited by a program that is started. */
const IN_CLOEXEC = 0o2000000;

/** struct inotify_event */
const MASK = 4;
const COOKIE = 8;
const LENGTH = 12;
const NAME = 16;
/** With the longest name and its zero. */
export const EVENT_BYTES_MAX = NAME + 256;

export interface Inotify {
  /** A queue, to be closed as any descriptor. EMFILE beyond what a user may have. */
  open(): number;
  /** Watches what `path` leads to; the number in the events of this watch. ENOSPC beyond what a user may watch. */
  add(queue: number, path: DiskName, mask: number): number;
  /** Ends a watch; one that is over already is none. */
  remove(queue: number, watch: number): void;
  /**
   * Fills `into` (at least 4 KiB) with the next events and tells how many bytes they take; 0 when there are none. Where there was
   * room for {@link EVENT_BYTES_MAX} more, that was all.
   */
  read(queue: number, into: Buffer): number;
}

/** Sees an event: its watch, its {@link InotifyMask}, what joins the halves of a move, the name, a character for each byte. */
export type EventVisitor = (watch: number, mask: number, cookie: number, latin1: string) => void;

type Init = SystemCall<[flags: number]>;
type Add = SystemCall<[queue: number, path: DiskName, mask: number]>;
type Remove = SystemCall<[queue: number, watch: number]>;
type Read = SystemCall<[fd: number, into: Buffer, size: number]>;

/** `undefined` where libc has no inotify. */
export function bindInotify(ffi: Ffi): Inotify | undefined {
  const init: Init | undefined = bindCall(ffi, 'inotify_init1', ['int', 'int']);
  const add: Add | undefined = bindCall(ffi, 'inotify_add_watch', ['int', 'int', 'str', 'uint32']);
  const remove: Remove | undefined = bindCall(ffi, 'inotify_rm_watch', ['int', 'int', 'int']);
  const read: Read | undefined = bindCall(ffi, 'read', ['int64', 'int', 'void *', 'size_t']);
  if (init === undefined || add === undefined || remove === undefined || read === undefined) return undefined;
  return {
    open: () => init.checked(init.raw(IN_NONBLOCK | IN_CLOEXEC)),
    add(queue, path, mask) {
      const own = cString(path, 'inotify_add_watch');
      return add.checked(add.raw(checkedFd(queue, 'inotify_add_watch'), own, mask));
    },
    remove(queue, watch) {
      const answer = remove.raw(checkedFd(queue, 'inotify_rm_watch'), watch);
      if (answer < 0 && remove.errno() !== Errno.EINVAL) throw remove.failure();
    },
    read(queue, into) {
      const answer = read.raw(checkedFd(queue, 'read'), into, into.length);
      if (answer < 0 && isNothingThere(read.errno())) return 0;
      return read.checked(answer);
    },
  };
}

function isNothingThere(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.EINTR;
}

/** Shows `visit` the events in the first `sizeBytes` bytes of `buffer`. */
export function visitEvents(buffer: Buffer, sizeBytes: number, visit: EventVisitor): void {
  for (let start = 0; start + NAME <= sizeBytes; ) {
    const length = buffer.readUInt32LE(start + LENGTH);
    const end = start + NAME + length;
    if (end > sizeBytes) throw new RangeError('not a list of events');
    let nameEnd = start + NAME;
    while (nameEnd < end && buffer[nameEnd] !== 0) nameEnd++;
    const name = buffer.toString('latin1', start + NAME, nameEnd);
    visit(
      buffer.readInt32LE(start),
      buffer.readUInt32LE(start + MASK),
      buffer.readUInt32LE(start + COOKIE),
      name,
    );
    start = end;
  }
}

/** Whether events come as they should, all in one read: the root directory is opened and closed, which writes nothing. */
export function tellsChanges(inotify: Inotify): boolean {
  const { OPEN, CLOSE_NOWRITE, ONLYDIR, ISDIR } = InotifyMask;
  const queue = inotify.open();
  try {
    const watch = inotify.add(queue, '/', OPEN | CLOSE_NOWRITE | ONLYDIR);
    fs.closeSync(fs.openSync('/', fs.constants.O_RDONLY));
    const buffer = Buffer.alloc(4096);
    const told: number[] = [];
    visitEvents(buffer, inotify.read(queue, buffer), (of, mask) => {
      if (of === watch) told.push(mask & ~ISDIR);
    });
    inotify.remove(queue, watch);
    return told.includes(OPEN) && told.includes(CLOSE_NOWRITE);
  } finally {
    fs.closeSync(queue);
  }
}
