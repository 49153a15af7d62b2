/**
 * Temporary folders for the tests of the local store.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface Folder {
  /** Holds all the others. */
  readonly base: string;
  /** The folder to serve. */
  readonly root: string;
  /** Where the store may keep its own. */
  readonly state: string;
  /** Must not be reached. */
  readonly outside: string;
}

/** A new, empty set of folders, removed by {@link removeFolder}. */
export function makeFolder(): Folder {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-local-'));
  const folder = {
    base,
    root: path.join(base, 'share'),
    state: path.join(base, 'state'),
    // A name that begins like the folder's: a comparison of prefixes would take it for part of it.
    outside: path.join(base, 'share2'),
  };
  for (const made of [folder.root, folder.state, folder.outside]) fs.mkdirSync(made);
  return folder;
}

export function removeFolder(folder: Folder): void {
  fs.rmSync(folder.base, { recursive: true, force: true });
}

/** Runs `use` with folders of its own. */
export async function withFolder(use: (folder: Folder) => Promise<void> | void): Promise<void> {
  const folder = makeFolder();
  try {
    await use(folder);
  } finally {
    removeFolder(folder);
  }
}
