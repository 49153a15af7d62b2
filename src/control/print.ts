/**
 * The effective configuration as text: every setting, its value, and where it comes from. Secrets are masked.
 */
import { stringify } from 'yaml';
import { isSecret, type ReadConfiguration } from './configuration.ts';
import { isTree, type SettingPath } from './tree.ts';

const mask = '********';

/** Lines of YAML with the origin of each value as a comment. */
export function printConfiguration({ configuration, originOf }: ReadConfiguration): string {
  const lines: string[] = [];
  print(configuration, [], { lines, originOf });
  const widest = Math.min(56, Math.max(0, ...lines.map((line) => (line.split('\u0000')[0] ?? '').length)));
  return lines
    .map((line) => {
      const [text = '', origin] = line.split('\u0000');
      return origin === undefined ? text : `${text.padEnd(widest)}  # ${origin}`;
    })
    .join('\n')
    .concat('\n');
}

interface Printer {
  readonly lines: string[];
  readonly originOf: (path: SettingPath) => string;
}

function print(value: unknown, path: SettingPath, printer: Printer): void {
  const indent = '  '.repeat(path.length);
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(isTree(value) ? value : {});
  for (const [key, inner] of entries) {
    if (inner === undefined) continue;
    const here = [...path, key];
    const name = typeof key === 'number' ? '-' : `${scalar(key)}:`;
    if (isNested(inner)) {
      const at = printer.lines.push(`${indent}${name}`) - 1;
      print(inner, here, printer);
      if (typeof key === 'number') joinDash(printer.lines, at);
    } else {
      printer.lines.push(
        `${indent}${name} ${isSecret(here) ? mask : scalar(inner)}\u0000${printer.originOf(here)}`,
      );
    }
  }
}

/** A list's element begins on the line of its dash. */
function joinDash(lines: string[], at: number): void {
  const [dash = '', first = ''] = lines.slice(at, at + 2);
  lines.splice(at, 2, `${dash} ${first.trimStart()}`);
}

function isNested(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((element) => typeof element === 'object');
  return isTree(value) && Object.keys(value).length > 0;
}

function scalar(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}
