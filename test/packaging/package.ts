/**
 * smbkit as its users get it: packed, and installed globally under a prefix.
 */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { done } from './program.ts';

const root = resolve(import.meta.dirname, '../..');

/** Builds and packs in `folder`, and installs into `prefix`. Fetches the dependencies from the registry of npm. */
export async function installPackage(folder: string, prefix: string): Promise<string> {
  const source = join(folder, 'package');
  mkdirSync(source);
  // Beside the project's own dist, which others may be using or building; what types say, `npm run check` has to.
  const compile = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--noCheck'];
  await done([process.execPath, ...compile, '--outDir', join(source, 'dist')], {
    folder: root,
    limitMs: 180_000,
  });
  for (const name of ['package.json', ...packedNames()]) {
    cpSync(join(root, name), join(source, name), { recursive: true });
  }
  const packed = await done(['npm', 'pack', '--silent', '--pack-destination', folder], { folder: source });
  const file = packed.trim().split('\n').at(-1) ?? '';
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await done(['npm', 'install', '--global', '--prefix', prefix, ...quiet, join(folder, file)], {
    folder,
    limitMs: 180_000,
  });
  return file;
}

/** What package.json lists under `files`, all but the compiled sources. */
function packedNames(): readonly string[] {
  const description: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const hasFiles = typeof description === 'object' && description !== null && 'files' in description;
  const files: readonly unknown[] = hasFiles && Array.isArray(description.files) ? description.files : [];
  return files.filter((name) => typeof name === 'string').filter((name) => name !== 'dist');
}
