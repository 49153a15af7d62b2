/**
 * `smbkit config check` and `smbkit config schema`.
 */
import { localAccounts } from '../control/accounts.ts';
import {
  ConfigurationError,
  type ReadConfiguration,
  readConfiguration,
  showIssue,
} from '../control/configuration.ts';
import { folderProblem } from '../control/folder.ts';
import { jsonSchema } from '../control/json-schema.ts';
import { PasswordError } from '../control/password.ts';
import { printConfiguration } from '../control/print.ts';
import { hardenedExclusions } from '../control/rules.ts';
import { showPath } from '../control/tree.ts';
import { wipe } from '../crypto/secret.ts';
import type { Arguments } from './arguments.ts';
import { ExitCode, UsageError } from './exit-code.ts';
import { jsonText } from './log-writer.ts';
import { readSourceFile } from './serve-request.ts';
import type { Surroundings } from './surroundings.ts';

/** Checks the file as `serve` would read it, the variables included, and the folders and password files that it names. */
export async function runConfigCheck(args: Arguments, around: Surroundings): Promise<number> {
  const [name, ...more] = args.operands;
  if (name === undefined || more.length > 0)
    throw new UsageError('config check needs one file: smbkit config check FILE');
  const file = await readSourceFile(name);
  const user = around.variables['SMBKIT_USER'];
  const outcome = await check(() =>
    readConfiguration({ file, variables: around.variables, given: { accounts: user ? [user] : [] } }),
  );
  const { read, errors } = outcome;
  const warnings = read?.warnings ?? [];
  if (args.has('json')) {
    around.out(`${jsonText({ event: 'checked', file: name, ok: errors.length === 0, errors, warnings })}\n`);
  } else {
    for (const warning of warnings) around.err(`warning: ${warning}\n`);
    for (const error of errors) around.err(`${error}\n`);
    if (read !== undefined && args.has('print')) around.out(printConfiguration(read));
    if (errors.length === 0 && read?.configuration.profile === 'hardened')
      around.err(`note: ${hardenedExclusions}\n`);
    if (errors.length === 0) around.err(`${name} is fine\n`);
  }
  return errors.length === 0 ? ExitCode.ok : ExitCode.failed;
}

async function check(
  read: () => ReadConfiguration,
): Promise<{ read?: ReadConfiguration; errors: readonly string[] }> {
  try {
    const result = read();
    return { read: result, errors: await missing(result) };
  } catch (error) {
    if (error instanceof ConfigurationError) return { errors: error.issues.map(showIssue) };
    throw error;
  }
}

/** Folders and password files that are not as they should be. */
async function missing({ configuration, originOf }: ReadConfiguration): Promise<readonly string[]> {
  const errors: string[] = [];
  for (const [name, { path, wrappers }] of Object.entries(configuration.shares)) {
    const folders = wrappers.map(({ snapshots }, index) => ({
      place: ['shares', name, 'wrappers', index, 'snapshots', 'path'],
      folder: snapshots?.path,
    }));
    for (const { place, folder } of [{ place: ['shares', name, 'path'], folder: path }, ...folders]) {
      const problem = folder === undefined ? undefined : await folderProblem(folder);
      if (problem !== undefined)
        errors.push(showIssue({ origin: originOf(place), setting: showPath(place), message: problem }));
    }
  }
  for (const [index, user] of configuration.users.entries()) {
    const problem = await passwordProblem(user, configuration.server.keyFile);
    const setting = `users[${index}]`;
    if (problem !== undefined)
      errors.push(showIssue({ origin: originOf(['users', index]), setting, message: problem }));
  }
  return errors;
}

async function passwordProblem(
  user: Parameters<typeof localAccounts>[0][number],
  keyFile: string | undefined,
): Promise<string | undefined> {
  try {
    for (const account of await localAccounts([user], keyFile)) wipe(account.ntHash);
    return undefined;
  } catch (error) {
    if (error instanceof PasswordError) return error.message;
    throw error;
  }
}

/** Writes the JSON schema. */
export function runConfigSchema(around: Surroundings): number {
  around.out(`${JSON.stringify(jsonSchema, null, 2)}\n`);
  return ExitCode.ok;
}
