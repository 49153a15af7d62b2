/**
 * One run of the command, from its words to its exit code.
 */
import { AuditFileError } from '../control/audit-file.ts';
import { ConfigurationError } from '../control/configuration.ts';
import { FolderError } from '../control/folder.ts';
import { ListenError } from '../control/listen.ts';
import { PasswordError } from '../control/password.ts';
import { StateFolderError } from '../control/state-folder.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { commandNamed, commands } from './commands.ts';
import { runConfigCheck, runConfigSchema } from './config-command.ts';
import { runDoctor } from './doctor-command.ts';
import { ExitCode, UsageError } from './exit-code.ts';
import { helpOf, overview } from './help.ts';
import { jsonText } from './log-writer.ts';
import { runAuditVerify, runUserSeal } from './security-command.ts';
import { runServe } from './serve-command.ts';
import type { Surroundings } from './surroundings.ts';
import { runTestBackend } from './test-backend.ts';

/** Runs the command and resolves with its exit code; errors that the user can put right are said in plain words. */
export async function run(around: Surroundings): Promise<number> {
  try {
    return await dispatch(readArguments(around.words), around);
  } catch (error) {
    const code = codeOfError(error);
    if (code === undefined || !(error instanceof Error)) throw error;
    for (const line of error.message.split('\n')) around.err(`smbkit: ${line}\n`);
    if (around.words.includes('--json'))
      around.out(`${jsonText({ event: 'error', message: error.message })}\n`);
    return code;
  }
}

async function dispatch(args: Arguments, around: Surroundings): Promise<number> {
  if (args.has('version')) {
    around.out(`${around.version}\n`);
    return ExitCode.ok;
  }
  if (args.has('help') && args.command.name !== 'help') return show(around, helpOf(args.command));
  switch (args.command.name) {
    case 'serve':
      return await runServe(args, around);
    case 'config check':
      return await runConfigCheck(args, around);
    case 'audit verify':
      return await runAuditVerify(args, around);
    case 'user seal':
      return await runUserSeal(args, around);
    case 'config schema':
      return runConfigSchema(around);
    case 'doctor':
      return await runDoctor(args, around);
    case 'test-backend':
      return await runTestBackend(args, around);
    default:
      return runHelp(args, around);
  }
}

function runHelp(args: Arguments, around: Surroundings): number {
  if (args.operands.length === 0) return show(around, overview(around.version));
  const name = args.operands.join(' ');
  const command = commandNamed(name);
  if (command !== undefined) return show(around, helpOf(command));
  const below = commands.filter((candidate) => candidate.name.startsWith(`${name} `));
  if (below.length > 0) return show(around, below.map(helpOf).join('\n'));
  throw new UsageError(
    `there is no command "${name}": ${commands.map((candidate) => candidate.name).join(', ')}`,
  );
}

function show(around: Surroundings, text: string): number {
  around.out(text);
  return ExitCode.ok;
}

/** The exit code of an error that the user can put right; undefined for a fault of the program. */
function codeOfError(error: unknown): ExitCode | undefined {
  if (error instanceof UsageError || error instanceof ConfigurationError || error instanceof PasswordError) {
    return ExitCode.usage;
  }
  const isRuntime =
    error instanceof AuditFileError ||
    error instanceof ListenError ||
    error instanceof FolderError ||
    error instanceof StateFolderError;
  return isRuntime ? ExitCode.failed : undefined;
}
