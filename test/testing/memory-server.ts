/**
 * A whole server in memory, for tests that talk to it as clients do.
 */
import type { UserStore } from '../../src/auth/identity.ts';
import { createNtlm } from '../../src/auth/ntlm/acceptor.ts';
import { Spnego } from '../../src/auth/spnego/acceptor.ts';
import type { Backend } from '../../src/backend/contract.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Entropy, systemEntropy } from '../../src/base/entropy.ts';
import { defaultLimits, type Limits } from '../../src/base/limits.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { FileCore } from '../../src/fs/contract.ts';
import { createCore } from '../../src/fs/core.ts';
import type { CommandTable } from '../../src/server/dispatch.ts';
import { Server } from '../../src/server/server.ts';
import { VolumeNotifier } from '../../src/server/volume-notifier.ts';
import type { KeyLog } from '../../src/session/server-state.ts';
import type { Settings } from '../../src/session/settings.ts';
import type { EncryptionMode, Share } from '../../src/session/tree-connect.ts';
import { CoreDriver } from '../../src/vfs/core-driver.ts';
import type { OpenStore } from '../../src/vfs/open-store.ts';
import { Volume } from '../../src/vfs/volume.ts';
import type { Sid } from '../../src/wire/dtyp/sid.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { account, serverNames, storeOf } from '../auth/fixtures.ts';

export interface MemoryServerOptions {
  readonly settings?: Partial<Settings>;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly log?: Log;
  readonly keyLog?: KeyLog;
  /** Accounts in place of those of alice, bob and carol. */
  readonly users?: UserStore;
  readonly cryptoProvider?: CryptoProvider;
  readonly commands?: CommandTable;
  /** Stands between the server and the store of each share. */
  readonly wrapStore?: (store: Backend, share: string) => Backend;
  /** Accounts that are administrators, in lower case. */
  readonly administrators?: readonly string[];
  /** Is given the core, for tests that count what is in it. */
  readonly onCore?: (core: FileCore) => void;
  /** Keeps persistent opens; `files` is continuously available then. */
  readonly openStore?: OpenStore | undefined;
  /** Is given what {@link restoreOpens} wants. */
  readonly onVolumes?: (driver: CoreDriver, volumes: readonly Volume[]) => void;
}

/** Whoever may log in: alice and bob. There is a carol too, who may not. */
export const alice = { user: 'alice', password: 'Secret.1' };
export const bob = { user: 'bob', password: 'Secret.2' };

const defaultSettings: Omit<Settings, 'limits'> = {
  signing: { required: true, algorithms: ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256'] },
  encryption: { mode: 'available', ciphers: ['AES-128-GCM', 'AES-128-CCM', 'AES-256-GCM', 'AES-256-CCM'] },
  dialects: { min: '2.0.2', max: '3.1.1' },
  session: { lifetimeMs: 0 },
  multichannel: true,
  guest: false,
  anonymous: false,
  targetNames: { level: 'off', names: [] },
  lockout: { failures: 0, windowMs: 900_000, durationMs: 900_000 },
};

/** The accounts, where alice has `groups`. */
export function usersOf(groups?: readonly Sid[]): UserStore {
  return storeOf(
    account('alice', 'Secret.1', groups && { groups }),
    account('bob', 'Secret.2', { sid: 'S-1-5-21-1-2-3-1002' }),
    account('carol', 'Secret.3', { sid: 'S-1-5-21-1-2-3-1003', isDisabled: true }),
  );
}

/** A server with the shares `files` and `secret`, of which the second must be encrypted. */
export function memoryServer(options: MemoryServerOptions = {}): Server {
  const { clock = systemClock, entropy = systemEntropy, log = silentLog } = options;
  const limits = { ...defaultLimits, failedLogonDelayMs: 0, ...options.limits };
  const settings: Settings = { ...defaultSettings, ...options.settings, limits };
  const { users = usersOf() } = options;
  const { guest: allowsGuest, anonymous: allowsAnonymous } = settings;
  const ntlm = createNtlm({ users, names: serverNames, clock, entropy, allowsGuest, allowsAnonymous });
  const spnego = new Spnego([ntlm], ntlm);
  const core = createCore({
    breakTimeoutMs: limits.breakTimeoutMs,
    durableTimeoutMs: 60_000,
    durableTimeoutMaxMs: limits.durableTimeoutMs,
    durableCountPerUser: limits.durableCountPerUser,
    lockCountPerOpen: limits.lockCountPerOpen,
    notifyBytes: limits.notifyBytes,
  });
  options.onCore?.(core);
  const { openStore: store } = options;
  const notifier = new VolumeNotifier(() => server.state);
  const driver = new CoreDriver({ core, clock, log, notifier, store });
  const { wrapStore = (backend) => backend } = options;
  const volumes: Volume[] = [];
  const share = (name: string, encryption: EncryptionMode): Share => {
    const isContinuouslyAvailable = store !== undefined && name === 'files';
    const backend = wrapStore(memoryBackend({ clock }), name);
    const target = new Volume({ id: name, backend, driver, limits, entropy, log, isContinuouslyAvailable });
    volumes.push(target);
    return {
      name,
      comment: '',
      isHidden: false,
      encryption,
      isContinuouslyAvailable,
      target,
      maximalAccess: () => AccessMask.FILE_ALL_ACCESS,
    };
  };
  const server: Server = new Server({
    serverGuid: '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0',
    serverName: 'SERVER',
    settings,
    authenticator: { negotiationHint: () => spnego.hint, begin: () => spnego.begin() },
    shares: [share('files', 'available'), share('secret', 'required')],
    accounts: {
      has: (name) => ['alice', 'bob', 'carol'].includes(name),
      administrators: () => options.administrators ?? [],
    },
    clock,
    entropy,
    log,
    keyLog: options.keyLog,
    cryptoProvider: options.cryptoProvider,
    commands: options.commands,
  });
  options.onVolumes?.(driver, volumes);
  return server;
}
