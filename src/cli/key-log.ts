/**
 * `--debug-key-log`: the keys of every session in a file, in the form of tshark's preference `smb2_seskey_list`.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Log } from '../base/log.ts';
import { reasonOf } from '../control/system-error.ts';
import { UsageError } from './exit-code.ts';

export interface KeyLog extends Disposable {
  /** Absent when no keys are wanted. */
  readonly write: ((line: string) => void) | undefined;
}

/** Opens `file` for its owner only, and says loudly what that means. */
export function openKeyLog(file: string | undefined, log: Log): KeyLog {
  if (file === undefined) return { write: undefined, [Symbol.dispose]: () => {} };
  const descriptor = openForOwner(file);
  log.write('warn', 'THE KEYS OF EVERY SESSION ARE WRITTEN TO A FILE: whoever has it can read all traffic', {
    file,
  });
  return {
    write: (line) => writeSync(descriptor, `${line}\n`),
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

function openForOwner(file: string): number {
  try {
    return openSync(file, 'a', 0o600);
  } catch (error) {
    throw new UsageError(`the key log ${file} cannot be written: ${reasonOf(error)}`);
  }
}
