/**
 * Settings before they are checked: plain trees and the paths into them.
 */

/** Where a setting is: `['shares', 'docs', 'path']`. Places in a list are numbers. */
export type SettingPath = readonly (string | number)[];

/** A mapping of unchecked settings. */
export type Tree = Record<string, unknown>;

/** True for a mapping, not for a list or a scalar. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A tree that takes any key as its own, `__proto__` too. */
export function emptyTree(): Tree {
  return Object.create(null);
}

/** A path as one string, for maps. */
export function pathKey(path: SettingPath): string {
  return JSON.stringify(path.map(String));
}

/** A path as people write it: `users[0].name`. */
export function showPath(path: SettingPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w$-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** The value at `path`, undefined when there is none. */
export function valueAt(tree: unknown, path: SettingPath): unknown {
  let value = tree;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isTree(value) && Object.hasOwn(value, String(part))) value = value[String(part)];
    else return undefined;
  }
  return value;
}

/** Sets the value at `path`; mappings are made on the way. A list or scalar in the way is replaced. */
export function assignAt(tree: Tree, path: readonly string[], value: unknown): void {
  let place = tree;
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(place, part) ? place[part] : undefined;
    const inner = isTree(next) ? next : emptyTree();
    place[part] = inner;
    place = inner;
  }
  const last = path.at(-1);
  if (last !== undefined) place[last] = value;
}

/** A deep copy of mappings and lists; scalars stay. */
export function copyTree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyTree);
  if (!isTree(value)) return value;
  const copy = emptyTree();
  for (const [key, inner] of Object.entries(value)) copy[key] = copyTree(inner);
  return copy;
}
