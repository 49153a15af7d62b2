/**
 * What clients do to names and ranges, apart from their caches.
 */
import type { CoreOpen } from '../../../src/fs/types.ts';
import { type Disk, type DiskFile, placeIn } from './disk.ts';

/** Asks for deletion, or takes it back. */
export function setDisposition(disk: Disk, open: CoreOpen): void {
  const disposition = { isDelete: !disk.random.oneIn(3), isPosix: disk.random.oneIn(5) };
  disk.run(
    () => disk.core.setDisposition(open, disposition, disk.now),
    () => {},
  );
}

interface Renaming {
  readonly open: CoreOpen;
  readonly file: DiskFile;
  /** The new name; what has it already is replaced. */
  readonly name: string;
}

export function rename(disk: Disk, { open, file, name }: Renaming): void {
  const { core, files } = disk;
  const to = placeIn(name);
  const request = () => {
    const known = files.get(name);
    const target = known === undefined ? {} : { target: { file: known.key, isDirectory: false } };
    return core.rename(open, { to, replaceIfExists: true, ...target }, disk.now);
  };
  disk.run(request, (outcome) => {
    if (outcome.kind !== 'done' || files.get(file.name) !== file) return;
    const { place } = open;
    files.delete(file.name);
    file.name = name;
    files.set(name, file);
    core.renamed(open, to, disk.now);
    core.changed({ place, newPlace: to, action: 4, filter: 1, by: open }, disk.now);
    disk.settle();
  });
}

/** Locks or unlocks a small range, and keeps the ledger. */
export function lock(disk: Disk, open: CoreOpen): void {
  const { random, ledger } = disk;
  const flags = random.pick([1, 2, 0x11, 0x12, 4, 4, 4]);
  const range = { offset: BigInt(random.below(8)), length: BigInt(random.below(4)) };
  const entry = { open, ...range, isExclusive: (flags & 2) !== 0 };
  const request = (): void => {
    const outcome = disk.core.lock(open, [{ ...range, flags }], disk.now);
    if (outcome.kind === 'done' && flags === 4) ledger.unlock(entry);
    else if (outcome.kind === 'done') ledger.lock(entry);
    // It may wait for a break to end, or for the range.
    if (outcome.kind === 'wait') {
      disk.awaitAnswer(outcome.ticket, request, (status) => status === 0 && ledger.lock(entry));
      ledger.await(outcome.ticket, entry);
    }
    disk.settle();
  };
  request();
}

export function watch(disk: Disk, open: CoreOpen): void {
  const request = { filter: 3, isRecursive: disk.random.oneIn(2), bytesMax: 64 };
  const outcome = disk.core.watch(open, request, disk.now);
  const ignore = () => {};
  if (outcome.kind === 'wait') disk.awaitAnswer(outcome.ticket, ignore, ignore);
  disk.settle();
}

/** Tells of a change to the file itself. */
export function modify(disk: Disk, open: CoreOpen): void {
  disk.core.changed({ place: open.place, action: 3, filter: 1, by: open }, disk.now);
  disk.settle();
}
