/**
 * `smbkit audit verify` and `smbkit user seal`.
 */
import { systemEntropy } from '../base/entropy.ts';
import { verifyAuditFile } from '../control/audit-file.ts';
import { firstLine, ntHashOf, readPasswordFile } from '../control/password.ts';
import { readSealingKey, sealHash } from '../control/sealed-hash.ts';
import { reasonOf } from '../control/system-error.ts';
import { wipe } from '../crypto/secret.ts';
import type { Arguments } from './arguments.ts';
import { ExitCode, UsageError } from './exit-code.ts';
import { jsonText } from './log-writer.ts';
import type { Surroundings } from './surroundings.ts';

/** Says whether every line of an audit file fits those before it, and the last hash, to be kept elsewhere. */
export async function runAuditVerify(args: Arguments, around: Surroundings): Promise<number> {
  const [name, ...more] = args.operands;
  if (name === undefined || more.length > 0) {
    throw new UsageError('audit verify needs one file: smbkit audit verify FILE');
  }
  const report = await verifyAuditFile(name).catch((error: unknown) => {
    throw new UsageError(`the audit file ${name} cannot be read: ${reasonOf(error)}`);
  });
  const isWhole = report.wrongLine === undefined;
  if (args.has('json'))
    around.out(`${jsonText({ event: 'verified', file: name, ok: isWhole, ...report })}\n`);
  else if (isWhole) around.out(`${name}: ${report.lines} lines, whole; last hash ${report.chain}\n`);
  else around.out(`${name}: line ${report.wrongLine} does not fit what is before it\n`);
  return isWhole ? ExitCode.ok : ExitCode.failed;
}

/** Prints what `sealedHash` of a user is to be. */
export async function runUserSeal(args: Arguments, around: Surroundings): Promise<number> {
  const [name, ...more] = args.operands;
  const keyFile = args.value('key-file');
  if (name === undefined || more.length > 0 || keyFile === undefined) {
    throw new UsageError('user seal needs a name and a key: smbkit user seal NAME --key-file FILE');
  }
  const key = await readSealingKey(keyFile);
  const passwordFile = args.value('password-file');
  const password =
    passwordFile === undefined
      ? firstLine(await around.readInput(), 'standard input')
      : await readPasswordFile(passwordFile);
  const sealed = sealHash(ntHashOf(password), name, { key, entropy: systemEntropy });
  wipe(key);
  around.out(`${sealed}\n`);
  return ExitCode.ok;
}
