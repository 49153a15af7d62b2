/**
 * From flags, variables and the configuration file to what `serve` has to start.
 */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { namesIn, type ReadConfiguration, readConfiguration } from '../control/configuration.ts';
import type { Assignment } from '../control/environment.ts';
import { firstLine, ntHashOf, readPasswordFile } from '../control/password.ts';
import { shareKey, shareNameProblem } from '../control/share-name.ts';
import { reasonOf } from '../control/system-error.ts';
import type { Arguments } from './arguments.ts';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

/** What the command line asks for. */
export interface ServeRequest {
  readonly read: ReadConfiguration;
  /** The share kept in memory that stands in when no folder is named. */
  readonly welcomeShare: string | undefined;
  /** The account of the command line, where there is to be one; without a hash its password is to be made. */
  readonly account: CommandAccount | undefined;
  readonly keyLogFile: string | undefined;
  readonly isJson: boolean;
  /** Reads the configuration file again, under the same flags and variables. */
  reread(): Promise<ReadConfiguration>;
}

export interface CommandAccount {
  readonly name: string;
  readonly ntHash: Buffer | undefined;
}

const welcomeShare = 'files';
const defaultUserName = 'smbkit';

interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** Reads everything that `serve` needs, and starts nothing; throws UsageError, ConfigurationError or PasswordError. */
export async function serveRequest(args: Arguments, around: Surroundings): Promise<ServeRequest> {
  const file = await configurationFile(args, around);
  const shares = sharesOf(args, namesIn(file?.text ?? '').shares);
  const isEmpty = shares.size === 0 && namesIn(file?.text ?? '').shares.length === 0;
  if (isEmpty) shares.set(welcomeShare, undefined);
  const account = await accountOf(args, around, namesIn(file?.text ?? '').users);
  const read = (source: SourceFile | undefined): ReadConfiguration =>
    readConfiguration({
      ...(source === undefined ? {} : { file: source }),
      variables: around.variables,
      flags: flagsOf(args, shares, namesIn(source?.text ?? '').shares),
      given: { accounts: account === undefined ? [] : [account.name] },
    });
  return {
    read: read(file),
    welcomeShare: isEmpty ? welcomeShare : undefined,
    account,
    keyLogFile: args.value('debug-key-log'),
    isJson: args.has('json'),
    reread: async () => read(await configurationFile(args, around)),
  };
}

/** The flag's value or else the variable's; an empty variable counts as absent. */
function given(flag: string | undefined, around: Surroundings, variable: string): string | undefined {
  const text = flag ?? around.variables[variable];
  return text === '' ? undefined : text;
}

/** The text of a configuration file; throws UsageError when it cannot be read. */
export async function readSourceFile(name: string): Promise<SourceFile> {
  try {
    return { name, text: await readFile(name, 'utf8') };
  } catch (error) {
    throw new UsageError(`the configuration file ${name} cannot be read: ${reasonOf(error)}`);
  }
}

async function configurationFile(args: Arguments, around: Surroundings): Promise<SourceFile | undefined> {
  const name = given(args.value('config'), around, 'SMBKIT_CONFIG');
  return name === undefined ? undefined : await readSourceFile(name);
}

/** Shares named on the command line; a share without a path is kept in memory. */
function sharesOf(args: Arguments, namesInFile: readonly string[]): Map<string, string | undefined> {
  const shares = new Map<string, string | undefined>();
  const taken = new Map(namesInFile.map((name) => [shareKey(name), 'the configuration file']));
  const add = (name: string, path: string, word: string) => {
    const problem = shareNameProblem(name);
    if (problem !== undefined) throw new UsageError(`${word}: ${problem}`);
    const other = taken.get(shareKey(name));
    if (other !== undefined) {
      throw new UsageError(
        `${word}: the share "${name}" is there already (${other}): name it with --share NAME=${path}`,
      );
    }
    taken.set(shareKey(name), word);
    shares.set(name, resolve(path));
  };
  for (const word of args.values('share')) {
    const at = word.indexOf('=');
    if (at === -1 || at === word.length - 1) {
      throw new UsageError(`--share ${word}: give the name and the folder as NAME=PATH`);
    }
    add(word.slice(0, at), word.slice(at + 1), `--share ${word}`);
  }
  for (const path of args.operands) add(basename(resolve(path)) || 'root', path, path);
  return shares;
}

function flagsOf(
  args: Arguments,
  shares: ReadonlyMap<string, string | undefined>,
  namesInFile: readonly string[],
): readonly Assignment[] {
  const assignments: Assignment[] = [];
  for (const [name, path] of shares) {
    const value = path === undefined ? { memory: true } : { path };
    assignments.push({ path: ['shares', name], value, origin: 'command line' });
  }
  if (args.has('read-only')) {
    for (const name of [...namesInFile, ...shares.keys()]) {
      assignments.push({ path: ['shares', name, 'readOnly'], value: true, origin: '--read-only' });
    }
  }
  return [...assignments, ...settingFlags(args)];
}

function settingFlags(args: Arguments): readonly Assignment[] {
  const assignments: Assignment[] = [];
  const set = (flag: string, path: readonly string[], value: unknown) => {
    if (args.has(flag)) assignments.push({ path, value, origin: `--${flag}` });
  };
  if (args.has('lan') && args.has('host')) {
    throw new UsageError('--lan and --host exclude each other: --lan is --host 0.0.0.0');
  }
  const port = args.value('port') ?? '';
  set('lan', ['server', 'host'], '0.0.0.0');
  set('host', ['server', 'host'], args.value('host'));
  set('port', ['server', 'port'], /^\d{1,6}$/.test(port) ? Number(port) : port);
  set('state-dir', ['server', 'stateDir'], resolve(args.value('state-dir') ?? ''));
  set('strict-port', ['server', 'strictPort'], true);
  set('guest', ['guest'], true);
  set('log-level', ['log', 'level'], args.value('log-level'));
  set('log-format', ['log', 'format'], args.value('log-format'));
  return assignments;
}

/** The account of `--user`, or the one that is made where the file has none. */
async function accountOf(
  args: Arguments,
  around: Surroundings,
  usersInFile: readonly string[],
): Promise<CommandAccount | undefined> {
  const name = given(args.value('user'), around, 'SMBKIT_USER');
  const password = await passwordOf(args, around);
  if (name === undefined && password === undefined && usersInFile.length > 0) return undefined;
  const account = name ?? defaultUserName;
  if (usersInFile.some((user) => user.toLowerCase() === account.toLowerCase())) {
    throw new UsageError(`the user "${account}" is in the configuration file already: choose another --user`);
  }
  return { name: account, ntHash: password === undefined ? undefined : ntHashOf(password) };
}

async function passwordOf(args: Arguments, around: Surroundings): Promise<Buffer | undefined> {
  if (args.has('password-file') && args.has('password-stdin')) {
    throw new UsageError('--password-file and --password-stdin exclude each other: keep one');
  }
  if (args.has('password-stdin')) return firstLine(await around.readInput(), 'standard input');
  const flagFile = args.value('password-file');
  if (flagFile !== undefined) return await readPasswordFile(flagFile);
  const { SMBKIT_PASSWORD: text, SMBKIT_PASSWORD_FILE: file } = around.variables;
  if (text !== undefined) return firstLine(Buffer.from(text, 'utf8'), 'SMBKIT_PASSWORD');
  return file === undefined || file === '' ? undefined : await readPasswordFile(file);
}
