/**
 * A zip archive as a folder that can be read: `node examples/zip-archive.ts archive.zip`. Without an archive it makes one.
 * Each file is unpacked when it is opened.
 */
import { readFileSync } from 'node:fs';
import { strToU8, type UnzipFileInfo, unzipSync, zipSync } from 'fflate';
import { file, serve, type VirtualEntry } from '../src/index.ts';

interface Folder {
  [name: string]: VirtualEntry;
}

/** Names as they may stand in an archive; those that lead out of it are left out. */
function partsOf(name: string): readonly string[] {
  const parts = name.split('/').filter((part) => part !== '');
  return parts.some((part) => part === '.' || part === '..') ? [] : parts;
}

function folderOf(archive: Uint8Array): Folder {
  const root: Folder = Object.create(null);
  const folders = new Map<string, Folder>([['', root]]);
  const folderAt = (parts: readonly string[]): Folder => {
    const path = parts.join('/');
    const made: Folder = folders.get(path) ?? Object.create(null);
    if (!folders.has(path)) {
      folders.set(path, made);
      folderAt(parts.slice(0, -1))[parts.at(-1) ?? ''] = made;
    }
    return made;
  };
  const note = ({ name, originalSize }: UnzipFileInfo): boolean => {
    const parts = partsOf(name);
    if (parts.length === 0) return false;
    if (name.endsWith('/')) folderAt(parts);
    else
      folderAt(parts.slice(0, -1))[parts.at(-1) ?? ''] = file({
        read: () => unzipSync(archive, { filter: (one) => one.name === name })[name] ?? '',
        size: originalSize,
      });
    return false;
  };
  unzipSync(archive, { filter: note });
  return root;
}

const path = process.argv[2];
const archive =
  path === undefined
    ? zipSync({ 'readme.txt': strToU8('Packed.\n'), docs: { 'deep.txt': strToU8('Deeper.\n') } })
    : readFileSync(path);

const server = await serve({
  shares: { archive: { backend: folderOf(archive), comment: path ?? 'made for you' } },
  users: [{ name: 'anna', password: process.env['PASSWORD'] ?? 'change me' }],
  port: Number(process.env['PORT'] ?? 1445),
});
process.once('SIGINT', () => server.close());
console.log(server.url);
