/**
 * Backend paths: names joined by `/`, the root is `''`.
 */
import type { BackendPath } from './contract.ts';
import { BackendError } from './error.ts';

/** The names of `path`; EINVAL when it is not a path of the contract (empty name, `.`, `..`, NUL). */
export function namesOf(path: BackendPath, operation: string): string[] {
  if (path === '') return [];
  if (path.includes('\0')) throw new BackendError('EINVAL', operation, path);
  const names = path.split('/');
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') throw new BackendError('EINVAL', operation, path);
  }
  return names;
}

/** The last name of `path`; EINVAL when it is none of the contract. */
export function checkedName(path: BackendPath): string {
  const name = nameOf(path);
  if (name === '' || name === '.' || name === '..' || name.includes('\0')) {
    throw new BackendError('EINVAL', 'name', path);
  }
  return name;
}

/** The directory that holds `path`; the root holds itself. */
export function parentOf(path: BackendPath): BackendPath {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** The last name of `path`. */
export function nameOf(path: BackendPath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function join(directory: BackendPath, name: string): BackendPath {
  return directory === '' ? name : `${directory}/${name}`;
}

/** True when `path` is `directory` or lies below it. */
export function isWithin(path: BackendPath, directory: BackendPath): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}
