/**
 * The composition root: from a checked configuration to a server that listens. `serve()` and the command both end here.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Backend } from '../backend/contract.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Entropy, systemEntropy } from '../base/entropy.ts';
import type { Log } from '../base/log.ts';
import type { CommandTable } from '../server/dispatch.ts';
import type { ServerStats } from '../server/stats.ts';
import type { OpenStore } from '../vfs/open-store.ts';
import { AccountStore, type LocalAccount } from './accounts.ts';
import { AuditFile } from './audit-file.ts';
import { ConfigurationError, readConfiguration } from './configuration.ts';
import { eventLog } from './event-log.ts';
import { keyLogLine } from './key-log-line.ts';
import { listenAsWished } from './listen.ts';
import { openStoreOf } from './open-log.ts';
import { ProtocolServer } from './protocol-server.ts';
import { brokenSettingRules } from './rules.ts';
import type {
  CloseOptions,
  Credentials,
  RunningServer,
  SettingsChange,
  TableSizes,
} from './running-server.ts';
import type { Configuration } from './schema.ts';
import type { ServerEvent } from './serve-options.ts';
import { settingsOf } from './settings.ts';
import { type OpenedShare, openShares } from './shares.ts';
import { showPath } from './tree.ts';
import { smbUrl } from './url.ts';

export interface ServerParts {
  readonly configuration: Configuration;
  /** The server keeps and overwrites their hashes. */
  readonly accounts: readonly LocalAccount[];
  /** Storage of shares that the program gives, by the share's name. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly log: Log;
  readonly clock?: Clock | undefined;
  readonly entropy?: Entropy | undefined;
  readonly onEvent?: ((event: ServerEvent) => void) | undefined;
  readonly keyLog?: ((line: string) => void) | undefined;
  readonly credentials?: Credentials | undefined;
  /** The server's identity over restarts; a new one when absent. */
  readonly serverGuid?: string | undefined;
  /** The share in memory that is to hold a welcome file. */
  readonly welcomeShare?: string | undefined;
  /** See ServerOptions.commands. */
  readonly commands?: CommandTable | undefined;
}

/** What a reload did, by the names of settings. */
export interface ReloadOutcome {
  readonly changed: readonly string[];
  readonly restartNeeded: readonly string[];
}

/** A running server with what the command needs beyond programs. */
export interface OperatedServer extends RunningServer {
  /** What each share serves, for people. */
  readonly shareSources: readonly {
    readonly name: string;
    readonly source: string;
    readonly isReadOnly: boolean;
  }[];
  /** Puts what may change into force for new connections and takes `accounts` in place of the ones before. */
  reload(configuration: Configuration, accounts: readonly LocalAccount[]): ReloadOutcome;
}

/** Starts it; throws FolderError or ListenError, and leaves nothing behind then. */
export async function startServer(parts: ServerParts): Promise<OperatedServer> {
  const { configuration, keyLog } = parts;
  const serverName = configuration.server.name ?? machineName();
  const users = new AccountStore(serverName, parts.accounts);
  const { backends, welcomeShare, log, clock = systemClock } = parts;
  let protocol: ProtocolServer | undefined;
  const events = eventLog(log, parts.onEvent);
  let store: OpenStore | undefined;
  let audit: AuditFile | undefined;
  try {
    store = openStoreOf(configuration, log);
    audit = await auditFileOf(configuration, { clock, log: events });
    const shares = await openShares(configuration, { users, backends, welcomeShare, clock, log: events });
    protocol = new ProtocolServer({
      serverName,
      serverGuid: parts.serverGuid ?? randomUUID(),
      users,
      shares,
      settings: settingsOf(configuration),
      clock,
      entropy: parts.entropy ?? systemEntropy,
      log: events,
      audit: audit?.write,
      keyLog: keyLog === undefined ? undefined : (id, key) => keyLog(keyLogLine(id, key)),
      commands: parts.commands,
      store,
    });
    await protocol.restore();
    const listening = protocol;
    const { notice, ...address } = await listenAsWished(
      (endpoint) => listening.listen(endpoint),
      configuration.server,
    );
    return new Operated({ parts, protocol, users, shares, address, notice, audit });
  } catch (error) {
    await audit?.close();
    await (protocol === undefined ? store?.close() : protocol.close(0));
    users.destroy();
    throw error;
  }
}

/** The machine's host name, as a NetBIOS name may be: 15 letters, digits and hyphens. [MS-NLMP] 2.2.2.1 */
function machineName(): string {
  const [label = ''] = hostname().split('.');
  const name = label
    .replace(/[^A-Za-z0-9-]/g, '')
    .replace(/^-+/, '')
    .slice(0, 15);
  return name === '' ? 'SMBKIT' : name.toUpperCase();
}

interface OperatedFields {
  readonly parts: ServerParts;
  readonly protocol: ProtocolServer;
  readonly users: AccountStore;
  readonly shares: readonly OpenedShare[];
  readonly address: { readonly host: string; readonly port: number };
  readonly notice: string | undefined;
  readonly audit: AuditFile | undefined;
}

function auditFileOf(
  { audit }: Configuration,
  parts: { clock: Clock; log: Log },
): Promise<AuditFile> | undefined {
  const { file, queue } = audit;
  return file === undefined ? undefined : AuditFile.open({ path: file, queueCount: queue, ...parts });
}

class Operated implements OperatedServer {
  readonly address: { readonly host: string; readonly port: number };
  readonly url: string;
  readonly shares: readonly string[];
  readonly shareSources: OperatedServer['shareSources'];
  readonly credentials?: Credentials;
  readonly portNotice?: string;
  readonly settings: RunningServer['settings'] = { update: (change) => this.#update(change) };
  readonly #protocol: ProtocolServer;
  readonly #users: AccountStore;
  readonly #audit: AuditFile | undefined;
  readonly #opened: readonly OpenedShare[];
  #configuration: Configuration;
  #closing: Promise<TableSizes> | undefined;

  constructor({ parts, protocol, users, shares, address, notice, audit }: OperatedFields) {
    this.#audit = audit;
    this.#audit?.write('administration', { action: 'started', host: address.host, port: address.port });
    this.#protocol = protocol;
    this.#users = users;
    this.#opened = shares;
    this.#configuration = withoutSecrets(parts.configuration);
    this.address = address;
    this.shares = shares.map((share) => share.name);
    this.shareSources = shares.map(({ name, source, isReadOnly }) => ({ name, source, isReadOnly }));
    const isEverywhere = address.host === '0.0.0.0' || address.host === '::';
    const host = isEverywhere ? '127.0.0.1' : address.host;
    this.url = smbUrl({ host, port: address.port, share: this.shares[0] ?? '' });
    if (parts.credentials !== undefined) this.credentials = parts.credentials;
    if (notice !== undefined) this.portNotice = notice;
  }

  stats(): ServerStats {
    return this.#protocol.stats();
  }

  counters(): TableSizes {
    return this.#protocol.counters();
  }

  reload(configuration: Configuration, accounts: readonly LocalAccount[]): ReloadOutcome {
    const revoked = this.#users.revokedBy(accounts);
    const changedAccounts = this.#users.changedBy(accounts);
    const haveUsersChanged = this.#users.replace(accounts);
    void this.#endSessions((name) => revoked.has(name.toLowerCase()));
    for (const name of changedAccounts) this.#protocol.liftLockout(name, 'account-changed');
    const hasAccessChanged = this.#regulate(configuration);
    const differs = (key: keyof Configuration) =>
      JSON.stringify(this.#configuration[key]) !== JSON.stringify(configuration[key]);
    const changed = changeable.filter(differs);
    const restartNeeded = fixed.filter(differs);
    this.#configuration = withoutSecrets({ ...configuration, ...picked(this.#configuration, fixed) });
    this.#protocol.update(settingsOf(this.#configuration));
    // Who is in other groups now may have lost rights, too.
    void this.#protocol.endTreesWithoutRight();
    const all = [
      ...(haveUsersChanged ? ['users'] : []),
      ...changed,
      ...(hasAccessChanged ? ['permissions'] : []),
    ];
    this.#audit?.write('administration', { action: 'reloaded', changed: all.join() });
    return { changed: all, restartNeeded };
  }

  /** Puts who may do what on the shares that are served into force; true when that is other than before. */
  #regulate({ shares }: Configuration): boolean {
    const before = this.#configuration.shares;
    const after = Object.entries(before).map(([name, share]) => {
      const { permissions, readOnly } = shares[name] ?? share;
      return [name, { ...share, permissions, readOnly }] as const;
    });
    const regulated = Object.fromEntries(after);
    for (const share of this.#opened) {
      const settings = regulated[share.name];
      if (settings !== undefined) share.regulate(settings);
    }
    this.#configuration = { ...this.#configuration, shares: regulated };
    return JSON.stringify(before) !== JSON.stringify(regulated);
  }

  async revoke(user: string): Promise<number> {
    this.#users.disable(user);
    this.#audit?.write('administration', { action: 'revoked', user });
    return this.#endSessions((name) => name.toLowerCase() === user.toLowerCase());
  }

  unlock(user: string): boolean {
    this.#audit?.write('administration', { action: 'unlocked', user });
    return this.#protocol.liftLockout(user, 'lifted');
  }

  #endSessions(isMeant: (name: string) => boolean): Promise<number> {
    return this.#protocol.endSessions(({ kind, name }) => kind === 'user' && isMeant(name));
  }

  close(options: CloseOptions = {}): Promise<TableSizes> {
    this.#closing ??= this.#close(options.drainMs ?? 10_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(drainMs: number): Promise<TableSizes> {
    const left = await this.#protocol.close(drainMs);
    this.#users.destroy();
    this.#audit?.write('administration', { action: 'stopped' });
    await this.#audit?.close();
    return left;
  }

  #update(change: SettingsChange): void {
    const unchangeable = Object.keys(change).filter((key) => !changeable.some((name) => name === key));
    if (unchangeable.length > 0) {
      const message = 'cannot be changed while the server runs';
      throw new ConfigurationError(unchangeable.map((setting) => ({ setting, origin: '', message })));
    }
    const before = this.#configuration;
    const { configuration } = readConfiguration({
      tree: {
        ...picked(before, ['profile', 'guest', 'anonymous', 'multichannel']),
        ...change,
        signing: { ...before.signing, ...change.signing },
        encryption: { ...before.encryption, ...change.encryption },
        dialects: { ...before.dialects, ...change.dialects },
        session: { ...before.session, ...change.session },
        targetNames: { ...before.targetNames, ...change.targetNames },
        lockout: { ...before.lockout, ...change.lockout },
        limits: { ...before.limits, ...change.limits },
      },
    });
    const next: Configuration = { ...before, ...picked(configuration, changeable) };
    const broken = brokenSettingRules(next);
    if (broken.length > 0) {
      throw new ConfigurationError(
        broken.map(({ path, message }) => ({ setting: showPath(path), origin: '', message })),
      );
    }
    this.#configuration = next;
    this.#audit?.write('administration', { action: 'settings', changed: Object.keys(change).join() });
    this.#protocol.update(settingsOf(next));
  }
}

type TopLevel = keyof Configuration;

/** Settings that a change on the running server puts in force for new connections. */
const changeable: readonly (keyof SettingsChange)[] = [
  'guest',
  'anonymous',
  'multichannel',
  'signing',
  'encryption',
  'dialects',
  'session',
  'targetNames',
  'lockout',
  'limits',
];

/** Settings that wait for a restart. */
const fixed: readonly TopLevel[] = ['server', 'shares', 'log', 'audit'];

/** The named settings of `configuration` alone. */
function picked(configuration: Configuration, names: readonly TopLevel[]): Partial<Configuration> {
  return Object.fromEntries(
    Object.entries(configuration).filter(([name]) => names.some((one) => one === name)),
  );
}

/** Once accounts have their hashes nobody needs the passwords. */
function withoutSecrets(configuration: Configuration): Configuration {
  return { ...configuration, users: [] };
}
