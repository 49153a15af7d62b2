/**
 * Puts the protocol's server together: accounts, shares with their volumes, the file-system core, and the pipes.
 */

import type { Identity } from '../auth/identity.ts';
import { present } from '../base/assert.ts';
import type { Audit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import type { Entropy } from '../base/entropy.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { CoreSettings } from '../fs/contract.ts';
import { createCore } from '../fs/core.ts';
import { localSecurityAuthority } from '../rpc/lsarpc.ts';
import { serverService } from '../rpc/srvsvc.ts';
import { workstationService } from '../rpc/wkssvc.ts';
import type { CommandTable } from '../server/dispatch.ts';
import { Server } from '../server/server.ts';
import type { ServerStats } from '../server/stats.ts';
import { VolumeNotifier } from '../server/volume-notifier.ts';
import type { KeyLog } from '../session/server-state.ts';
import type { Settings } from '../session/settings.ts';
import type { Share } from '../session/tree-connect.ts';
import { CoreDriver } from '../vfs/core-driver.ts';
import type { OpenStore } from '../vfs/open-store.ts';
import { PipeShare } from '../vfs/pipe.ts';
import { restoreOpens } from '../vfs/restore-opens.ts';
import { Volume } from '../vfs/volume.ts';
import { AccessMask } from '../wire/flags.ts';
import type { AccountStore } from './accounts.ts';
import { SpnegoAuthenticator } from './authenticator.ts';
import { serverCatalog } from './catalog.ts';
import type { Endpoint } from './listen.ts';
import { liveLimits } from './live-limits.ts';
import type { AccessName } from './schema.ts';
import type { OpenedShare } from './shares.ts';
import { withUnixAccounts } from './unix-accounts.ts';

export interface ProtocolParts {
  readonly serverName: string;
  readonly serverGuid: string;
  readonly users: AccountStore;
  readonly shares: readonly OpenedShare[];
  readonly settings: Settings;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Where persistent opens are kept; it is closed with the server. */
  readonly store?: OpenStore | undefined;
  readonly audit?: Audit | undefined;
  readonly keyLog?: KeyLog | undefined;
  /** See ServerOptions.commands. */
  readonly commands?: CommandTable | undefined;
}

/** The protocol's server with its settings. */
export class ProtocolServer {
  readonly #server: Server;
  readonly #authenticator: SpnegoAuthenticator;
  readonly #driver: CoreDriver;
  readonly #store: OpenStore | undefined;

  constructor(parts: ProtocolParts) {
    const { serverName, serverGuid, settings, clock, entropy, log, audit, keyLog, commands } = parts;
    this.#store = parts.store;
    this.#authenticator = new SpnegoAuthenticator(parts, settings);
    const state = () => this.#server.state;
    this.#driver = coreDriver(parts, state);
    const shares = [...diskShares(parts, this.#driver, state), pipeShare(parts, state)];
    this.#server = new Server({
      serverName,
      serverGuid,
      settings,
      authenticator: this.#authenticator,
      shares,
      clock,
      entropy,
      log,
      audit,
      keyLog,
      accounts: parts.users,
      commands,
    });
  }

  /** Brings back the persistent opens of an earlier process; to be done before clients can come. */
  async restore(): Promise<void> {
    if (this.#store === undefined) return;
    const targets = [...this.#server.state.shares.values()].map(({ target }) => target);
    const volumes = targets.filter((target) => target instanceof Volume);
    const count = await restoreOpens(this.#driver, this.#store, volumes);
    if (count > 0) this.#server.state.log.write('info', 'opens-restored', { count });
  }

  listen(endpoint: Endpoint): Promise<Endpoint> {
    return this.#server.listen(endpoint);
  }

  /** For connections made from now on. */
  update(settings: Settings): void {
    this.#authenticator.update(settings);
    this.#server.update(settings);
    this.#driver.core.configure(coreSettingsOf(settings.limits));
  }

  stats(): ServerStats {
    return this.#server.stats();
  }

  /** See Server.endSessions. */
  endSessions(isMeant: (identity: Identity) => boolean): Promise<number> {
    return this.#server.endSessions(isMeant);
  }

  /** See Server.liftLockout. */
  liftLockout(account: string, reason: 'lifted' | 'account-changed'): boolean {
    return this.#server.liftLockout(account, reason);
  }

  /** See Server.endTreesWithoutRight. */
  endTreesWithoutRight(): Promise<number> {
    return this.#server.endTreesWithoutRight();
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#server.counters() };
  }

  /** Resolves to the sizes of the tables before what clients had left behind was ended. */
  async close(drainMs: number): Promise<Readonly<Record<string, number>>> {
    const left = await this.#server.close({ drainMs });
    this.#driver.stop();
    await this.#store?.close();
    return { ...left };
  }
}

/** One core serves all shares: leases and application instances reach across them. */
function coreDriver(parts: ProtocolParts, state: () => Server['state']): CoreDriver {
  const core = createCore(coreSettingsOf(parts.settings.limits));
  const { clock, log, store } = parts;
  return new CoreDriver({ core, clock, log, notifier: new VolumeNotifier(state), store });
}

function coreSettingsOf(limits: Limits): CoreSettings {
  return {
    breakTimeoutMs: limits.breakTimeoutMs,
    durableTimeoutMs: Math.min(60_000, limits.durableTimeoutMs),
    durableTimeoutMaxMs: limits.durableTimeoutMs,
    durableCountPerUser: limits.durableCountPerUser,
    lockCountPerOpen: limits.lockCountPerOpen,
    notifyBytes: limits.notifyBytes,
  };
}

function diskShares(
  parts: ProtocolParts,
  driver: CoreDriver,
  state: () => Server['state'],
): readonly Share[] {
  const { entropy, log } = parts;
  const limits = liveLimits(() => state().limits);
  return parts.shares.map((share) => ({
    name: share.name,
    comment: share.comment,
    isHidden: share.isHidden,
    encryption: share.encryption,
    isContinuouslyAvailable: share.isContinuouslyAvailable,
    hidesUnreadable: share.view.hidesUnreadable,
    target: new Volume({
      ...share.view,
      id: share.volumeId,
      isContinuouslyAvailable: share.isContinuouslyAvailable,
      backend: share.backend,
      driver,
      limits,
      entropy,
      log,
    }),
    maximalAccess: (identity: Identity) => present(masks.get(share.access(identity)), 'access mask'),
  }));
}

/** IPC$: everybody who has a session may ask who and what is here. [MS-SRVS] 3.1.1.7 */
function pipeShare(parts: ProtocolParts, state: () => Server['state']): Share {
  const catalog = serverCatalog(parts.serverName, state, parts.clock);
  // Only there are they seen: as owners of files.
  const servesFolders = parts.shares.some((share) => share.isFolder);
  const endpoints = [
    serverService(catalog),
    workstationService(catalog),
    localSecurityAuthority(servesFolders ? withUnixAccounts(parts.users) : parts.users),
  ];
  return {
    name: 'IPC$',
    comment: 'Remote IPC',
    isHidden: false,
    encryption: 'available',
    isContinuouslyAvailable: false,
    target: new PipeShare(
      endpoints,
      liveLimits(() => state().limits),
    ),
    maximalAccess: () => AccessMask.FILE_ALL_ACCESS,
  };
}

/** What a share permits at most. [MS-SMB2] 2.2.10 MaximalAccess */
const masks: ReadonlyMap<AccessName, number> = new Map([
  ['none', 0],
  [
    'read',
    AccessMask.FILE_READ_DATA |
      AccessMask.FILE_READ_EA |
      AccessMask.FILE_EXECUTE |
      AccessMask.FILE_READ_ATTRIBUTES |
      AccessMask.READ_CONTROL |
      AccessMask.SYNCHRONIZE,
  ],
  ['read-write', AccessMask.FILE_ALL_ACCESS],
]);
