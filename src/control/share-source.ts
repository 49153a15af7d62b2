/**
 * What programs hand in as the storage of a share, and the backend that it becomes.
 */
import fs from 'node:fs';
import { isBackend, isMeantAsBackend, missingMethods } from '../backend/backend-shape.ts';
import type { Backend } from '../backend/contract.ts';
import { fromNodeFs } from '../backend/node-fs.ts';
import { isNodeFs, type NodeFsSource } from '../backend/node-fs-source.ts';
import { isDirectory, type VirtualDirectory } from '../backend/virtual-entry.ts';
import { virtualTree } from '../backend/virtual-tree.ts';
import { ConfigurationError } from './configuration.ts';
import type { ShareOptions, ShareSource } from './serve-options.ts';

/** Keys that tell options from a tree of files. */
const optionKeys = ['path', 'memory', 'backend'] as const;

/** A storage of the program's own: a backend, an object like `node:fs`, or an object of files. */
export type BackendSource = Backend | NodeFsSource | VirtualDirectory;

/** An object of files that cannot be taken for options; one with such names is given as `virtualTree({…})`. */
export type VirtualShare = VirtualDirectory & { readonly [key in (typeof optionKeys)[number]]?: never };

/** True for options, with or without a storage of the program's own. */
export function isShareOptions(source: ShareSource): source is ShareOptions {
  return isDirectory(source) && optionKeys.some((key) => Object.hasOwn(source, key)) && !isBackend(source);
}

/** The backend that the program gives for the share; undefined where the configuration says what is served. */
export function backendOfShare(name: string, source: ShareSource): Backend | undefined {
  if (typeof source === 'string') return undefined;
  if (!isShareOptions(source)) return backendOf(name, source);
  return source.backend === undefined ? undefined : backendOf(name, source.backend);
}

/** Throws ConfigurationError for what cannot be served, and says why. */
function backendOf(name: string, source: unknown): Backend {
  if (isBackend(source)) return source;
  if (isMeantAsBackend(source)) {
    throw wrong(name, `the backend lacks ${missingMethods(source).join(', ')}: see docs/backends.md`);
  }
  if (source === fs || source === fs.promises) {
    throw wrong(
      name,
      'this would serve the whole machine: give a path, or fromNodeFs(fs.promises, { root })',
    );
  }
  if (isNodeFs(source)) return fromNodeFs(source, { name });
  if (isMeantAsNodeFs(source)) return fromIncomplete(name, source);
  if (isDirectory(source)) return virtualTree(source, { name });
  throw wrong(
    name,
    'must be a path, an object like node:fs/promises, an object of files, a backend, or options with one of them',
  );
}

/** Methods by which an object like node:fs is known, complete or not. */
const tellingMethods = ['readdir', 'lstat'] as const;

const hasTelling = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  tellingMethods.some((name) => typeof Reflect.get(value, name) === 'function');

const isMeantAsNodeFs = (value: unknown): value is NodeFsSource =>
  hasTelling(value) ||
  (typeof value === 'object' && value !== null && 'promises' in value && hasTelling(value.promises));

/** Throws, with the names of what is missing. */
function fromIncomplete(name: string, source: NodeFsSource): Backend {
  try {
    return fromNodeFs(source, { name });
  } catch (error) {
    throw wrong(name, error instanceof Error ? error.message : String(error));
  }
}

function wrong(name: string, message: string): ConfigurationError {
  return new ConfigurationError([{ setting: `shares.${name}`, origin: '', message }]);
}
