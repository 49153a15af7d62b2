/**
 * `smbkit doctor`: what this machine and these folders give to a server, and what follows where something is missing.
 */
import type { Arguments } from './arguments.ts';
import { folderFindings, nativeFindings } from './doctor-abilities.ts';
import { findingsText } from './doctor-finding.ts';
import { cryptoFindings, cryptoSpeeds } from './doctor-speed.ts';
import { limitFindings, networkFindings, systemFindings } from './doctor-system.ts';
import { ExitCode } from './exit-code.ts';
import { jsonText } from './log-writer.ts';
import type { Surroundings } from './surroundings.ts';

/** Looks and tells; changes nothing. Fails when something keeps one of the folders, or any, from being served. */
export async function runDoctor(args: Arguments, around: Surroundings): Promise<number> {
  const speeds = cryptoSpeeds();
  const findings = [
    ...systemFindings(around.version),
    ...nativeFindings(),
    ...cryptoFindings(speeds),
    ...(await networkFindings()),
    ...limitFindings(),
  ];
  for (const folder of args.operands) findings.push(...(await folderFindings(folder)));
  const isWell = findings.every((finding) => finding.state !== 'problem');
  if (args.has('json')) around.out(`${jsonText({ event: 'examined', ok: isWell, findings, speeds })}\n`);
  else around.out(findingsText(findings));
  return isWell ? ExitCode.ok : ExitCode.failed;
}
