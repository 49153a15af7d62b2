/**
 * serve(): a file server inside a program. It writes nothing to the console, takes no signals and keeps no global state.
 */
import type { Backend } from '../backend/contract.ts';
import { systemEntropy } from '../base/entropy.ts';
import { silentLog } from '../base/log.ts';
import type { LocalAccount } from './accounts.ts';
import { ConfigurationError, readConfiguration } from './configuration.ts';
import { generatePassword, ntHashOf } from './password.ts';
import type { Credentials, RunningServer } from './running-server.ts';
import type { ServeOptions, ShareOptions, ShareSource } from './serve-options.ts';
import { backendOfShare, isShareOptions } from './share-source.ts';
import { startServer } from './start-server.ts';
import { emptyTree, isTree, type Tree } from './tree.ts';

/** The name of the account that is made when none is given. */
export const defaultUserName = 'smbkit';

/**
 * Starts a server and resolves when it listens. Throws ConfigurationError for options that are wrong, FolderError for a
 * folder that cannot be served and ListenError for a port that cannot be had; nothing is left behind then.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  options.signal?.throwIfAborted();
  const users = options.users ?? [];
  const backends = backendsOf(options.shares);
  const read = readConfiguration({
    tree: treeOf(options),
    given: {
      accounts: users.map((user) => user.name),
      groups: users.flatMap((user) => user.groups ?? []),
      backends: [...backends.keys()],
    },
  });
  const entropy = options.entropy ?? systemEntropy;
  const credentials =
    users.length > 0 ? undefined : { user: defaultUserName, password: generatePassword(entropy) };
  const server = await startServer({
    configuration: read.configuration,
    accounts: accountsOf(users, credentials),
    backends,
    entropy,
    log: options.log ?? silentLog,
    credentials,
    clock: options.clock,
    onEvent: options.onEvent,
    keyLog: options.keyLog,
  });
  return closeOnAbort(server, options.signal);
}

function accountsOf(
  users: NonNullable<ServeOptions['users']>,
  credentials: Credentials | undefined,
): readonly LocalAccount[] {
  const seen = new Set<string>();
  for (const { name, password } of users) {
    const setting = 'users';
    if (name === '') throw new ConfigurationError([{ setting, origin: '', message: 'a user needs a name' }]);
    if (password.length === 0) {
      throw new ConfigurationError([{ setting, origin: '', message: `the password of "${name}" is empty` }]);
    }
    if (seen.has(name.toLowerCase())) {
      throw new ConfigurationError([{ setting, origin: '', message: `the user "${name}" is there twice` }]);
    }
    seen.add(name.toLowerCase());
  }
  const given = credentials === undefined ? users : [{ ...credentials, name: credentials.user }];
  return given.map((user) => ({
    name: user.name,
    ntHash: ntHashOf(user.password),
    groups: 'groups' in user ? (user.groups ?? []) : [],
    isDisabled: false,
  }));
}

function backendsOf(shares: Readonly<Record<string, ShareSource>>): ReadonlyMap<string, Backend> {
  const backends = new Map<string, Backend>();
  for (const [name, source] of Object.entries(shares)) {
    const backend = backendOfShare(name, source);
    if (backend !== undefined) backends.set(name, backend);
  }
  return backends;
}

/** Options that mean what the settings of the same name mean. */
const plainSettings = [
  'profile',
  'guest',
  'anonymous',
  'signing',
  'encryption',
  'dialects',
  'session',
  'multichannel',
  'targetNames',
  'lockout',
  'audit',
  'limits',
] as const;

/** The options in the form of the configuration file; the storages of the program's own are not in it. */
function treeOf(options: ServeOptions): Tree {
  const tree = emptyTree();
  for (const name of plainSettings) if (options[name] !== undefined) tree[name] = options[name];
  const server = emptyTree();
  const { host, port, strictPort, name, stateDir } = options;
  assignPresent(server, { host, port, strictPort, name, stateDir });
  tree['server'] = server;
  const shares = emptyTree();
  for (const [share, source] of Object.entries(options.shares)) shares[share] = shareTree(source);
  tree['shares'] = shares;
  return tree;
}

function shareTree(source: ShareSource): unknown {
  if (typeof source === 'string') return source;
  return isShareOptions(source) ? withoutBackend(source) : emptyTree();
}

function withoutBackend({ backend: _backend, ...rest }: ShareOptions): Tree {
  const tree = emptyTree();
  assignPresent(tree, rest);
  return tree;
}

function assignPresent(tree: Tree, values: object): void {
  if (!isTree(values)) return;
  for (const [key, value] of Object.entries(values)) if (value !== undefined) tree[key] = value;
}

async function closeOnAbort(server: RunningServer, signal: AbortSignal | undefined): Promise<RunningServer> {
  if (signal === undefined) return server;
  if (signal.aborted) {
    await server.close({ drainMs: 0 });
    signal.throwIfAborted();
  }
  // A failure to close is the caller's to see when it awaits close itself.
  signal.addEventListener('abort', () => void server.close().catch(() => {}), { once: true });
  return server;
}
