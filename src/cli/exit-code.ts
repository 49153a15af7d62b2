/**
 * What the process ends with.
 */

export const ExitCode = Object.freeze({ ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 });
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** For the help and docs/cli.md. */
export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.ok, 'done; for `serve`: stopped after finishing what was under way (or after 10 s)'],
  [
    ExitCode.failed,
    'it did not work: port in use, folder not readable, `config check` found an error, `doctor` a problem',
  ],
  [ExitCode.usage, 'the command line or the configuration it names is wrong; nothing was started'],
  [ExitCode.interrupted, 'stopped at once by a second Ctrl-C (SIGINT)'],
  [ExitCode.terminated, 'stopped at once by a second SIGTERM'],
];

/** The command line is wrong; the message says what and how to put it right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
