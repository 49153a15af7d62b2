/**
 * From configured shares to shares with their storage opened.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Identity } from '../auth/identity.ts';
import type { Backend } from '../backend/contract.ts';
import { localBackend } from '../backend/local.ts';
import { memoryBackend } from '../backend/memory.ts';
import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { compilePattern } from '../fs/wildcards.ts';
import type { SymlinkPolicy } from '../vfs/symlinks.ts';
import type { AccountStore } from './accounts.ts';
import { FolderError, folderProblem } from './folder.ts';
import { localOptionsOf } from './folder-settings.ts';
import { accessOf } from './permission.ts';
import type { AccessName, Configuration, ConfiguredShare, EncryptionModeName } from './schema.ts';
import { shareKey } from './share-name.ts';
import { sizeBytes } from './size.ts';
import { codeOf, reasonOf } from './system-error.ts';
import { type WrapperParts, wrapped } from './wrappers.ts';

/** A share ready to be served. */
export interface OpenedShare {
  readonly name: string;
  readonly comment: string;
  readonly backend: Backend;
  readonly isHidden: boolean;
  readonly isReadOnly: boolean;
  readonly isContinuouslyAvailable: boolean;
  /** It shows files of the system. */
  readonly isFolder: boolean;
  /** Tells its files from those of other shares, and is the same after a restart. */
  readonly volumeId: string;
  readonly encryption: EncryptionModeName;
  /** How its files are shown. */
  readonly view: ShareView;
  /** What it serves, for people: a path, or the storage's name. */
  readonly source: string;
  /** What `identity` may do. */
  access(identity: Identity): AccessName;
  /** From now on {@link access} says what `settings` say. */
  regulate(settings: AccessSettings): void;
}

/** Who may do what; changes while the share is served. */
export type AccessSettings = Pick<ConfiguredShare, 'permissions' | 'readOnly'>;

/** See the settings of a share. */
export interface ShareView {
  readonly hidesUnreadable: boolean;
  readonly isHiddenName?: (name: string) => boolean;
  readonly withoutStreams: boolean;
  readonly withoutNotify: boolean;
  readonly keepsAutoInherited: boolean;
  readonly symlinks: SymlinkPolicy;
}

export interface ShareParts {
  readonly users: AccountStore;
  readonly backends: ReadonlyMap<string, Backend>;
  /** The share in memory that is to hold a welcome file. */
  readonly welcomeShare?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const welcome = `Welcome to smbkit.

This share is kept in memory: what you put here is gone when the server stops.
To serve a folder of yours: smbkit serve ./folder
`;

/** Opens the storage of every share; throws FolderError for a folder that cannot be served, and leaves none open then. */
export async function openShares(
  configuration: Configuration,
  parts: ShareParts,
): Promise<readonly OpenedShare[]> {
  const wanted = Object.entries(configuration.shares);
  for (const [name, { path }] of wanted) {
    const problem = path === undefined ? undefined : await folderProblem(path);
    if (problem !== undefined) throw new FolderError(`share "${name}": ${problem}`);
  }
  const opened: OpenedShare[] = [];
  try {
    for (const [name, share] of wanted) opened.push(openShare(name, share, { ...parts, configuration }));
  } catch (error) {
    await Promise.allSettled(opened.map((share) => share.backend.close()));
    throw error;
  }
  return opened;
}

interface OpenParts extends ShareParts {
  readonly configuration: Configuration;
}

function openShare(name: string, share: ConfiguredShare, parts: OpenParts): OpenedShare {
  const store = backendOf(name, share, parts);
  const volumeId = stateName(name, share.path ?? store.name);
  const { stateDir } = parts.configuration.server;
  const backend = wrappedOrClosed(store, share.wrappers, {
    share: name,
    clock: parts.clock,
    log: parts.log,
    openFolder: (path) => folderBackend(name, { ...share, path }, parts),
    quotaDirectory: stateDir === undefined ? undefined : join(stateDir, 'quotas', volumeId),
  });
  let { permissions, readOnly }: AccessSettings = share;
  return {
    name,
    comment: share.comment,
    backend,
    isHidden: share.hidden,
    isReadOnly: readOnly,
    isContinuouslyAvailable: share.continuousAvailability,
    isFolder: share.path !== undefined,
    volumeId,
    // What the server asks of every session is asked there; a share can only ask for more.
    encryption: share.encryption ?? 'available',
    view: viewOf(share),
    source: share.path ?? (share.memory === true ? 'in memory' : backend.name),
    access(identity) {
      const groups = identity.kind === 'user' ? parts.users.groupsOf(identity.name) : [];
      const access = accessOf(permissions, { kind: identity.kind, name: identity.name, groups });
      return access === 'read-write' && readOnly ? 'read' : access;
    },
    regulate(settings) {
      ({ permissions, readOnly } = settings);
    },
  };
}

/** `store` within its wrappers; given up, and free for the next who asks, when one of them fails. */
function wrappedOrClosed(store: Backend, ...within: [ConfiguredShare['wrappers'], WrapperParts]): Backend {
  try {
    return wrapped(store, ...within);
  } catch (error) {
    void (async () => store.close())().catch(() => {});
    throw error;
  }
}

function viewOf(share: ConfiguredShare): ShareView {
  const { hiddenNames, accessBasedEnumeration, streams, changeNotify, keepAutoInherited, symlinks } = share;
  const patterns = hiddenNames.map(compilePattern);
  return {
    hidesUnreadable: accessBasedEnumeration,
    ...(patterns.length === 0
      ? {}
      : { isHiddenName: (name: string) => patterns.some((matches) => matches(name)) }),
    withoutStreams: !streams,
    withoutNotify: !changeNotify,
    keepsAutoInherited: keepAutoInherited,
    symlinks,
  };
}

function backendOf(name: string, share: ConfiguredShare, parts: OpenParts): Backend {
  if (share.path !== undefined) return folderBackend(name, { ...share, path: share.path }, parts);
  if (share.memory !== true) return present(parts.backends.get(name), `the storage of share ${name}`);
  const sizeBytesMax = share.memorySize === undefined ? undefined : sizeBytes(share.memorySize);
  const memory = memoryBackend({ label: name, ...(sizeBytesMax !== undefined && { sizeBytesMax }) });
  return parts.welcomeShare === name
    ? memory.seed({ 'Welcome.txt': welcome.replaceAll('\n', '\r\n') })
    : memory;
}

function folderBackend(
  name: string,
  share: ConfiguredShare & { readonly path: string },
  { configuration, users, clock, log }: OpenParts,
): Backend {
  const { path } = share;
  const sidOf = (user: string) => users.accountOfName(user)?.sid;
  const { stateDir } = configuration.server;
  const kept =
    stateDir === undefined ? {} : { stateDirectory: join(stateDir, 'shares', stateName(name, path)) };
  try {
    return localBackend(path, { ...localOptionsOf(share, sidOf), ...kept, clock, log });
  } catch (error) {
    const reason = codeOf(error) === 'EPERM' ? 'only root may give files to others' : reasonOf(error);
    throw new FolderError(`share "${name}": ${path} cannot be served: ${reason}`, { cause: error });
  }
}

/** What is kept belongs to the files of one folder: another folder under the same name begins anew. */
function stateName(name: string, path: string): string {
  return createHash('sha256')
    .update(`${shareKey(name)}\n${path}`)
    .digest('hex')
    .slice(0, 32);
}
