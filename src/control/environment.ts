/**
 * Settings from environment variables. Every single setting has one: its path in capitals after `SMBKIT_`, with
 * `server.` left out, so `server.port` is SMBKIT_PORT and `dialects.min` is SMBKIT_DIALECTS_MIN. Lists are separated by commas.
 */
import { isText, type Leaf, leaves } from './json-schema.ts';
import { didYouMean } from './suggestion.ts';

/** Variables that stand for more than one setting, or none; the command line reads them. */
export const specialVariables: ReadonlyMap<string, string> = new Map([
  ['SMBKIT_CONFIG', 'The configuration file, as `--config`.'],
  ['SMBKIT_USER', 'The name of the one account, as `--user`.'],
  ['SMBKIT_PASSWORD', 'The password of that account.'],
  ['SMBKIT_NATIVE', '`off`: no native calls (`smbkit doctor` says what they are for).'],
  ['SMBKIT_PASSWORD_FILE', 'File whose first line is that password, as `--password-file`.'],
]);

/** One setting given outside the file. */
export interface Assignment {
  readonly path: readonly string[];
  readonly value: unknown;
  /** Where it comes from, for messages: `SMBKIT_PORT`, `--port`. */
  readonly origin: string;
}

/** The variable of a setting. */
export function variableOf(path: readonly string[]): string {
  const parts = path[0] === 'server' ? path.slice(1) : path;
  const words = parts.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase());
  return `SMBKIT_${words.join('_')}`;
}

/** The value that `text` stands for where the schema wants a number, a truth value or a list; otherwise the text. */
export function valueOfText(text: string, leaf: Leaf): unknown {
  const type = leaf.node['type'];
  if (isText(leaf.path)) return text;
  if (type === 'array') {
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
  const word = text.trim().toLowerCase();
  if (type === 'boolean' && ['true', 'yes', 'on', '1'].includes(word)) return true;
  if (type === 'boolean' && ['false', 'no', 'off', '0'].includes(word)) return false;
  if (type === 'integer' && /^\d+$/.test(word)) return Number(word);
  return text;
}

/** The settings that `variables` give, and a warning for each SMBKIT_ variable that means nothing. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): {
  readonly assignments: readonly Assignment[];
  readonly warnings: readonly string[];
} {
  const byName = new Map(leaves().map((leaf) => [variableOf(leaf.path), leaf]));
  const assignments: Assignment[] = [];
  const warnings: string[] = [];
  for (const [name, text] of Object.entries(variables)) {
    if (!name.startsWith('SMBKIT_') || text === undefined || text === '' || specialVariables.has(name))
      continue;
    const leaf = byName.get(name);
    if (leaf !== undefined) {
      assignments.push({ path: leaf.path, value: valueOfText(text, leaf), origin: name });
    } else {
      const known = [...byName.keys(), ...specialVariables.keys()];
      warnings.push(`the environment variable ${name} is not known.${didYouMean(name, known)}`);
    }
  }
  return { assignments, warnings };
}
