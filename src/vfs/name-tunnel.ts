/**
 * Who removes a file and makes one under its short name within a quarter of a minute gets the long name back, as programs
 * do that know short names only. [MS-FSA] 2.1.4.13 (tunnelling)
 */
import type { BackendPath } from '../backend/contract.ts';
import { isShortInUpperCase, upper } from '../fs/names.ts';
import { shownName } from './name-mapping.ts';
import { generatedName } from './short-names.ts';

const memoryMs = 15_000;
const namesMax = 1000;

export class NameTunnel {
  /** Long names by directory and short name, the oldest first. */
  readonly #names = new Map<string, { readonly stored: string; readonly untilMs: number }>();

  /** `stored` in `directory` is gone. */
  removed(directory: BackendPath, stored: string, nowMs: number): void {
    const name = shownName(stored);
    if (isShortInUpperCase(name)) return;
    const key = keyOf(directory, generatedName(name));
    this.#names.delete(key);
    this.#names.set(key, { stored, untilMs: nowMs + memoryMs });
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= namesMax) break;
      this.#names.delete(oldest);
    }
  }

  /** The stored name that a new `name` in `directory` is to get instead; undefined for its own. */
  longNameOf(directory: BackendPath, name: string, nowMs: number): string | undefined {
    if (!mayBeShort(name)) return undefined;
    const key = keyOf(directory, name);
    const found = this.#names.get(key);
    if (found === undefined || found.untilMs >= nowMs) return found?.stored;
    this.#names.delete(key);
    return undefined;
  }
}

/** Every generated short name has a tilde. */
export function mayBeShort(name: string): boolean {
  return name.includes('~');
}

function keyOf(directory: BackendPath, name: string): string {
  return `${directory}\\${upper(name)}`;
}
