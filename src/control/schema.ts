/**
 * The configuration: one schema from which types, defaults, validation, the JSON schema and docs/configuration.md follow.
 */
import { z } from 'zod';
import { defaultLimits, type Limits } from '../base/limits.ts';
import { durationPattern, positiveDurationPattern } from './duration.ts';
import { folderSettings } from './folder-settings.ts';
import { sealedHashPattern } from './sealed-hash.ts';
import { sizePattern } from './size.ts';
import { wrapperSchema } from './wrapper-schema.ts';

/** Dialects by the names people know them by, oldest first. [MS-SMB2] 1.7 */
const dialect = z.enum(['2.0.2', '2.1', '3.0', '3.0.2', '3.1.1']);
/** Signing algorithms, best first. [MS-SMB2] 2.2.3.1.7 */
const signingAlgorithm = z.enum(['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256']);
/** Ciphers, best first. [MS-SMB2] 2.2.3.1.2 */
const cipher = z.enum(['AES-128-GCM', 'AES-128-CCM', 'AES-256-GCM', 'AES-256-CCM']);

export type DialectName = z.infer<typeof dialect>;
export type SigningAlgorithmName = z.infer<typeof signingAlgorithm>;
export type CipherName = z.infer<typeof cipher>;

/** Every dialect, oldest first. */
export const dialectNames: readonly DialectName[] = dialect.options;
/** Every signing algorithm, best first. */
export const signingAlgorithmNames: readonly SigningAlgorithmName[] = signingAlgorithm.options;
/** Every cipher, best first. */
export const cipherNames: readonly CipherName[] = cipher.options;

const access = z.enum(['none', 'read', 'read-write']);
const encryptionMode = z.enum(['off', 'available', 'preferred', 'required']);

export type AccessName = z.infer<typeof access>;
export type EncryptionModeName = z.infer<typeof encryptionMode>;

const server = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,14}$/, 'must be 1 to 15 letters, digits or hyphens')
    .optional()
    .describe("The name the server tells its clients. Without it: the machine's host name."),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. `0.0.0.0` is every IPv4 address of the machine, `::` every address.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('TCP port. Without it: 445 where permitted, otherwise 1445. `0` picks a free one.'),
  strictPort: z
    .boolean()
    .default(false)
    .describe('Without a port: fail rather than fall back from 445 to 1445.'),
  keyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the key of sealed hashes (64 hexadecimal digits), for its owner only; relative to the configuration file. With systemd: a credential, as in packaging/smbkit.service.',
    ),
  stateDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for what must survive a restart and has no place in a shared folder: named streams, attributes, security descriptors, the identity of the server, a generated password. Not within a share. Without it these are kept in memory.',
    ),
});

const user = z.strictObject({
  name: z.string().min(1).max(256).describe('Account name; compared without regard to case.'),
  password: z
    .string()
    .min(1, 'must not be empty')
    .optional()
    .describe('The password. Prefer `passwordFile`.'),
  passwordFile: z
    .string()
    .min(1)
    .optional()
    .describe('File whose first line is the password; relative to the configuration file.'),
  ntHash: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/, 'must be 32 hexadecimal digits')
    .optional()
    .describe(
      'The NT hash instead of the password. It is worth as much as the password: keep the file private.',
    ),
  sealedHash: z
    .string()
    .regex(sealedHashPattern, 'must be what `smbkit user seal` prints')
    .optional()
    .describe(
      'The NT hash sealed under `server.keyFile` for this very account, as `smbkit user seal` prints it: of no use without the key.',
    ),
  groups: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Groups that permissions of shares can name. Members of `administrators` may take ownership of files and read and restore all of them.',
    ),
  disabled: z.boolean().default(false).describe('A disabled account cannot log on.'),
});

const permissions = z.strictObject({
  default: access
    .default('read-write')
    .describe('What an account may do that is named neither in `users` nor through a group.'),
  users: z.record(z.string(), access).default({}).describe('Per account; goes before groups and `default`.'),
  groups: z
    .record(z.string(), access)
    .default({})
    .describe('Per group; of several groups the most generous counts, and `none` wins over all.'),
});

const share = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe('Folder to serve; relative to the configuration file. Either `path` or `memory`.'),
  memory: z
    .literal(true)
    .optional()
    .describe('Keep the files in memory; they are gone when the server stops.'),
  memorySize: z
    .string()
    .regex(sizePattern, 'must be like 64KiB, 100MiB, 1GiB or 2TiB')
    .optional()
    .describe('How much a share in memory may hold: `2GiB`. Without it: 64 GiB.'),
  ...folderSettings,
  comment: z.string().max(256).default('').describe('Shown beside the name when clients list shares.'),
  readOnly: z.boolean().default(false).describe('Refuse every change, whatever the permissions say.'),
  hidden: z
    .boolean()
    .default(false)
    .describe('Leave the share out of the list; it can still be opened by name.'),
  permissions: permissions.prefault({}),
  accessBasedEnumeration: z
    .boolean()
    .default(false)
    .describe('Leave out of listings what the account may not read.'),
  hiddenNames: z
    .array(z.string().min(1).max(255))
    .default([])
    .describe(
      'Names shown with the attribute hidden, `*` and `?` standing for anything: `.*` for files that begin with a dot.',
    ),
  streams: z
    .boolean()
    .default(true)
    .describe('Offer named streams; without them names with a colon are refused.'),
  changeNotify: z
    .boolean()
    .default(true)
    .describe(
      'Tell clients of changes in the directories that they watch. Without it they are refused, and look by themselves.',
    ),
  symlinks: z
    .enum(['follow', 'reparse', 'hide'])
    .default('follow')
    .describe(
      'Symbolic links in the storage: `follow` those that stay inside the share and tell the client where others lead; `reparse` tells the client of all, to be followed by itself; `hide` shows none. Nothing outside is ever reached.',
    ),
  keepAutoInherited: z
    .boolean()
    .default(false)
    .describe(
      'Keep the mark "automatically inherited" of security descriptors as clients set it. Windows keeps it only where the client asks for that too.',
    ),
  continuousAvailability: z
    .boolean()
    .default(false)
    .describe(
      'Grant persistent handles: what clients have open, their locks and their caches outlive a restart of the server, kill -9 included. Writing waits for the disk. Needs `server.stateDir` and files that outlive the server too.',
    ),
  wrappers: z
    .array(wrapperSchema)
    .default([])
    .describe('What stands between the share and its storage, the first next to the storage.'),
  encryption: encryptionMode
    .optional()
    .describe('Stricter than the server: see `encryption.mode`. Without it: as the server.'),
});

const signing = z.strictObject({
  required: z.boolean().default(true).describe('Refuse unsigned requests of sessions that are able to sign.'),
  algorithms: z
    .array(signingAlgorithm)
    .min(1)
    .default([...signingAlgorithmNames])
    .describe('Algorithms for dialect 3.1.1, preferred first; older dialects have one fixed algorithm each.'),
});

const encryption = z.strictObject({
  mode: encryptionMode
    .default('available')
    .describe(
      '`off`: never. `available`: the client decides. `preferred`: asked of every session that can. `required`: plaintext is refused.',
    ),
  ciphers: z
    .array(cipher)
    .min(1)
    .default([...cipherNames])
    .describe('Ciphers for dialect 3.1.1, preferred first; 3.0 and 3.0.2 have AES-128-CCM only.'),
});

const dialects = z.strictObject({
  min: dialect
    .default('3.0')
    .describe(
      'Oldest dialect spoken. `2.1` and `2.0.2` are for devices that know nothing newer: they cannot encrypt.',
    ),
  max: dialect.default('3.1.1').describe('Newest dialect spoken.'),
});

const session = z.strictObject({
  lifetime: z
    .union([z.literal('never'), z.string().regex(durationPattern, 'must be like 90s, 30m, 8h, 7d or never')])
    .default('never')
    .describe('After this time a client must authenticate again: `90s`, `30m`, `8h`, `7d`, or `never`.'),
});

const duration = z.string().regex(positiveDurationPattern, 'must be like 90s, 30m, 8h or 7d');

const lockout = z.strictObject({
  failures: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe(
      'So many wrong passwords within `window` lock an account out, from whatever addresses. `0`: never.',
    ),
  window: duration
    .default('15m')
    .describe('How long a wrong password counts, unless the right one comes: `15m`.'),
  duration: duration.default('15m').describe('How long the account is locked out.'),
});

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least important lines written.'),
  format: z.enum(['text', 'json']).default('text').describe('Form of the lines on standard error.'),
});

/** Bounds beyond "at least 1" where another value cannot work. */
const limitBounds = new Map<string, readonly [number, number]>([
  ['frameBytesUnauthenticated', [1024, 0xff_ffff]],
  ['frameBytesOverhead', [4096, 0xf_ffff]],
  ['payloadBytes', [64 * 1024, 8 * 1024 * 1024]],
  ['payloadBytesSmall', [4096, 64 * 1024]],
  ['creditCount', [16, 65_535]],
  ['nameChars', [8, 255]],
  ['pathChars', [255, 32_760]],
  ['failedLogonDelayMs', [0, 60_000]],
  ['interimAfterMs', [1, 60_000]],
]);

const limits = z.strictObject(
  Object.fromEntries(
    Object.entries(defaultLimits).map(([name, value]: [string, number]) => {
      const [least, most] = limitBounds.get(name) ?? [1, 0x7fff_ffff];
      return [name, z.int().min(least).max(most).default(value)];
    }),
  ),
);

/** The whole configuration. */
export const configurationSchema = z.strictObject({
  profile: z
    .enum(['standard', 'hardened'])
    .default('standard')
    .describe(
      '`hardened`: signing and encryption required, dialect 3.0.2 or later, no guest and no anonymous access. A setting that says otherwise is an error.',
    ),
  server: server.prefault({}).describe('Where the server listens.'),
  users: z
    .array(user)
    .default([])
    .describe('Accounts; each with exactly one of `password`, `passwordFile`, `ntHash` and `sealedHash`.'),
  shares: z
    .record(z.string(), share)
    .default({})
    .describe('Shares by name; `name: ./folder` is short for `path`.'),
  guest: z
    .boolean()
    .default(false)
    .describe('Let unknown accounts in as guest. Guest sessions are neither signed nor encrypted.'),
  anonymous: z.boolean().default(false).describe('Let clients without a name list the shares.'),
  signing: signing.prefault({}).describe('Protection against changed messages.'),
  encryption: encryption
    .prefault({})
    .describe('Protection against read messages; needs dialect 3.0 or later.'),
  dialects: dialects.prefault({}).describe('Versions of the protocol.'),
  session: session.prefault({}).describe('The life of a session.'),
  multichannel: z
    .boolean()
    .default(true)
    .describe('Let a session use several connections (dialect 3.0 or later).'),
  targetNames: z
    .strictObject({
      level: z
        .enum(['off', 'accepted', 'required'])
        .default('off')
        .describe(
          '`off`: a logon may be for any server. `accepted`: for this one, where the client says for which. `required`: for this one, and the client must say it. Windows calls the levels 0, 1 and 2 of SmbServerNameHardeningLevel.',
        ),
      names: z
        .array(z.string().min(1).max(255))
        .default([])
        .describe('Names of this server in the DNS, beside `server.name` and its address.'),
    })
    .prefault({})
    .describe('Refuse logons that were made for another server and relayed to this one.'),
  lockout: lockout
    .prefault({})
    .describe(
      'Refuse all logons of an account after too many wrong passwords, as if its password were wrong. Of the enabled members of `administrators` one can always log on: the last is never locked out. A change of the account at SIGHUP, or `unlock()` of a program, ends it early.',
    ),
  audit: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .optional()
        .describe(
          'File that logons, refusals, changes of rights and administration are appended to, each line with a hash over those before: see `smbkit audit verify`. Relative to the configuration file.',
        ),
      queue: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe(
          'Events that may wait for the disk; more are counted and dropped, and the file says how many.',
        ),
    })
    .prefault({})
    .describe('What an administrator can look up afterwards.'),
  limits: limits.prefault({}).describe('Bounds on what clients may use.'),
  log: log.prefault({}).describe('What the command writes to standard error.'),
});

/** A checked configuration with every default filled in. */
export type Configuration = z.infer<typeof configurationSchema>;
/** What a configuration file may hold. */
export type ConfigurationInput = z.input<typeof configurationSchema>;
export type ConfiguredShare = Configuration['shares'][string];
export type ConfiguredUser = Configuration['users'][number];

/** The limits as one complete value. */
export function limitsOf(configuration: Pick<Configuration, 'limits'>): Limits {
  return { ...defaultLimits, ...configuration.limits };
}
