/**
 * Every structure of the wire, so that tests and fuzzers can loop over all of them and none escapes.
 */
import { assert } from '../base/assert.ts';
import type { Codec } from './codec.ts';

export interface Registered {
  readonly codec: Codec<unknown>;
  /** Valid values, for codecs written by hand and for structures whose fields depend on each other. */
  readonly samples: readonly unknown[];
}

const registered = new Map<string, Registered>();

/** Adds a codec under its name. Structures declared in the notation do it by themselves. */
export function register<C extends Codec<unknown>>(codec: C, samples: readonly unknown[] = []): C {
  assert(!registered.has(codec.name), `two structures are called ${codec.name}`);
  registered.set(codec.name, { codec, samples });
  return codec;
}

/** All structures of the modules loaded so far. */
export function registry(): readonly Registered[] {
  return [...registered.values()];
}

/** What was registered for `codec`. */
export function registrationOf(codec: Codec<unknown>): Registered | undefined {
  const found = registered.get(codec.name);
  return found?.codec === codec ? found : undefined;
}
