/**
 * The help of each command, and docs/cli.md, both written from the tables.
 */
import { specialVariables } from '../control/environment.ts';
import { type CommandLine, commands, type Flag, type FlagGroup } from './commands.ts';
import { exitCodeMeanings } from './exit-code.ts';

/** What `smbkit help` shows. */
export function overview(version: string): string {
  const starts = commands.flatMap((command) => command.examples.slice(0, command.name === 'serve' ? 3 : 1));
  return [
    `smbkit ${version}: serve folders as network drives (SMB 2 and 3).`,
    '',
    ...columns(starts.map(([line, meaning]) => [`  ${line}`, meaning])),
    '',
    'Commands',
    ...columns(commands.map((command) => [`  ${command.name}`, command.summary])),
    '',
    'More: smbkit help COMMAND',
    '',
  ].join('\n');
}

/** What `smbkit help COMMAND` shows: examples first, then the flags. */
export function helpOf(command: CommandLine): string {
  const groups = command.groups.flatMap((group) => ['', group.title, ...columns(flagRows(group))]);
  const codes = command.name === 'serve' ? ['', 'Exit codes', ...columns(codeRows())] : [];
  return [
    command.summary,
    '',
    ...columns(command.examples.map(([line, meaning]) => [`  ${line}`, meaning])),
    '',
    `Usage: ${usage(command)}`,
    ...groups,
    ...codes,
    '',
  ].join('\n');
}

const usage = (command: CommandLine) =>
  `smbkit ${command.name} ${command.operands} [FLAGS]`.replace(/ +/g, ' ');

const codeRows = () =>
  exitCodeMeanings.map(([code, meaning]): [string, string] => [`  ${code}`, meaning.replaceAll('`', '')]);

function flagRows(group: FlagGroup): [string, string][] {
  return group.flags.map((flag) => [`  ${flagText(flag)}`, flag.help]);
}

function flagText(flag: Flag): string {
  const value = flag.value === undefined ? '' : ` ${flag.value}`;
  return `${flag.short === undefined ? '' : `-${flag.short}, `}--${flag.name}${value}`;
}

/** Two columns; where the left one is too long the right one follows on the next line. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length))) + 2;
  return rows.flatMap(([left, right]) =>
    left.length + 2 <= width ? [left.padEnd(width) + right] : [left, ' '.repeat(width) + right],
  );
}

/** docs/cli.md. */
export function commandReference(): string {
  const parts = [
    '# The command line\n',
    '<!-- Written from src/cli/commands.ts by SMBKIT_TEST_UPDATE=1 npm run test:unit; do not edit. -->\n',
    'What was asked for goes to standard output, logs and errors to standard error. A flag goes before a variable, a variable',
    'before the configuration file, the file before the default. `NO_COLOR` turns colours off. `smbkit ./folder` is short for',
    '`smbkit serve ./folder`.\n',
  ];
  for (const command of commands) {
    parts.push(`## ${usage(command)}\n`, `${command.summary}\n`, '```console');
    parts.push(...command.examples.map(([line, meaning]) => `$ ${line}    # ${meaning}`), '```\n');
    parts.push('| Flag | Meaning |', '| --- | --- |');
    for (const flag of command.groups.flatMap((group) => group.flags)) {
      parts.push(`| \`${flagText(flag)}\` | ${flag.help} |`);
    }
    parts.push('');
  }
  parts.push('## Variables\n', 'Every setting has one: see [configuration.md](configuration.md). Besides:\n');
  parts.push('| Variable | Meaning |', '| --- | --- |');
  parts.push(...[...specialVariables].map(([name, meaning]) => `| \`${name}\` | ${meaning} |`), '');
  parts.push('## Exit codes\n', '| Code | Meaning |', '| --- | --- |');
  parts.push(...exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`), '');
  return `${[...parts, ...signals, ...events, ...captures].join('\n').trimEnd()}\n`;
}

const signals = [
  '## Signals\n',
  '| Signal | What happens |',
  '| --- | --- |',
  '| SIGINT (Ctrl-C), SIGTERM | Takes no more connections, finishes requests, closes files and sessions, ends; 10 s at most. A second one ends at once. |',
  '| SIGHUP | Reads the configuration file again. An invalid file leaves the settings in force as they are and says why. |',
  '',
];

const events = [
  '## Events of `--json`\n',
  'One JSON object a line, each with `event`:\n',
  '| Event | Fields |',
  '| --- | --- |',
  '| `listening` | `host`, `port`, `shares` (names), `user` (the account made for this run, if any), `password` (only when generated) |',
  '| `reloaded` | `changed` (settings in force for new connections), `restartNeeded` (settings that wait for a restart) |',
  '| `reload-failed` | `message` |',
  '| `stopping` | `signal` |',
  '| `stopped` | every counter of the server, such as `connections`, `sessions`, `opens` |',
  '| `error` | `message`; the process ends with a code other than 0 |',
  '',
  '| `session-established` | `user`, `kind`, `dialect`, `address` |',
  '| `connection-closed` | `address`, `reason`; the server closed it |',
  '| `connection-refused` | `address`, `connections`; a limit was reached |',
  '| `dialects-refused` | `address`, `offered`, `min`, `max`; the client speaks none of the dialects of the settings |\n',
  'Other events may come; ignore those you do not know.',
];

const captures = [
  '',
  '## Reading an encrypted capture\n',
  "For debugging only: `--debug-key-log FILE` appends a row for every session, in the form of Wireshark's table",
  '`smb2_seskey_list`. A folder that holds the file under that name is a profile that decrypts:\n',
  '```console',
  '$ smbkit serve ./folder --debug-key-log profile/smb2_seskey_list',
  '$ WIRESHARK_CONFIG_DIR=profile tshark -r capture.pcap -d tcp.port==1445,nbss -Y smb2',
  '```',
];
