/**
 * The service is reloaded, killed, stopped and misconfigured.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endWithThisProcess } from '../interop/peers/peer.ts';
import { smbclientDone } from '../interop/smbclient.ts';
import { onShare, refused } from './client-checks.ts';
import { demand, eventually } from './report.ts';
import type { Scene } from './scene.ts';
import { account, address, newcomer, shareName } from './service.ts';

export async function checkLife(scene: Scene): Promise<void> {
  const { report } = scene;
  await report.check('systemctl reload lets a new account in', () => reload(scene));
  await report.check('a reload of a broken configuration changes nothing', () => reloadBroken(scene));
  await report.check('killed, it is started again, and what was flushed is there', () => kill(scene));
  await report.check('systemctl stop ends it in good order with a client connected', () => stop(scene));
  await report.check('a wrong configuration ends it for good', () => startBroken(scene));
}

async function reload(scene: Scene): Promise<string> {
  const { container, service } = scene;
  const { output } = await refused(container, newcomer);
  demand(output.includes('NT_STATUS_LOGON_FAILURE'), output);
  const pid = await service.property('MainPID');
  await service.configure([account, newcomer]);
  await service.systemctl('reload', 'smbkit');
  await said(scene, 'configuration read again');
  await smbclientDone(
    { ...address, account: newcomer },
    { share: shareName, commands: ['ls'], under: container.network },
  );
  demand((await service.property('MainPID')) === pid, 'it was started again');
  return '';
}

async function reloadBroken(scene: Scene): Promise<string> {
  await scene.service.writeConfiguration('shares: [');
  await scene.service.systemctl('reload', 'smbkit');
  await said(scene, 'configuration not changed');
  await onShare(scene, ['ls']);
  await scene.service.configure([account, newcomer]);
  return '';
}

async function kill(scene: Scene): Promise<string> {
  const { service, folder } = scene;
  const pid = await service.property('MainPID');
  const restarts = Number(await service.property('NRestarts'));
  await using _client = await flushedFile(scene, 'flushed.txt', 'kept');
  await service.systemctl('kill', '--signal=KILL', 'smbkit');
  await eventually('the service is started again', async () => {
    const now = await service.property('MainPID');
    return now !== pid && now !== '0' ? true : undefined;
  });
  await service.listening();
  await onShare(scene, ['get flushed.txt flushed.back']);
  const found = readFileSync(join(folder, 'flushed.back'), 'utf8');
  demand(found === 'kept', `found ${JSON.stringify(found)}`);
  demand(Number(await service.property('NRestarts')) === restarts + 1, 'counted as something else');
  return '';
}

async function stop(scene: Scene): Promise<string> {
  const { service } = scene;
  await using _client = await flushedFile(scene, 'open.txt', 'open');
  const startMs = performance.now();
  await service.systemctl('stop', 'smbkit');
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const states = [];
  for (const name of ['ActiveState', 'Result', 'ExecMainCode', 'ExecMainStatus'])
    states.push(await service.property(name));
  // CLD_EXITED, 0.
  demand(states.join(' ') === 'inactive success 1 0', states.join(' '));
  return `${seconds} s, exit status 0`;
}

async function startBroken({ service }: Scene): Promise<string> {
  await service.writeConfiguration('shares: [');
  await service.systemctl('start', 'smbkit');
  // A restart that is due shows as `activating`.
  await eventually('the service fails', async () =>
    (await service.property('ActiveState')) === 'failed' ? true : undefined,
  );
  const states = [await service.property('ExecMainStatus'), await service.property('NRestarts')];
  demand(states.join(' ') === '2 0', `exit status and restarts: ${states.join(' ')}`);
  return 'exit status 2, no restart';
}

/** Waits until the service has said so. */
async function said({ service }: Scene, words: string): Promise<void> {
  await eventually(`the journal says '${words}'`, async () =>
    (await service.journal()).includes(words) ? true : undefined,
  );
}

/** A client that has flushed a file and keeps it open, until disposed. */
async function flushedFile({ container }: Scene, name: string, content: string): Promise<AsyncDisposable> {
  const script = join(import.meta.dirname, 'flushed-file.ts');
  const [program = '', ...words] = [...container.network, process.execPath, script, name, content];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  endWithThisProcess(child, false);
  const line = await Promise.race([firstLine(child), once(child, 'exit').then(() => 'ended')]);
  demand(line === 'flushed', `the client ${line}`);
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) return 'has no output';
  const [chunk]: unknown[] = await once(child.stdout, 'data');
  return String(chunk).trim();
}
