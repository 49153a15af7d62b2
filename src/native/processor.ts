/**
 * What the processor can do. proc_cpuinfo(5)
 */
import { readFileSync } from 'node:fs';

let flags: ReadonlySet<string> | undefined;

/** Whether all processors here have the instructions that Linux calls by these names; false where it does not tell. */
export function processorHas(...names: readonly string[]): boolean {
  flags ??= readFlags();
  return names.every((name) => flags?.has(name));
}

function readFlags(): ReadonlySet<string> {
  try {
    const [, text = ''] = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1')) ?? [];
    return new Set(text.trim().split(' '));
  } catch {
    return new Set();
  }
}
