/**
 * `smbkit test-backend FILE`: tells the author of a backend what is missing.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Backend } from '../backend/contract.ts';
import { systemClock } from '../base/clock.ts';
import type { ContractTraits } from '../testing/backend-contract/case.ts';
import { type BackendFactory, type Finding, judgeBackend } from '../testing/backend-report.ts';
import type { Arguments } from './arguments.ts';
import { ExitCode, UsageError } from './exit-code.ts';
import { jsonText } from './log-writer.ts';
import type { Surroundings } from './surroundings.ts';

const marks: Readonly<Record<Finding['outcome'], string>> = {
  passed: 'ok  ',
  failed: 'FAIL',
  'not offered': '-   ',
};

/** Judges the store that the file makes; fails when anything does. */
export async function runTestBackend(args: Arguments, around: Surroundings): Promise<number> {
  const [path, ...more] = args.operands;
  if (path === undefined || more.length > 0)
    throw new UsageError('test-backend needs one file: smbkit test-backend FILE');
  const module = await moduleAt(path);
  const factory = factoryIn(module, path);
  const counts = { passed: 0, failed: 0, 'not offered': 0 };
  for await (const finding of judgeBackend(factory, { clock: systemClock, ...traitsIn(module) })) {
    counts[finding.outcome] += 1;
    if (args.has('json')) around.out(`${jsonText({ event: 'finding', ...finding })}\n`);
    else if (isShown(finding, args)) around.out(lineOf(finding));
  }
  const { passed, failed, 'not offered': absent } = counts;
  const summary = `${passed} passed, ${failed} failed, ${absent} not offered`;
  if (args.has('json')) around.out(`${jsonText({ event: 'judged', passed, failed, notOffered: absent })}\n`);
  else around.out(`${summary}\n`);
  return failed === 0 ? ExitCode.ok : ExitCode.failed;
}

const isShown = ({ outcome }: Finding, args: Arguments): boolean =>
  outcome === 'failed' || !args.has('failures');

function lineOf({ outcome, text, reason }: Finding): string {
  return `${marks[outcome]} ${text}${reason === undefined ? '' : `\n       ${reason}`}\n`;
}

type Exports = Readonly<Record<string, unknown>>;

/** The function that makes the store: the default export, or one called `createBackend`. */
function factoryIn(module: Exports, path: string): BackendFactory {
  const found = [module['default'], module['createBackend']].find(isFactory);
  if (found !== undefined) return found;
  throw new UsageError(
    `${path} must export a function that makes a backend, as default or as createBackend; it exports ${
      Object.keys(module).join(', ') || 'nothing'
    }`,
  );
}

async function moduleAt(path: string): Promise<Exports> {
  try {
    return await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new UsageError(`${path} cannot be loaded: ${error instanceof Error ? error.message : error}`);
  }
}

/** What it makes is judged, whatever it is. */
const isFactory = (value: unknown): value is () => Backend => typeof value === 'function';

/** What the module exports as `traits`: what the store promises less of. */
function traitsIn(module: Exports): Partial<ContractTraits> {
  const { traits } = module;
  return typeof traits === 'object' && traits !== null ? traits : {};
}
