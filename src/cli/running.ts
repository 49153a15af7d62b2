/**
 * From the first answer to the last: signals while the server runs.
 */
import { type LocalAccount, localAccounts } from '../control/accounts.ts';
import { ConfigurationError } from '../control/configuration.ts';
import { PasswordError } from '../control/password.ts';
import type { OperatedServer } from '../control/start-server.ts';
import { ExitCode, UsageError } from './exit-code.ts';
import { copyOf } from './made-account.ts';
import type { ServeRun } from './serve-command.ts';
import type { SignalName } from './surroundings.ts';

/** Requests in flight may take this long to finish when the server stops. */
const drainMs = 10_000;

/** Resolves when `stopSignal` has come and the server has stopped; a second signal ends the process at once. */
export async function untilStopped(
  run: ServeRun,
  server: OperatedServer,
  stopSignal: Promise<SignalName>,
): Promise<number> {
  const signal = await stopSignal;
  run.emit({ event: 'stopping', signal });
  run.log.write('info', 'stopping: finishing what is under way; once more to stop at once', { signal });
  // The tables twice: what clients had left behind when the server was told to stop, and what is left now.
  const left = await server.close({ drainMs });
  const counters = server.counters();
  run.emit({ event: 'stopped', ...counters, left });
  run.log.write('info', 'stopped', counters);
  return ExitCode.ok;
}

/** The signal that tells the server to stop; listened for from the call on. */
export function firstSignal({ around }: ServeRun): Promise<SignalName> {
  return new Promise((resolve) => {
    let isStopping = false;
    const listen = (name: SignalName, code: number) =>
      around.onSignal(name, () => {
        if (isStopping) around.exit(code);
        isStopping = true;
        resolve(name);
      });
    listen('SIGINT', ExitCode.interrupted);
    listen('SIGTERM', ExitCode.terminated);
  });
}

/** Reads the configuration again at every SIGHUP, until disposed. */
export function reloadOnSignal(
  run: ServeRun,
  server: OperatedServer,
  account: LocalAccount | undefined,
): Disposable {
  // One reading at a time, in the order of the signals.
  let last = Promise.resolve();
  const stop = run.around.onSignal('SIGHUP', () => {
    last = last.then(() => reload(run, server, account));
  });
  return { [Symbol.dispose]: stop };
}

async function reload(
  run: ServeRun,
  server: OperatedServer,
  account: LocalAccount | undefined,
): Promise<void> {
  try {
    const { configuration, warnings } = await run.request.reread();
    const configured = await localAccounts(configuration.users, configuration.server.keyFile);
    const outcome = server.reload(configuration, [...configured, ...copyOf(account)]);
    for (const message of warnings) run.log.write('warn', message);
    run.emit({ event: 'reloaded', ...outcome });
    run.log.write('info', 'configuration read again', {
      changed: outcome.changed.join(', ') || 'nothing',
      restartNeeded: outcome.restartNeeded.join(', ') || 'nothing',
    });
  } catch (error) {
    if (
      !(error instanceof ConfigurationError || error instanceof PasswordError || error instanceof UsageError)
    )
      throw error;
    run.emit({ event: 'reload-failed', message: error.message });
    for (const message of error.message.split('\n')) {
      run.log.write('error', `configuration not changed: ${message}`);
    }
  }
}
