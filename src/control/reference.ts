/**
 * docs/configuration.md, written from the schema.
 */

import { specialVariables, variableOf } from './environment.ts';
import { knownKeys, type SchemaNode, schemaAt } from './json-schema.ts';
import { isTree, type SettingPath, valueAt } from './tree.ts';

const introduction = `# Configuration

<!-- Written from src/control/schema.ts by SMBKIT_TEST_UPDATE=1 npm run test:unit; do not edit. -->

\`smbkit serve --config FILE\` reads a YAML file. A key that is not listed here is an error; \`smbkit config check FILE\` says
where, and \`--print\` shows every value with its origin. A flag goes before a variable, a variable before the file, the file
before the default. Paths in the file are relative to the file's folder. \`smbkit config schema > smbkit.schema.json\` writes
the schema that editors check the file with.

\`\`\`yaml
# yaml-language-server: $schema=./smbkit.schema.json
server:
  host: 0.0.0.0
users:
  - name: anna
    passwordFile: anna.password
    groups: [family]
  - name: ben
    passwordFile: ben.password
shares:
  photos:
    path: ./photos
    comment: Family photos
    permissions:
      default: none
      groups: { family: read-write }
      users: { ben: read }
  scratch:
    memory: true
\`\`\`

On SIGHUP the file is read again. Users, signing, encryption, dialects, session, multichannel, guest, anonymous, targetNames and
limits then hold for connections made afterwards; \`lockout\` and who may do what on a share (\`permissions\`, \`readOnly\`) hold at once: a connection
to a share that has lost rights by it is ended, with what is open through it. Changes of the rest are reported and wait for a restart. An invalid
file leaves the settings in force as they are.
`;

/** The whole page. \`limitNotes\` are the comments of src/base/limits.ts, by name. */
export function configurationReference(limitNotes: ReadonlyMap<string, string>): string {
  const parts = [introduction];
  const scalars = knownKeys([]).filter(
    (key) => knownKeys([key]).length === 0 && !['users', 'shares'].includes(key),
  );
  parts.push('## Top level\n', table([], scalars, limitNotes));
  for (const key of knownKeys([])) {
    if (scalars.includes(key)) continue;
    parts.push(`## ${key}\n`, `${describe(schemaAt([key]))}\n`, ...section([key], limitNotes));
  }
  parts.push('## Variables that are not settings\n', variables());
  return `${parts.join('\n').trimEnd()}\n`;
}

function section(path: readonly string[], notes: ReadonlyMap<string, string>): readonly string[] {
  if (path[0] === 'users')
    return ['Each element of the list:\n', table(['users', '0'], knownKeys(['users', 0]), notes)];
  if (path[0] !== 'shares') return [table(path, knownKeys(path), notes)];
  const permissions = ['shares', 'NAME', 'permissions'];
  const keys = knownKeys(['shares', 'NAME']).filter((key) => !['permissions', 'wrappers'].includes(key));
  return [
    'Each share, under its name (at most 80 characters, none of `\\ / [ ] : | < > + = ; , * ? "`):\n',
    table(['shares', 'NAME'], keys, notes),
    '### shares.NAME.permissions\n',
    `${permissionText}\n`,
    table(permissions, knownKeys(permissions), notes),
    ...wrapperSection(),
  ];
}

function wrapperSection(): readonly string[] {
  const place = ['shares', 'NAME', 'wrappers', 0];
  const rows = knownKeys(place).flatMap((key) => {
    const node = schemaAt([...place, key]);
    const settings = knownKeys([...place, key]).map((setting) => {
      const inside = schemaAt([...place, key, setting]);
      return [`\`${key}.${setting}\``, typeText(inside), defaultText(inside), describe(inside)];
    });
    const value = settings.length > 0 ? 'settings' : typeText(node);
    return [[`\`${key}\``, value, '', describe(node)], ...settings];
  });
  return [
    '### shares.NAME.wrappers\n',
    `${wrapperText}\n`,
    rowsOf(['Wrapper', 'Value', 'Default', 'Meaning'], rows),
  ];
}

const wrapperText = `A list of what stands between the share and its storage: the first is next to the storage, the last next to the
clients. Each element is one wrapper:

\`\`\`yaml
shares:
  docs:
    path: ./docs
    wrappers:
      - recycle: { folder: .bin, days: 30, maxSize: 1GiB }
      - veto: ['*.exe', .git]
      - quota: { size: 100GiB }
      - audit: {}
\`\`\``;

const permissionText = `\`none\`, \`read\` or \`read-write\`. Guests (where \`guest\` is on) read unless the default is \`none\`; they write only where
\`users.guest\` says \`read-write\`. \`readOnly\` goes before all of it.`;

function table(path: readonly string[], keys: readonly string[], notes: ReadonlyMap<string, string>): string {
  const hasVariables = !['users', 'shares'].includes(path[0] ?? '');
  const head = ['Setting', 'Value', 'Default', ...(hasVariables ? ['Variable'] : []), 'Meaning'];
  const rows = keys.map((key) => {
    const here = [...path, key];
    const node = schemaAt(asPath(here));
    const meaning = path[0] === 'limits' ? (notes.get(key) ?? '') : describe(node);
    const variable = hasVariables ? [`\`${variableOf(here)}\``] : [];
    return [`\`${key}\``, typeText(node), defaultText(node), ...variable, meaning];
  });
  return rowsOf(head, rows);
}

function rowsOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map(escapeCell).join(' | ')} |`,
  );
  return `${lines.join('\n')}\n`;
}

const asPath = (path: readonly string[]): SettingPath =>
  path[0] === 'users' ? ['users', 0, ...path.slice(2)] : path;
const escapeCell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function describe(node: SchemaNode | undefined): string {
  const text = node?.['description'];
  return typeof text === 'string' ? text : '';
}

function defaultText(node: SchemaNode | undefined): string {
  const value = node?.['default'];
  if (value === undefined) return '';
  if (Array.isArray(value))
    return value.length === 0 ? 'none' : value.map((one) => `\`${String(one)}\``).join(', ');
  if (isTree(value)) return 'none';
  return value === '' ? 'empty' : `\`${String(value)}\``;
}

function typeText(node: SchemaNode | undefined): string {
  const choices = node?.['enum'];
  if (Array.isArray(choices)) return choices.map((choice) => `\`${String(choice)}\``).join(', ');
  if (node?.['const'] !== undefined) return `\`${String(node['const'])}\``;
  const [least, most] = [node?.['minimum'], node?.['maximum']];
  if (node?.['type'] === 'integer') return `${String(least)} to ${String(most)}`;
  if (node?.['type'] === 'boolean') return '`true`, `false`';
  if (node?.['type'] === 'array') return `list of ${typeText(inner(node, 'items'))}`;
  if (node?.['type'] === 'object') return `names with ${typeText(inner(node, 'additionalProperties'))}`;
  return 'text';
}

function inner(node: SchemaNode, key: string): SchemaNode | undefined {
  const value = valueAt(node, [key]);
  return isTree(value) ? value : undefined;
}

function variables(): string {
  const rows = [...specialVariables].map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return ['| Variable | Meaning |', '| --- | --- |', ...rows, ''].join('\n');
}

/** The comment above each field of `interface Limits` in the text of src/base/limits.ts. */
export function limitNotesOf(source: string): ReadonlyMap<string, string> {
  const fields = source.matchAll(/\/\*\*([^*]*(?:\*(?!\/)[^*]*)*)\*\/\s*readonly (\w+): number;/g);
  return new Map(
    Array.from(fields, ([, comment = '', name = '']) => [
      name,
      comment.replace(/\s*\n\s*\*\s*/g, ' ').trim(),
    ]),
  );
}
