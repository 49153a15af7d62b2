/**
 * Loads every module that declares structures, whether or not an index names it, so that none escapes the tests.
 */
import { readdirSync } from 'node:fs';
import { type Registered, registry } from '../../src/wire/registry.ts';

const root = new URL('../../src/wire/', import.meta.url);

/** Every structure of the wire. */
export async function everyStructure(): Promise<readonly Registered[]> {
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    if (file.endsWith('.ts')) await import(new URL(file, root).href);
  }
  return registry();
}
