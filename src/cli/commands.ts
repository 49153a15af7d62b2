/**
 * Every command and flag: parsing, help and docs/cli.md follow from these tables.
 */

export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** What stands for its value in the help; absent for a switch. */
  readonly value?: string;
  /** May be given more than once. */
  readonly isRepeatable?: boolean;
  readonly help: string;
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

export interface CommandLine {
  /** One word or two: `config check`. */
  readonly name: string;
  readonly operands: string;
  readonly summary: string;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  readonly groups: readonly FlagGroup[];
}

const everywhere: FlagGroup = {
  title: 'Everywhere',
  flags: [
    { name: 'help', short: 'h', help: 'Show this help.' },
    { name: 'version', short: 'V', help: 'Show the version.' },
  ],
};

const serve: CommandLine = {
  name: 'serve',
  operands: '[PATH…]',
  summary: 'Serve folders as network drives.',
  examples: [
    ['smbkit serve ./photos', 'serve a folder to this machine'],
    ['smbkit serve ./photos --lan', 'to the whole network'],
    ['smbkit serve', 'try it with a share kept in memory'],
    ['smbkit serve --share docs=./a --share pics=./b --read-only', 'two shares that nobody can change'],
    ['smbkit serve ./photos --user anna --password-file anna.txt', 'with an account of your own'],
    ['smbkit serve --config smbkit.yaml', 'with users, permissions and settings from a file'],
  ],
  groups: [
    {
      title: 'Shares',
      flags: [
        { name: 'share', value: 'NAME=PATH', isRepeatable: true, help: 'Serve a folder under this name.' },
        { name: 'read-only', help: 'Refuse every change on all shares.' },
      ],
    },
    {
      title: 'Network',
      flags: [
        { name: 'lan', help: 'Listen on all IPv4 networks of the machine; the same as --host 0.0.0.0.' },
        {
          name: 'host',
          value: 'ADDRESS',
          help: 'Listen on this address (default 127.0.0.1: this machine only).',
        },
        {
          name: 'port',
          value: 'PORT',
          help: 'Listen on this port, 0 for a free one (default 445 where permitted, otherwise 1445).',
        },
        { name: 'strict-port', help: 'Without --port: fail rather than fall back from 445 to 1445.' },
      ],
    },
    {
      title: 'Accounts',
      flags: [
        { name: 'user', value: 'NAME', help: 'Name of the account (default smbkit).' },
        { name: 'password-file', value: 'FILE', help: 'Its password is the first line of this file.' },
        { name: 'password-stdin', help: 'Its password is the first line of standard input.' },
        {
          name: 'guest',
          help: 'Let unknown users in as guest, to read only. Windows 11 24H2 and macOS refuse that.',
        },
      ],
    },
    {
      title: 'Running',
      flags: [
        { name: 'config', value: 'FILE', help: 'Read settings from this YAML file; SIGHUP reads it again.' },
        {
          name: 'state-dir',
          value: 'DIR',
          help: 'Keep what must survive a restart here: named streams, attributes, the generated password.',
        },
        { name: 'json', help: 'One JSON line per event on standard output instead of the box.' },
        { name: 'log-level', value: 'LEVEL', help: 'debug, info, warn or error (default info).' },
        { name: 'log-format', value: 'FORMAT', help: 'text or json (default text).' },
        {
          name: 'debug-key-log',
          value: 'FILE',
          help: 'Append the keys of every session, for tshark. Whoever has the file can read everything.',
        },
      ],
    },
    everywhere,
  ],
};

const configCheck: CommandLine = {
  name: 'config check',
  operands: 'FILE',
  summary: 'Check a configuration file.',
  examples: [
    ['smbkit config check smbkit.yaml', 'say what is wrong, with line and column'],
    ['smbkit config check smbkit.yaml --print', 'show every setting and where its value comes from'],
  ],
  groups: [
    {
      title: 'Output',
      flags: [
        { name: 'print', help: 'Show the effective configuration; passwords are masked.' },
        { name: 'json', help: 'Show the result as one JSON line.' },
      ],
    },
    everywhere,
  ],
};

const configSchema: CommandLine = {
  name: 'config schema',
  operands: '',
  summary: 'Write the JSON schema of the configuration, for editors.',
  examples: [
    [
      'smbkit config schema > smbkit.schema.json',
      'then begin the YAML file with the line from docs/configuration.md',
    ],
  ],
  groups: [everywhere],
};

const doctor: CommandLine = {
  name: 'doctor',
  operands: '[FOLDER…]',
  summary: 'Say what this machine and these folders can do, and what follows where something is missing.',
  examples: [
    ['smbkit doctor ./photos', 'look at the machine and a folder; changes nothing'],
    ['smbkit doctor --json', 'as one JSON line'],
  ],
  groups: [
    {
      title: 'Output',
      flags: [
        { name: 'json', help: 'Show the findings as one JSON line, with the speed of each algorithm.' },
      ],
    },
    everywhere,
  ],
};

const testBackend: CommandLine = {
  name: 'test-backend',
  operands: 'FILE',
  summary: 'Tell the author of a backend what is missing.',
  examples: [
    ['smbkit test-backend ./my-backend.js', 'judge the store that the default export of the file makes'],
    ['smbkit test-backend ./my-backend.js --failures', 'show only what is to be put right'],
  ],
  groups: [
    {
      title: 'Output',
      flags: [
        { name: 'failures', help: 'Show only what failed.' },
        { name: 'json', help: 'Show each finding as one JSON line.' },
      ],
    },
    everywhere,
  ],
};

const auditVerify: CommandLine = {
  name: 'audit verify',
  operands: 'FILE',
  summary: 'Say whether an audit file is whole.',
  examples: [
    ['smbkit audit verify audit.jsonl', 'name the first line that does not fit, or the last hash'],
    ['smbkit audit verify audit.jsonl --json', 'as one JSON line'],
  ],
  groups: [
    { title: 'Output', flags: [{ name: 'json', help: 'Show the outcome as one JSON line.' }] },
    everywhere,
  ],
};

const userSeal: CommandLine = {
  name: 'user seal',
  operands: 'NAME',
  summary: 'Seal the hash of a password, for `sealedHash` in the configuration.',
  examples: [
    ['smbkit user seal anna --key-file smbkit.key < anna.txt', 'the password is the first line of the input'],
    ['smbkit user seal anna --key-file smbkit.key --password-file anna.txt', 'the password is in a file'],
  ],
  groups: [
    {
      title: 'Secrets',
      flags: [
        {
          name: 'key-file',
          value: 'FILE',
          help: 'The key, readable by its owner only: openssl rand -hex 32 > FILE; chmod 600 FILE.',
        },
        { name: 'password-file', value: 'FILE', help: 'Take the password from the first line of this file.' },
      ],
    },
    everywhere,
  ],
};

const help: CommandLine = {
  name: 'help',
  operands: '[COMMAND]',
  summary: 'Explain a command.',
  examples: [['smbkit help serve', 'everything about serve']],
  groups: [everywhere],
};

/** In the order of the help. */
export const commands: readonly CommandLine[] = [
  serve,
  configCheck,
  configSchema,
  doctor,
  testBackend,
  auditVerify,
  userSeal,
  help,
];

export const serveCommand = serve;

/** The command of that name. */
export function commandNamed(name: string): CommandLine | undefined {
  return commands.find((command) => command.name === name);
}

/** All flags of a command. */
export function flagsOf(command: CommandLine): readonly Flag[] {
  return command.groups.flatMap((group) => group.flags);
}
