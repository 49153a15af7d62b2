/**
 * From file, environment and flags to one checked configuration that knows where each value comes from.
 */
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { type Assignment, readEnvironment } from './environment.ts';
import { knownKeys, schemaAt } from './json-schema.ts';
import { brokenRules, type GivenNames, hardenedSettings } from './rules.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { didYouMean } from './suggestion.ts';
import {
  assignAt,
  copyTree,
  emptyTree,
  isTree,
  pathKey,
  type SettingPath,
  showPath,
  type Tree,
  valueAt,
} from './tree.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** What a configuration is made from; later sources give way to earlier ones: flags, variables, file, defaults. */
export interface ConfigurationSources {
  readonly flags?: readonly Assignment[];
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly name: string; readonly text: string };
  /** Unchecked settings given as a value; the library's way in. */
  readonly tree?: Tree;
  readonly given?: GivenNames;
}

/** One problem, with its place and its fix in one sentence. */
export interface ConfigurationIssue {
  readonly message: string;
  /** The setting, as `shares.docs.path`. */
  readonly setting: string;
  /** `smbkit.yaml:3:5`, `SMBKIT_PORT` or `--port`. */
  readonly origin: string;
}

export interface ReadConfiguration {
  readonly configuration: Configuration;
  readonly warnings: readonly string[];
  /** Where the value at `path` comes from: a place in the file, a variable, a flag, the profile, or `default`. */
  originOf(path: SettingPath): string;
}

/** Thrown for a configuration that is wrong; the message lists every issue. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly issues: readonly ConfigurationIssue[];

  constructor(issues: readonly ConfigurationIssue[]) {
    const ordered = [...issues].sort((a, b) => placeOf(a) - placeOf(b));
    super(ordered.map(showIssue).join('\n'));
    this.issues = ordered;
  }
}

/** Issues come in the order of the file. */
function placeOf({ origin }: ConfigurationIssue): number {
  const [, line = '0', column = '0'] = /:(\d+):(\d+)$/.exec(origin) ?? [];
  return Number(line) * 100_000 + Number(column);
}

/** `smbkit.yaml:3:5: server.prot: unknown setting. Did you mean "port"?` */
export function showIssue(issue: ConfigurationIssue): string {
  return [issue.origin, issue.setting, issue.message].filter((part) => part !== '').join(': ');
}

/** Merges the sources and checks the result; throws {@link ConfigurationError}. Paths become absolute. */
export function readConfiguration(sources: ConfigurationSources): ReadConfiguration {
  const layers = new Layers(sources);
  if (layers.syntaxIssues.length > 0) throw new ConfigurationError(layers.syntaxIssues);
  const parsed = configurationSchema.safeParse(layers.tree);
  if (!parsed.success)
    throw new ConfigurationError(parsed.error.issues.flatMap((issue) => explain(issue, layers)));
  const broken = brokenRules(parsed.data, sources.given);
  if (broken.length > 0) {
    throw new ConfigurationError(broken.map(({ path, message }) => layers.issue(path, message)));
  }
  return {
    configuration: parsed.data,
    warnings: layers.warnings,
    originOf: (path) => layers.originOf(path),
  };
}

/** The names of shares and users in a file, without a check: what else is wrong there, {@link readConfiguration} says. */
export function namesIn(text: string): {
  readonly shares: readonly string[];
  readonly users: readonly string[];
} {
  const { tree } = readYaml(text);
  const users = Array.isArray(tree['users']) ? tree['users'] : [];
  return {
    shares: isTree(tree['shares']) ? Object.keys(tree['shares']) : [],
    users: users.flatMap((user) => (isTree(user) && typeof user['name'] === 'string' ? [user['name']] : [])),
  };
}

class Layers {
  readonly tree: Tree;
  readonly warnings: readonly string[];
  readonly syntaxIssues: readonly ConfigurationIssue[];
  readonly #fileName: string | undefined;
  readonly #source: YamlSource | undefined;
  readonly #origins = new Map<string, string>();

  constructor(sources: ConfigurationSources) {
    const { file } = sources;
    this.#fileName = file?.name;
    this.#source = file === undefined ? undefined : readYaml(file.text);
    this.syntaxIssues = (this.#source?.issues ?? []).map(({ line, column, message }) => ({
      message,
      setting: '',
      origin: `${file?.name}:${line}:${column}`,
    }));
    const given = copyTree(sources.tree ?? this.#source?.tree);
    this.tree = isTree(given) ? given : emptyTree();
    for (const name of expandShares(this.tree)) this.#shorthand(name);
    anchorPaths(this.tree, file === undefined ? undefined : dirname(resolve(file.name)));
    const environment = readEnvironment(sources.variables ?? {});
    this.warnings = environment.warnings;
    for (const assignment of [...environment.assignments, ...(sources.flags ?? [])]) this.#assign(assignment);
    if (this.tree['profile'] === 'hardened') this.#harden();
  }

  #assign({ path, value, origin }: Assignment): void {
    assignAt(this.tree, path, value);
    this.#origins.set(pathKey(path), origin);
  }

  #harden(): void {
    for (const { path, value } of hardenedSettings) {
      if (valueAt(this.tree, path) === undefined) this.#assign({ path, value, origin: 'profile hardened' });
    }
  }

  #shorthand(name: string): void {
    const origin = this.#given(['shares', name]);
    if (origin !== undefined) this.#origins.set(pathKey(['shares', name, 'path']), origin);
  }

  originOf(path: SettingPath): string {
    return this.#given(path) ?? 'default';
  }

  /** The origin of `path` or of the nearest setting around it. */
  originAround(path: SettingPath): string {
    for (let depth = path.length; depth > 0; depth--) {
      const origin = this.#given(path.slice(0, depth));
      if (origin !== undefined) return origin;
    }
    return this.#fileName ?? '';
  }

  issue(path: SettingPath, message: string): ConfigurationIssue {
    return { message, setting: showPath(path), origin: this.originAround(path) };
  }

  #given(path: SettingPath): string | undefined {
    for (let depth = path.length; depth > 0; depth--) {
      const origin = this.#origins.get(pathKey(path.slice(0, depth)));
      if (origin !== undefined) return origin;
    }
    const position = this.#source?.position(path);
    return position === undefined ? undefined : `${this.#fileName}:${position.line}:${position.column}`;
  }
}

/** `docs: ./docs` is short for `docs: { path: ./docs }`. Returns the names written so. */
function expandShares(tree: Tree): readonly string[] {
  const shares = tree['shares'];
  if (!isTree(shares)) return [];
  const names = Object.keys(shares).filter((name) => typeof shares[name] === 'string');
  for (const name of names) {
    const expanded = emptyTree();
    expanded['path'] = shares[name];
    shares[name] = expanded;
  }
  return names;
}

/** Paths in a file are relative to the file's folder, not to where the command is run. */
function anchorPaths(tree: Tree, folder: string | undefined): void {
  if (folder === undefined) return;
  const anchor = (holder: unknown, key: string) => {
    const value = isTree(holder) ? holder[key] : undefined;
    if (isTree(holder) && typeof value === 'string' && value !== '') holder[key] = resolve(folder, value);
  };
  anchor(tree['server'], 'stateDir');
  anchor(tree['audit'], 'file');
  anchor(tree['server'], 'keyFile');
  if (isTree(tree['shares'])) {
    for (const share of Object.values(tree['shares'])) {
      anchor(share, 'path');
      for (const wrapper of wrappersOf(share)) anchor(wrapper['snapshots'], 'path');
    }
  }
  if (Array.isArray(tree['users'])) for (const user of tree['users']) anchor(user, 'passwordFile');
}

function wrappersOf(share: unknown): readonly Tree[] {
  const wrappers = isTree(share) ? share['wrappers'] : undefined;
  return Array.isArray(wrappers) ? wrappers.filter(isTree) : [];
}

function explain(issue: z.core.$ZodIssue, layers: Layers): readonly ConfigurationIssue[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const known = knownKeys(path);
      const list = known.length <= 12 ? ` Known here: ${known.join(', ')}.` : '';
      const hint = didYouMean(key, known) || list;
      return layers.issue([...path, key], `unknown setting.${hint}`);
    });
  }
  const value = valueAt(layers.tree, path);
  return [
    layers.issue(path, `${wanted(issue, value, path)}${isSecret(path) ? '' : `, not ${shown(value)}`}`),
  ].map((found) => ({ ...found, message: found.message + suggestion(issue, value) }));
}

/** True for settings whose value no message may show. */
export function isSecret(path: SettingPath): boolean {
  const last = path.at(-1);
  return last === 'password' || last === 'ntHash' || last === 'sealedHash';
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (isTree(value)) return 'a mapping';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return JSON.stringify(value);
}

const typeNames = new Map([
  ['string', 'text'],
  ['boolean', 'true or false'],
  ['int', 'a whole number'],
  ['number', 'a whole number'],
  ['array', 'a list'],
  ['object', 'a mapping of settings'],
  ['record', 'a mapping of names'],
]);

function wanted(issue: z.core.$ZodIssue, value: unknown, path: SettingPath): string {
  if (issue.code === 'invalid_type') {
    const range = rangeOf(path);
    return `must be ${typeNames.get(issue.expected) ?? issue.expected}${value === undefined ? '' : range}`;
  }
  if (issue.code === 'invalid_value') return `must be ${orList(issue.values.map(String))}`;
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    if (issue.origin === 'number' || issue.origin === 'int') return `must be a whole number${rangeOf(path)}`;
    if (issue.code === 'too_small')
      return issue.message.startsWith('must') ? issue.message : 'must not be empty';
    return `must have at most ${issue.maximum} characters`;
  }
  if (issue.code === 'invalid_union') return 'must be like 90s, 30m, 8h, 7d or never';
  return issue.message;
}

function rangeOf(path: SettingPath): string {
  const node = schemaAt(path);
  const [least, most] = [node?.['minimum'], node?.['maximum']];
  return typeof least === 'number' && typeof most === 'number' ? ` from ${least} to ${most}` : '';
}

function orList(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function suggestion(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return '';
  return didYouMean(value, issue.values.map(String)).replace(/^ /, '. ');
}
