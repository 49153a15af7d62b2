/**
 * Runs every check of the project and sums them up: `node test/run.ts [check|unit|interop|conformance|all]…`.
 *
 * A part that passes is shown in one line and its diagnostics, a part that fails with all it printed. The last line
 * counts tests: `N passed, N failed, N skipped`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';

/** One process of the run. */
interface Part {
  readonly name: string;
  /** The word on the command line that selects it. */
  readonly group: 'check' | 'unit' | 'interop' | 'conformance';
  readonly command: readonly string[];
  /** How many test files or the like it covers; a part that covers none is left out. */
  readonly covers: number;
  /** Variables that it runs with besides those of this process. */
  readonly variables?: Readonly<Record<string, string>>;
}

interface Outcome {
  readonly part: Part;
  readonly output: string;
  readonly exitCode: number;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const root = resolve(dirname(import.meta.filename), '..');
const groups = ['check', 'unit', 'interop', 'conformance', 'all'];
/** What does the same where koffi is not installed, by other means. */
const withoutNativeCalls =
  'test/{native/*,crypto/*,cli/doctor,backend/{confinement,descriptors,local,local-*,posix-*}}.test.ts';

/** What of smbtorture is run on a folder each time; all of it: `npm run conformance -- --share-kind local`. */
const localSuites = [
  ...[
    'create',
    'dir',
    'getinfo',
    'setinfo',
    'ioctl',
    'notify',
    'rename',
    'streams',
    'timestamps',
    'acls',
    'ea',
  ],
  ...[
    'oplock.exclusive*',
    'oplock.batch1',
    'oplock.batch2',
    'oplock.batch20',
    'lease.request',
    'lease.upgrade',
  ],
].map((suite) => `smb2.${suite}`);

const { laneCount, selected } = readArguments(process.argv.slice(2));
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(130);
  });
}
process.exitCode = await main();

function readArguments(words: readonly string[]): { laneCount: number; selected: ReadonlySet<string> } {
  const unknown = words.find((word) => !groups.includes(word));
  if (unknown !== undefined) {
    console.error(`unknown part '${unknown}'; one of: ${groups.join(' ')}`);
    process.exit(2);
  }
  const all = words.length === 0 || words.includes('all');
  return { laneCount: Math.max(2, availableParallelism()), selected: new Set(all ? groups : words) };
}

function planned(): Part[] {
  const testFiles = (pattern: string, exclude: readonly string[] = []): string[] =>
    globSync(pattern, { cwd: root, exclude: [...exclude] }).sort();
  const nodeTest = (group: Part['group'], name: string, files: string[]): Part => ({
    name,
    group,
    command: [
      process.execPath,
      '--test',
      '--test-reporter=spec',
      '--test-concurrency=1',
      '--test-timeout=1200000',
      ...files,
    ],
    covers: files.length,
  });
  const tool = (name: string, path: string, ...rest: string[]): Part => ({
    name,
    group: 'check',
    command: [process.execPath, path, ...rest],
    covers: 1,
  });
  const conformance = 'test/interop/conformance/main.ts';
  return [
    tool('format and lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '--colors=off', '.'),
    tool('types', 'node_modules/typescript/bin/tsc', '--noEmit'),
    nodeTest('check', 'tidy', testFiles('test/tidy/*.test.ts')),
    nodeTest('unit', 'unit', testFiles('test/**/*.test.ts', ['test/tidy/**', 'test/interop/**'])),
    {
      ...nodeTest('unit', 'unit without native calls', testFiles(withoutNativeCalls)),
      variables: { SMBKIT_NATIVE: 'off' },
    },
    {
      name: 'simulation',
      group: 'unit',
      command: [process.execPath, 'test/fs/simulate.ts', '--seconds', '60', '--seed', 'commit'],
      covers: 1,
    },
    {
      name: 'conformance',
      group: 'conformance',
      command: [process.execPath, conformance, '--check'],
      covers: existsSync(resolve(root, conformance)) ? 1 : 0,
    },
    {
      name: 'local conformance',
      group: 'conformance',
      command: [process.execPath, conformance, '--check', '--share-kind', 'local', ...localSuites],
      covers: 1,
    },
    nodeTest('interop', 'interop', testFiles('test/interop/**/*.test.ts')),
    // Beside the others: it has a port 445 of its own.
    {
      name: 'systemd',
      group: 'interop',
      command: [process.execPath, 'test/packaging/main.ts', '--or-skip'],
      covers: 1,
    },
  ];
}

/** Runs one part to its end, collecting what it prints. */
function runPart(part: Part): Promise<Outcome> {
  const startMs = performance.now();
  const { FORCE_COLOR: _color, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const [program = '', ...rest] = part.command;
  const child = spawn(program, rest, {
    cwd: root,
    env: { ...env, ...part.variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const chunks: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  return new Promise((done) => {
    const finish = (exitCode: number): void => {
      running.delete(child);
      const output = chunks.join('');
      done({
        part,
        output,
        exitCode,
        seconds: (performance.now() - startMs) / 1000,
        ...counted(part, output, exitCode),
      });
    };
    child.on('error', (error) => {
      chunks.push(`${error.message}\n`);
      finish(1);
    });
    child.on('close', (code) => finish(code ?? 1));
  });
}

/** Reads the counts that a part printed; a part that prints none counts as one test. */
function counted(
  part: Part,
  output: string,
  exitCode: number,
): Pick<Outcome, 'passed' | 'failed' | 'skipped'> {
  const plain = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
  if (plain !== null) {
    return atLeastOneFailure(exitCode, {
      passed: Number(plain[1]),
      failed: Number(plain[2]),
      skipped: Number(plain[3]),
    });
  }
  const sum = (label: string): number => {
    const match = new RegExp(`^ℹ ${label} (\\d+)$`, 'm').exec(output);
    return match === null ? 0 : Number(match[1]);
  };
  if (part.command.includes('--test')) {
    const failed = sum('fail') + sum('cancelled');
    return atLeastOneFailure(exitCode, {
      passed: sum('pass'),
      failed,
      skipped: sum('skipped') + sum('todo'),
    });
  }
  return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** A process that ended badly without a failed test still counts as one. */
function atLeastOneFailure<T extends { failed: number }>(exitCode: number, counts: T): T {
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function show(outcome: Outcome): void {
  const { part, passed, failed, skipped, seconds } = outcome;
  const good = failed === 0;
  if (!good) console.log(`\n──── ${part.name} ────\n${outcome.output.trimEnd()}\n────`);
  const skips = skipped > 0 ? `, ${skipped} skipped` : '';
  const counts = good ? `${passed} passed${skips}` : `${failed} FAILED, ${passed} passed${skips}`;
  console.log(`${good ? '✔' : '✖'} ${part.name.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s  ${counts}`);
  if (good) for (const line of shortOf(outcome.output)) console.log(`    ${line}`);
}

/** What a passing part says that is worth a line: diagnostics of tests, and lines that it marks with a bar. */
function shortOf(output: string): string[] {
  const summary = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => (line.startsWith('ℹ ') && !summary.test(line)) || line.startsWith('│'));
}

async function main(): Promise<number> {
  const parts = planned().filter((part) => selected.has(part.group) && part.covers > 0);
  console.log(`Node ${process.version}, ${parts.map((part) => part.name).join(', ')}`);
  const startMs = performance.now();
  const outcomes: Outcome[] = [];
  const run = async (part: Part): Promise<void> => {
    const outcome = await runPart(part);
    show(outcome);
    outcomes.push(outcome);
  };
  // The conformance leaves fill the machine by themselves, and some of them watch the clock.
  const queue = parts.filter((part) => part.group !== 'conformance');
  const lane = async (): Promise<void> => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) await run(part);
  };
  await Promise.all(Array.from({ length: laneCount }, lane));
  for (const part of parts) if (part.group === 'conformance') await run(part);
  const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
    outcomes.reduce((total, outcome) => total + outcome[key], 0);
  console.log(`\n${((performance.now() - startMs) / 1000).toFixed(1)} s in all`);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return sum('failed') === 0 && outcomes.length > 0 ? 0 : 1;
}
