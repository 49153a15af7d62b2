/**
 * From the words of the command line to a command with its flags, or an error that says what was meant.
 */
import { parseArgs } from 'node:util';
import { nearest } from '../control/suggestion.ts';
import { type CommandLine, commandNamed, commands, type Flag, flagsOf, serveCommand } from './commands.ts';
import { UsageError } from './exit-code.ts';

export interface Arguments {
  readonly command: CommandLine;
  readonly operands: readonly string[];
  /** True when the switch was given. */
  has(flag: string): boolean;
  /** The flag's value; the last one when it was given more than once. */
  value(flag: string): string | undefined;
  /** All values of a repeatable flag. */
  values(flag: string): readonly string[];
}

/** Reads `words`; throws {@link UsageError}. */
export function readArguments(words: readonly string[]): Arguments {
  const { command, rest } = chooseCommand(words);
  const flags = flagsOf(command);
  const given = new Map<string, string[]>();
  const operands: string[] = [];
  const options = Object.fromEntries(flags.map(optionOf));
  const { tokens } = parseArgs({
    args: [...rest],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = flags.find((candidate) => candidate.name === token.name);
    if (flag === undefined) throw new UsageError(unknownFlag(token.rawName, command));
    const values = given.get(flag.name) ?? [];
    values.push(checkedValue(flag, token));
    given.set(flag.name, values);
  }
  return {
    command,
    operands,
    has: (flag) => given.has(flag),
    value: (flag) => given.get(flag)?.at(-1),
    values: (flag) => given.get(flag) ?? [],
  };
}

function optionOf(flag: Flag): [string, { type: 'string' | 'boolean'; short?: string }] {
  const type = flag.value === undefined ? 'boolean' : 'string';
  return [flag.name, flag.short === undefined ? { type } : { type, short: flag.short }];
}

/** `smbkit ./folder` and `smbkit --lan` mean serve; `smbkit` alone and `smbkit --help` mean help. */
function chooseCommand(words: readonly string[]): { command: CommandLine; rest: readonly string[] } {
  const [first, second] = words;
  const help = commandNamed('help') ?? serveCommand;
  if (first === undefined) return { command: help, rest: [] };
  if (['-h', '--help', '-V', '--version'].includes(first)) return { command: help, rest: words };
  const two = commandNamed(`${first} ${second}`);
  if (two !== undefined) return { command: two, rest: words.slice(2) };
  const one = commandNamed(first);
  if (one !== undefined) return { command: one, rest: words.slice(1) };
  if (first.startsWith('-') || /[./\\]/.test(first)) return { command: serveCommand, rest: words };
  throw new UsageError(unknownCommand(first, second));
}

function unknownCommand(first: string, second: string | undefined): string {
  const names = commands.map((command) => command.name);
  const below = names.filter((name) => name.startsWith(`${first} `));
  const typed =
    below.length > 0 && second !== undefined && !second.startsWith('-') ? `${first} ${second}` : first;
  if (below.length > 0 && typed === first) return `"${first}" needs a second word: ${below.join(', ')}`;
  const match = nearest(typed, names);
  const hint = match === undefined ? `Commands: ${names.join(', ')}.` : `Did you mean "smbkit ${match}"?`;
  return `there is no command "${typed}". ${hint} To serve a folder of that name: smbkit serve ${JSON.stringify(first)}`;
}

function unknownFlag(rawName: string, command: CommandLine): string {
  if (/^--?(password|pass)$/.test(rawName)) {
    return `${rawName} does not exist, because others could read it in the list of processes: use --password-file, --password-stdin or the variable SMBKIT_PASSWORD`;
  }
  const match = nearest(
    rawName.replace(/^-+/, ''),
    flagsOf(command).map((flag) => flag.name),
  );
  const hint = match === undefined ? `See: smbkit help ${command.name}` : `Did you mean --${match}?`;
  return `${command.name} has no flag ${rawName}. ${hint}`;
}

interface GivenValue {
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function checkedValue(flag: Flag, { value, inlineValue }: GivenValue): string {
  if (flag.value === undefined) {
    if (value === undefined) return '';
    throw new UsageError(`--${flag.name} is a switch: leave out "=${value}"`);
  }
  const isFlag = inlineValue !== true && value?.startsWith('-') === true && value !== '-';
  if (value === undefined || value === '' || isFlag) {
    throw new UsageError(`--${flag.name} needs a value: --${flag.name} ${flag.value}`);
  }
  return value;
}
