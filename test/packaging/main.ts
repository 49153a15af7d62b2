/**
 * `npm run test:systemd`: boots a systemd in namespaces of its own, installs smbkit there as a user would, starts
 * packaging/smbkit.service, and looks at it from inside and outside. One line for each check; a failure ends it with 1.
 *
 * `--or-skip`, for `npm test`: a machine that cannot do it is no failure.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { checkCalls } from './call-checks.ts';
import { checkClients } from './client-checks.ts';
import { Container, makeWorkFolder, removeTraces } from './container.ts';
import { checkLife } from './life-checks.ts';
import { machineProblem } from './machine.ts';
import { installPackage } from './package.ts';
import { endPrograms } from './program.ts';
import { Report } from './report.ts';
import { makeRootFolder } from './root-folder.ts';
import { checkSandbox } from './sandbox-checks.ts';
import { Service } from './service.ts';
import { checkStart } from './start-checks.ts';

const limitMs = 600_000;

process.umask(0o022);
process.exitCode = await main();

async function main(): Promise<number> {
  const work = makeWorkFolder();
  process.once('exit', () => {
    endPrograms();
    removeTraces(work);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const limit = setTimeout(() => {
    console.error(`FAIL  no end after ${limitMs / 1000} s`);
    process.exit(1);
  }, limitMs);
  try {
    const problem = await machineProblem(mkdtempSync(join(work, 'trial-')));
    if (problem !== undefined) return refuse(problem);
    return (await bootAndLook(work)) ? 0 : 1;
  } finally {
    clearTimeout(limit);
    removeTraces(work);
  }
}

function refuse(problem: string): number {
  console.log(`│ no systemd can be booted here: ${problem}`);
  if (!process.argv.includes('--or-skip')) return 1;
  console.log('0 passed, 0 failed, 1 skipped');
  return 0;
}

async function bootAndLook(work: string): Promise<boolean> {
  const report = new Report();
  let service: Service | undefined;
  let container: Container | undefined;
  await report.check('packed and installed under /usr', async () => {
    makeRootFolder(work);
    return await installPackage(work, join(work, 'usr'));
  });
  await report.check('systemd is the first process', async () => {
    container = await Container.boot(work);
    const [version] = (await container.run(['systemctl', '--version'])).split('\n');
    return `${version}, ${(await container.tried(['systemctl', 'is-system-running'])).output.trim()}`;
  });
  if (container === undefined) return report.sumUp();
  const booted = container;
  await report.check('installed and started as the head of the unit file says', async () => {
    service = await Service.install(booted);
    return '';
  });
  if (service !== undefined) {
    const folder = join(work, 'client');
    mkdirSync(folder);
    const scene = { report, container: booted, service, folder };
    for (const look of [checkStart, checkClients, checkCalls, checkSandbox, checkLife]) await look(scene);
  }
  return report.sumUp();
}
