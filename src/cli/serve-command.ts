/**
 * `smbkit serve`: starts the server, shows how to connect, and ends it in good order.
 */
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { systemEntropy } from '../base/entropy.ts';
import type { Log } from '../base/log.ts';
import { localAccounts } from '../control/accounts.ts';
import { hardenedExclusions } from '../control/rules.ts';
import type { ServerEvent } from '../control/serve-options.ts';
import { type OperatedServer, startServer } from '../control/start-server.ts';
import { returnLargeBlocks } from '../native/allocator.ts';
import type { Arguments } from './arguments.ts';
import { openKeyLog } from './key-log.ts';
import { jsonText, logWriter } from './log-writer.ts';
import { copyOf, type MadeAccount, madeAccount } from './made-account.ts';
import { firstSignal, reloadOnSignal, untilStopped } from './running.ts';
import { type ServeRequest, serveRequest } from './serve-request.ts';
import { startBox } from './start-box.ts';
import type { Surroundings } from './surroundings.ts';

/** What the parts of a run share. */
export interface ServeRun {
  readonly request: ServeRequest;
  readonly around: Surroundings;
  readonly log: Log;
  /** Writes an event to standard output when `--json` was given. */
  emit(event: ServerEvent): void;
}

/** Resolves with the exit code when the server has stopped. */
export async function runServe(args: Arguments, around: Surroundings): Promise<number> {
  const request = await serveRequest(args, around);
  const { configuration } = request.read;
  const run: ServeRun = {
    request,
    around,
    log: logWriter({
      ...configuration.log,
      hasColor: around.errHasColor,
      write: around.err,
      timestamp: around.timestamp,
    }),
    emit: (event) => {
      if (request.isJson) around.out(`${jsonText(event)}\n`);
    },
  };
  returnLargeBlocks();
  const made = await madeAccount(request);
  const configured = await localAccounts(configuration.users, configuration.server.keyFile);
  warn(run);
  using keyLog = openKeyLog(request.keyLogFile, run.log);
  const server = await startServer({
    configuration,
    accounts: [...configured, ...copyOf(made.account)],
    backends: new Map(),
    log: run.log,
    entropy: systemEntropy,
    onEvent: run.emit,
    keyLog: keyLog.write,
    serverGuid: made.serverGuid,
    welcomeShare: request.welcomeShare,
    commands: around.commands,
  });
  // Whoever reads that the server listens may stop it at once.
  const stopSignal = firstSignal(run);
  announce(run, server, made);
  using _reloading = reloadOnSignal(run, server, made.account);
  return await untilStopped(run, server, stopSignal);
}

/** What the user should know before it starts. */
function warn({ request, log }: ServeRun): void {
  const { configuration, warnings } = request.read;
  for (const message of warnings) log.write('warn', message);
  if (configuration.profile === 'hardened') log.write('info', hardenedExclusions);
  if (configuration.guest) {
    log.write(
      'warn',
      'guests may read every share whose default permission is not none; their sessions are neither signed nor encrypted, and Windows 11 24H2 and macOS refuse them',
    );
  }
  if (!configuration.signing.required) {
    log.write(
      'warn',
      'signing is not required: somebody on the network can change what clients read and write',
    );
  }
}

function announce(run: ServeRun, server: OperatedServer, made: MadeAccount): void {
  const { around, log } = run;
  const { host, port } = server.address;
  if (server.portNotice !== undefined) log.write('warn', server.portNotice);
  const user = made.account?.name;
  run.emit({
    event: 'listening',
    host,
    port,
    shares: server.shares,
    ...(user === undefined ? {} : { user }),
    ...(made.password === undefined ? {} : { password: made.password }),
  });
  if (run.request.isJson) return;
  around.out(
    startBox({
      version: around.version,
      host,
      port,
      networkAddresses: networkAddresses(host),
      shares: server.shareSources,
      user,
      password: made.password,
      keptIn: made.keptIn,
      userCount: run.request.read.configuration.users.length,
      hasColor: around.outHasColor,
    }),
  );
}

/** The addresses, or else the name, under which other machines find a server that listens on `host`. */
function networkAddresses(host: string): readonly string[] {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const all = machineAddresses();
  if (all === undefined) return isEverywhere ? [hostname()] : [];
  if (!isEverywhere) {
    return all.filter(({ address, internal }) => address === host && !internal).map(({ address }) => address);
  }
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
}

/** The addresses of this machine; `undefined` where a sandbox keeps the kernel from telling, which is no reason not to serve. */
function machineAddresses(): readonly NetworkInterfaceInfo[] | undefined {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  } catch {
    return undefined;
  }
}
