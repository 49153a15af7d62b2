/**
 * The door to C: functions of the process itself (libc, and the OpenSSL that node exports), called through the optional
 * package koffi. Everything else in this folder asks here; nothing outside it does.
 *
 * What crosses the door must be right beforehand, since C checks nothing: bounds and integers are checked by the callers in
 * this folder, and memory that a call in the thread pool uses is held here until the call has ended.
 */
import { createRequire } from 'node:module';

/** A C function. `async` runs it in the thread pool; only {@link Ffi.later} may call that. */
export interface NativeFunction<A extends readonly unknown[], R = number> {
  (...args: A): R;
  async(...args: [...A, done: (error: Error | null, result: R) => void]): void;
}

/** What is used of koffi, so that nothing depends on its declarations. */
interface Koffi {
  load(path: null): {
    func<A extends readonly unknown[], R>(
      name: string,
      result: string,
      parameters: readonly string[],
    ): NativeFunction<A, R>;
  };
  errno(): number;
  address(memory: Uint8Array): bigint;
}

/** Why there are no native calls. */
export type NativeAbsence = 'switched off' | 'not Linux' | 'unknown processor' | 'koffi is not installed';

/** Processors with 64-bit pointers, little-endian, on which the declared types, numbers and layouts hold. */
const processors = new Set(['x64', 'arm64', 'riscv64', 'loong64']);

/** Calls that run or wait in the thread pool at one time; koffi refuses more than 256. */
const LATER_COUNT_MAX = 64;

export class Ffi {
  readonly #koffi: Koffi;
  readonly #process: ReturnType<Koffi['load']>;
  /** The arguments of calls under way: the collector must not take their memory. */
  readonly #held = new Set<readonly unknown[]>();
  readonly #waiting: (() => void)[] = [];

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
    this.#process = koffi.load(null);
  }

  /**
   * The function `name`; `undefined` where the process has none. `A` and `R` are what `parameters` and `result` say in C:
   * `str` takes a string or a Buffer that ends in a zero, `void *` a Buffer, which C then reads or writes in place.
   */
  bind<A extends readonly unknown[], R = number>(
    name: string,
    result: string,
    parameters: readonly string[],
  ): NativeFunction<A, R> | undefined {
    try {
      return this.#process.func(name, result, parameters);
    } catch {
      return undefined;
    }
  }

  /** errno of the last call, also inside `done` of {@link later}. */
  errno(): number {
    return this.#koffi.errno();
  }

  /** Where `memory` stands. It must be an argument of the same call too, which holds it. */
  addressOf(memory: Uint8Array): bigint {
    return this.#koffi.address(memory);
  }

  /** Runs `call` in the thread pool, and holds `args` until it has ended. */
  later<A extends readonly unknown[], R>(
    call: NativeFunction<A, R>,
    args: A,
    done: (result: R) => void,
  ): void {
    const begin = (): void => {
      this.#held.add(args);
      call.async(...args, (error, result) => {
        this.#held.delete(args);
        const next = this.#waiting.shift();
        try {
          if (error !== null) throw error;
          done(result);
        } finally {
          next?.();
        }
      });
    };
    if (this.#held.size < LATER_COUNT_MAX) begin();
    else this.#waiting.push(begin);
  }
}

/** The door, or why it is closed. `SMBKIT_NATIVE=off` closes it. */
export function openFfi(): Ffi | NativeAbsence {
  if (process.env['SMBKIT_NATIVE'] === 'off') return 'switched off';
  if (process.platform !== 'linux') return 'not Linux';
  if (!processors.has(process.arch)) return 'unknown processor';
  try {
    const koffi: Koffi = createRequire(import.meta.url)('koffi');
    return new Ffi(koffi);
  } catch {
    return 'koffi is not installed';
  }
}

let opened: Ffi | NativeAbsence | undefined;

/** {@link openFfi}, once for the process. */
export function sharedFfi(): Ffi | NativeAbsence {
  opened ??= openFfi();
  return opened;
}
