/**
 * Whether a disk tells every change of a file from the one before by its change time. Linux does so from 6.13 on, on ext4, xfs,
 * btrfs and tmpfs ("multigrain timestamps"): once somebody has looked at a change time, the next change gets another one. Elsewhere
 * all changes within one tick of the kernel's clock, up to 10 ms, have the same.
 */
import fs from 'node:fs';
import { O_TMPFILE } from '../native/names.ts';
import { descriptorPath } from './local-calls.ts';

/** Changes made to find out. */
const CHANGE_COUNT = 32;
/** So many changes within the shortest tick there is, 1 ms, would have two times at most. */
const RUN_COUNT = 4;
const TICK_MS = 1;

/** Tries it on a file without a name in the folder open as `folder`; false where there can be none. */
export function tellsEveryChange(folder: number): boolean {
  let file: number | undefined;
  try {
    file = fs.openSync(descriptorPath(folder), O_TMPFILE | fs.constants.O_RDWR, 0o600);
    return isEveryTold(file);
  } catch {
    return false;
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

function isEveryTold(file: number): boolean {
  const changes: { readonly atMs: number; readonly ctimeNs: bigint }[] = [];
  for (let count = 0; count < CHANGE_COUNT; count++) {
    fs.fchmodSync(file, count % 2 === 0 ? 0o400 : 0o600);
    changes.push({ ctimeNs: fs.fstatSync(file, { bigint: true }).ctimeNs, atMs: performance.now() });
  }
  const isEachNew = new Set(changes.map(({ ctimeNs }) => ctimeNs)).size === CHANGE_COUNT;
  // A disk that is merely slow has new times as well.
  const isQuick = changes.some(({ atMs }, index) => {
    const last = changes[index + RUN_COUNT - 1];
    return last !== undefined && last.atMs - atMs < TICK_MS;
  });
  return isEachNew && isQuick;
}
