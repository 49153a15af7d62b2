/**
 * Search patterns. [MS-FSA] 2.1.4.4
 *
 * `*` any characters, `?` one character, and the three that MS-DOS names are translated to: `<` (DOS_STAR) any
 * characters but the final dot, `>` (DOS_QM) one character or nothing before a dot or the end, `"` (DOS_DOT) a dot or
 * nothing at the end. A pattern is matched in one pass over the name, with the set of places in the pattern that can be
 * reached so far: no backtracking, whatever the client sends.
 */
import { upper } from './names.ts';

const star = 0x2a;
const question = 0x3f;
const dosStar = 0x3c;
const dosQuestion = 0x3e;
const dosDot = 0x22;
const dot = 0x2e;

/** Decides whether a name matches, without regard to case. */
export type NameMatcher = (name: string) => boolean;

/** True when `pattern` holds any wildcard. */
export function hasWildcards(pattern: string): boolean {
  return /[*?<>"]/.test(pattern);
}

/** Prepares `pattern` for many names. An empty pattern and `*` match everything. */
export function compilePattern(pattern: string): NameMatcher {
  if (pattern === '' || pattern === '*') return () => true;
  const folded = upper(pattern);
  if (!hasWildcards(folded)) return (name) => name.length === folded.length && upper(name) === folded;
  return (name) => matches(folded, upper(name));
}

/** Both in upper case. `reached[i]` tells that the first `i` units of the pattern match the name read so far. */
function matches(pattern: string, name: string): boolean {
  let reached = new Uint8Array(pattern.length + 1);
  let next = new Uint8Array(pattern.length + 1);
  reached[0] = 1;
  const finalDot = name.lastIndexOf('.');
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at);
    skipEmpty(pattern, reached, unit === dot);
    next.fill(0);
    if (!step(pattern, reached, next, { unit, isFinalDot: at === finalDot })) return false;
    [reached, next] = [next, reached];
  }
  skipAtEnd(pattern, reached);
  return reached[pattern.length] === 1;
}

interface NameUnit {
  readonly unit: number;
  readonly isFinalDot: boolean;
}

/** Reads one unit of the name; false when nothing is left to reach. */
function step(pattern: string, from: Uint8Array, to: Uint8Array, { unit, isFinalDot }: NameUnit): boolean {
  let isAlive = false;
  for (let at = 0; at < pattern.length; at++) {
    if (from[at] !== 1) continue;
    const wanted = pattern.charCodeAt(at);
    const target = targetOf(wanted, unit, isFinalDot);
    if (target === 'dead') continue;
    to[target === 'stay' ? at : at + 1] = 1;
    isAlive = true;
  }
  return isAlive;
}

function targetOf(wanted: number, unit: number, isFinalDot: boolean): 'stay' | 'advance' | 'dead' {
  switch (wanted) {
    case star:
      return 'stay';
    case dosStar:
      return isFinalDot ? 'dead' : 'stay';
    case question:
      return 'advance';
    case dosQuestion:
      return unit === dot ? 'dead' : 'advance';
    case dosDot:
      return unit === dot ? 'advance' : 'dead';
    default:
      return wanted === unit ? 'advance' : 'dead';
  }
}

/** Marks what can be reached without reading: past the stars, and before a dot past `>`. */
function skipEmpty(pattern: string, reached: Uint8Array, isBeforeDot: boolean): void {
  for (let at = 0; at < pattern.length; at++) {
    if (reached[at] !== 1) continue;
    const wanted = pattern.charCodeAt(at);
    if (wanted === star || wanted === dosStar || (wanted === dosQuestion && isBeforeDot)) reached[at + 1] = 1;
  }
}

function skipAtEnd(pattern: string, reached: Uint8Array): void {
  for (let at = 0; at < pattern.length; at++) {
    if (reached[at] !== 1) continue;
    const wanted = pattern.charCodeAt(at);
    const isEmpty = wanted === star || wanted === dosStar || wanted === dosQuestion || wanted === dosDot;
    if (isEmpty) reached[at + 1] = 1;
  }
}
