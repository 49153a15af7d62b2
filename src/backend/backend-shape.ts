/**
 * Whether an object has the form of a backend, for programs that hand one in.
 */
import type { Backend } from './contract.ts';

/** What every backend must have. */
export const requiredMethods = [
  'stat',
  'open',
  'list',
  'makeDirectory',
  'removeFile',
  'removeDirectory',
  'rename',
  'volume',
  'close',
] as const satisfies readonly (keyof Backend)[];

/** Optional abilities and the methods that each needs. */
export const abilityMethods = Object.freeze({
  link: [],
  symlinks: ['readLink', 'makeLink'],
  streams: ['list', 'remove', 'rename'],
  extendedAttributes: ['read', 'write'],
  security: ['read', 'write'],
  sparse: ['punch', 'allocatedRanges'],
  copyRange: ['copy'],
  watch: ['watch'],
  snapshots: ['list', 'at'],
  quota: ['read', 'write', 'remove'],
} as const satisfies Partial<Record<keyof Backend, readonly string[]>>);
export type AbilityName = keyof typeof abilityMethods;

/** The abilities, in the order of the contract. */
export const abilityNames: readonly AbilityName[] = Object.keys(abilityMethods).filter(isAbilityName);

function isAbilityName(name: string): name is AbilityName {
  return Object.hasOwn(abilityMethods, name);
}

/** Methods that nothing but a backend has: an object with one of them is meant to be one. */
const tellingMethods = ['list', 'makeDirectory', 'removeFile', 'removeDirectory', 'volume'] as const;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const hasMethod = (value: object, name: string) => typeof Reflect.get(value, name) === 'function';

/** The required methods that `value` lacks. */
export function missingMethods(value: unknown): readonly string[] {
  return requiredMethods.filter((name) => !isObject(value) || !hasMethod(value, name));
}

/** What is wrong with the abilities that `value` has: `streams.rename` is no function. */
export function brokenAbilities(value: object): readonly string[] {
  return abilityNames.flatMap((ability) => {
    const part: unknown = Reflect.get(value, ability);
    if (part === undefined || (ability === 'link' && typeof part === 'function')) return [];
    if (!isObject(part)) return [ability];
    return abilityMethods[ability]
      .filter((method) => !hasMethod(part, method))
      .map((method) => `${ability}.${method}`);
  });
}

/** True for an object with all required methods. */
export function isBackend(value: unknown): value is Backend {
  return missingMethods(value).length === 0;
}

/** True for an object that is meant as a backend, complete or not. */
export function isMeantAsBackend(value: unknown): boolean {
  return isObject(value) && tellingMethods.some((name) => hasMethod(value, name));
}
