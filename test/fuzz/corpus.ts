/**
 * Inputs that are kept: `corpus/TARGET.txt`, one a line in hexadecimal, with what it is behind a `#`.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'corpus');

/** The kept inputs of a target. */
export function corpusOf(target: string): readonly Buffer[] {
  const file = fileOf(target);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [text = ''] = line.split('#');
    return text.trim() === '' ? [] : [Buffer.from(text.trim(), 'hex')];
  });
}

/** Keeps one more. */
export function keep(target: string, input: Buffer, what: string): string {
  mkdirSync(folder, { recursive: true });
  const file = fileOf(target);
  appendFileSync(file, `${input.toString('hex')} # ${what.replaceAll(/[\r\n#]/g, ' ').slice(0, 100)}\n`);
  return file;
}

/** Keeps exactly these. */
export function rewrite(target: string, entries: readonly { input: Buffer; what: string }[]): void {
  mkdirSync(folder, { recursive: true });
  const lines = entries.map(({ input, what }) => `${input.toString('hex')} # ${what}\n`);
  writeFileSync(fileOf(target), lines.join(''));
}

function fileOf(target: string): string {
  return join(folder, `${target}.txt`);
}
