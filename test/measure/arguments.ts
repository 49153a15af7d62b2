/**
 * What the measurements are told: numbers by name, and a folder.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { commandLine } from '../testing/command-line.ts';

export interface MeasureArguments {
  readonly count: number;
  /** New and empty; removed by the caller. */
  readonly folder: string;
  readonly descriptors: number;
}

/** Reads `--count N --descriptors N --in FOLDER`; the last one says where the measured folder is made. */
export function measureArguments(defaults: {
  readonly count: number;
  readonly descriptors?: number;
}): MeasureArguments {
  const { values } = commandLine(process.argv[1] ?? '', {
    options: {
      count: { type: 'string', default: String(defaults.count) },
      descriptors: { type: 'string', default: String(defaults.descriptors ?? 1000) },
      in: { type: 'string', default: os.tmpdir() },
    },
  });
  const [count, descriptors] = [Number(values.count), Number(values.descriptors)];
  if (!(count > 0) || !(descriptors > 0)) throw new Error('--count and --descriptors take positive numbers');
  return { count, descriptors, folder: fs.mkdtempSync(path.join(values.in, 'smbkit-measure-')) };
}

/** Memory of the process in MiB. */
export function residentMiB(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}

/** Prints a figure. */
export function tell(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(60)} ${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit}`);
}

/** Runs `work` and answers how long it took, in milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
