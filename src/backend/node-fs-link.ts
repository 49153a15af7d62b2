/**
 * Symbolic links of an object like `node:fs`, moved without its `rename`: some file systems would rename what they lead to.
 */
import type { NodeFsPromises } from './node-fs-source.ts';

/** Moves the link at `from` to the free name `to`: by a second name, or made anew. Full paths. */
export async function moveSymbolicLink(fs: NodeFsPromises, from: string, to: string): Promise<void> {
  const target = String(await fs.readlink?.(from));
  if (!(await linkItself(fs, from, to))) await fs.symlink?.(target, to);
  await fs.unlink(from);
}

/** Gives a symbolic link a second name; false where that would be one of what it leads to. */
async function linkItself(fs: NodeFsPromises, from: string, to: string): Promise<boolean> {
  try {
    if (fs.link === undefined) return false;
    await fs.link(from, to);
  } catch {
    return false;
  }
  if ((await fs.lstat(to, { bigint: true })).isSymbolicLink()) return true;
  await fs.unlink(to);
  return false;
}
