/**
 * The process as a command sees it.
 */
import { readFileSync } from 'node:fs';
import type { Surroundings } from './surroundings.ts';

/** Standard input beyond this is no password. */
const inputBytesMax = 64 * 1024;

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (length > inputBytesMax || bytes.includes(0x0a)) break;
  }
  const all = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return all;
}

function version(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const hasVersion = typeof parsed === 'object' && parsed !== null && 'version' in parsed;
  return hasVersion ? String(parsed.version) : 'unknown';
}

const colorAllowed = (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';

/** What the process gives to a run of the command. */
export const processSurroundings: Surroundings = {
  words: process.argv.slice(2),
  variables: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  outHasColor: colorAllowed && process.stdout.isTTY,
  errHasColor: colorAllowed && process.stderr.isTTY,
  readInput,
  onSignal(name, handler) {
    process.on(name, handler);
    return () => process.off(name, handler);
  },
  exit: (code) => process.exit(code),
  timestamp: () => new Date().toISOString(),
  version: version(),
};
