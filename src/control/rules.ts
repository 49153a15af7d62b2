/**
 * What the schema cannot say: settings that must fit one another.
 */
import { present } from '../base/assert.ts';
import { guestName } from './permission.ts';
import { type Configuration, type DialectName, dialectNames } from './schema.ts';
import { shareKey, shareNameProblem } from './share-name.ts';
import { didYouMean } from './suggestion.ts';
import type { SettingPath, Tree } from './tree.ts';

/** A problem and the setting it is about. */
export interface RuleIssue {
  readonly path: SettingPath;
  readonly message: string;
}

/** What `profile: hardened` sets; a setting that contradicts it is an error. */
export const hardenedSettings: readonly { readonly path: readonly string[]; readonly value: unknown }[] = [
  { path: ['signing', 'required'], value: true },
  { path: ['encryption', 'mode'], value: 'required' },
  { path: ['dialects', 'min'], value: '3.0.2' },
  { path: ['guest'], value: false },
  { path: ['anonymous'], value: false },
];

/** Whom the hardened profile keeps out; said when the server starts. */
export const hardenedExclusions =
  'the hardened profile refuses clients without encryption and dialect 3.0.2: Windows 8 and older, SMB 2 only devices, jcifs; guest and anonymous access are off';

/** What the program gives beside the configuration, by name. */
export interface GivenNames {
  /** Accounts that are not in the list of users. */
  readonly accounts?: readonly string[];
  /** Groups of those accounts. */
  readonly groups?: readonly string[];
  /** Shares whose storage the program hands in. */
  readonly backends?: readonly string[];
}

/** Every broken rule. */
export function brokenRules(configuration: Configuration, given: GivenNames = {}): readonly RuleIssue[] {
  return [
    ...userRules(configuration, given),
    ...Object.keys(configuration.shares).flatMap((name) => [...shareRules(configuration, name, given)]),
    ...duplicateShares(configuration),
    ...brokenSettingRules(configuration),
  ];
}

/** The broken rules among the settings that the protocol sees. */
export function brokenSettingRules(configuration: Configuration): readonly RuleIssue[] {
  return [...protocolRules(configuration), ...profileRules(configuration)];
}

function* userRules({ users, guest }: Configuration, given: GivenNames): Iterable<RuleIssue> {
  const seen = new Set((given.accounts ?? []).map((name) => name.toLowerCase()));
  for (const [index, user] of users.entries()) {
    const path = ['users', index];
    const key = user.name.toLowerCase();
    if (seen.has(key)) yield { path, message: `the user "${user.name}" is there twice: remove one` };
    seen.add(key);
    const secrets = [user.password, user.passwordFile, user.ntHash, user.sealedHash];
    const count = secrets.filter((secret) => secret !== undefined).length;
    if (count === 1) continue;
    const how = count === 0 ? 'has no password: give one of' : 'has more than one password: keep one of';
    yield { path, message: `the user "${user.name}" ${how} password, passwordFile, ntHash and sealedHash` };
  }
  if (guest && seen.has(guestName)) {
    yield {
      path: ['guest'],
      message: `a user is called "${guestName}", as guests are: rename it or turn off guest`,
    };
  }
}

function* shareRules(configuration: Configuration, name: string, given: GivenNames): Iterable<RuleIssue> {
  const share = present(configuration.shares[name], 'share');
  const path = ['shares', name];
  const problem = shareNameProblem(name);
  if (problem !== undefined) yield { path, message: problem };
  if (given.backends?.includes(name) !== true) {
    if (share.path === undefined && share.memory === undefined) {
      yield { path, message: `the share "${name}" serves nothing: give "path: FOLDER" or "memory: true"` };
    }
    if (share.path !== undefined && share.memory !== undefined) {
      yield { path, message: `the share "${name}" has a path and memory: keep one of them` };
    }
  }
  if (share.memorySize !== undefined && share.memory === undefined) {
    yield { path: [...path, 'memorySize'], message: 'is for shares with "memory: true"' };
  }
  for (const [index, wrapper] of share.wrappers.entries()) {
    if (Object.keys(wrapper).length === 1) continue;
    const message = 'must be one wrapper: begin each with a dash of its own';
    yield { path: [...path, 'wrappers', index], message };
  }
  yield* availabilityRules(configuration, name);
  const users = configuration.users.map((user) => user.name).concat(given.accounts ?? []);
  yield* unknownNames([...path, 'owners'], share.owners, users);
  const groups = new Set(configuration.users.flatMap((user) => user.groups).concat(given.groups ?? []));
  yield* unknownNames([...path, 'permissions', 'users'], share.permissions.users, [...users, guestName]);
  yield* unknownNames([...path, 'permissions', 'groups'], share.permissions.groups, groups);
}

/** What is open can be kept only where there is a place for it, and where the files stay as well. */
function* availabilityRules({ shares, server }: Configuration, name: string): Iterable<RuleIssue> {
  const share = present(shares[name], 'share');
  if (!share.continuousAvailability) return;
  const path = ['shares', name, 'continuousAvailability'];
  if (share.memory === true) {
    yield { path, message: `the share "${name}" is in memory and gone after a restart: give it a path` };
  }
  if (server.stateDir === undefined) {
    yield { path, message: `the share "${name}" needs a place for what is open: set server.stateDir` };
  }
}

function* unknownNames(path: SettingPath, given: Tree, known: Iterable<string>): Iterable<RuleIssue> {
  const names = [...known];
  const keys = new Set(names.map((name) => name.toLowerCase()));
  const what = path.at(-1) === 'groups' ? 'group' : 'user';
  for (const name of Object.keys(given)) {
    if (keys.has(name.toLowerCase())) continue;
    const why = what === 'user' ? 'there is no user' : 'no user is in a group';
    yield { path: [...path, name], message: `${why} "${name}".${didYouMean(name, names)}` };
  }
}

function* duplicateShares({ shares }: Configuration): Iterable<RuleIssue> {
  const seen = new Map<string, string>();
  for (const name of Object.keys(shares)) {
    const other = seen.get(shareKey(name));
    if (other !== undefined) {
      yield {
        path: ['shares', name],
        message: `the share "${name}" is there already as "${other}" (case does not count): rename one`,
      };
    }
    seen.set(shareKey(name), name);
  }
}

const isOlder = (name: DialectName, than: DialectName) =>
  dialectNames.indexOf(name) < dialectNames.indexOf(than);

function* protocolRules({
  dialects,
  encryption,
  signing,
  shares,
  guest,
}: Configuration): Iterable<RuleIssue> {
  if (isOlder(dialects.max, dialects.min)) {
    const message = `dialects.max (${dialects.max}) is older than dialects.min (${dialects.min})`;
    yield { path: ['dialects', 'max'], message };
  }
  if (isOlder(dialects.max, '3.0')) {
    const message = `encryption cannot be required with dialects.max ${dialects.max}: it needs 3.0 or later`;
    if (encryption.mode === 'required') yield { path: ['encryption', 'mode'], message };
    for (const [name, share] of Object.entries(shares)) {
      if (share.encryption === 'required') yield { path: ['shares', name, 'encryption'], message };
    }
  }
  if (encryption.mode === 'off') {
    for (const [name, share] of Object.entries(shares)) {
      if (share.encryption !== undefined && share.encryption !== 'off') {
        const message = `the share asks for encryption, but encryption.mode is off: set it to available`;
        yield { path: ['shares', name, 'encryption'], message };
      }
    }
  }
  if (guest && encryption.mode === 'required') {
    yield {
      path: ['guest'],
      message: 'guest sessions cannot be encrypted: turn off guest or encryption.mode required',
    };
  }
  yield* repeated(['signing', 'algorithms'], signing.algorithms);
  yield* repeated(['encryption', 'ciphers'], encryption.ciphers);
}

function* repeated(path: SettingPath, names: readonly string[]): Iterable<RuleIssue> {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index)
      yield { path: [...path, index], message: `${name} is there twice: remove one` };
  }
}

function* profileRules(configuration: Configuration): Iterable<RuleIssue> {
  if (configuration.profile !== 'hardened') return;
  const excludes = (path: SettingPath, what: string): RuleIssue => ({
    path,
    message: `the hardened profile excludes ${what}: remove this setting or the profile`,
  });
  if (!configuration.signing.required) yield excludes(['signing', 'required'], 'unsigned sessions');
  if (configuration.encryption.mode !== 'required') yield excludes(['encryption', 'mode'], 'plaintext');
  if (isOlder(configuration.dialects.min, '3.0.2'))
    yield excludes(['dialects', 'min'], 'dialects before 3.0.2');
  if (configuration.guest) yield excludes(['guest'], 'guest access');
  if (configuration.anonymous) yield excludes(['anonymous'], 'anonymous access');
  for (const [name, share] of Object.entries(configuration.shares)) {
    if (share.encryption === undefined || share.encryption === 'required') continue;
    yield excludes(['shares', name, 'encryption'], 'plaintext');
  }
}
