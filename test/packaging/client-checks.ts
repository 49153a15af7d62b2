/**
 * What Debian's smbclient can do with the service, and what becomes of it on the disk.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from '../interop/peers/peer.ts';
import { smbclient, smbclientDone } from '../interop/smbclient.ts';
import type { Container } from './container.ts';
import { demand } from './report.ts';
import type { Scene } from './scene.ts';
import { account, address, sharedFolder, shareName, teamFolder, teamShare } from './service.ts';

export async function checkClients(scene: Scene): Promise<void> {
  await scene.report.check('a password whose hash is sealed lets in, another does not', async () => {
    const listed = await smbclientDone({ ...address, account }, { under: scene.container.network });
    demand(listed.includes(shareName), listed);
    const { output } = await refused(scene.container, { ...account, password: 'Secret-3' });
    demand(output.includes('NT_STATUS_LOGON_FAILURE'), output);
    return '';
  });
  await scene.report.check('a file is put, listed and got, and lies in the shared folder', () =>
    putAndGet(scene),
  );
  await scene.report.check('attributes and streams are kept in extended attributes', () => annotate(scene));
  await scene.report.check('files of a share with a group belong to it', () => shareWithGroup(scene));
  await scene.report.check('state and audit are the service’s alone', () => keptApart(scene));
}

/** What smbclient says to one who should not get in. */
export async function refused(container: Container, who: Account): Promise<{ readonly output: string }> {
  return await smbclient(
    { ...address, account: who },
    { share: shareName, commands: ['ls'], under: container.network },
  );
}

/** Runs commands of smbclient on the share. */
export async function onShare({ container, folder }: Scene, commands: readonly string[]): Promise<string> {
  const request = { share: shareName, commands, folder, under: container.network };
  return await smbclientDone({ ...address, account }, request);
}

async function putAndGet(scene: Scene): Promise<string> {
  const content = randomBytes(1_000_000);
  writeFileSync(join(scene.folder, 'sent'), content);
  const listing = await onShare(scene, ['put sent file.bin', 'ls', 'get file.bin received']);
  demand(/file\.bin\s+A\s+1000000/.test(listing), listing);
  demand(readFileSync(join(scene.folder, 'received')).equals(content), 'what came back is something else');
  const found = await scene.container.run(['stat', '--format=%U:%G %a %s', `${sharedFolder}/file.bin`]);
  demand(found.trim() === 'smbkit:smbkit 600 1000000', found);
  return found.trim();
}

async function annotate(scene: Scene): Promise<string> {
  writeFileSync(join(scene.folder, 'note'), 'a stream');
  await onShare(scene, ['put note file.bin:note', 'setmode file.bin +h']);
  const shown = await onShare(scene, ['allinfo file.bin', 'get file.bin:note note.back']);
  demand(/attributes: HA\b/.test(shown) && /stream: \[:note:\$DATA\], 8 bytes/.test(shown), shown);
  demand(
    readFileSync(join(scene.folder, 'note.back'), 'utf8') === 'a stream',
    'the stream came back as another',
  );
  const list = `import os; print(*sorted(os.listxattr('${sharedFolder}/file.bin')))`;
  const names = (await scene.container.run(['python3', '-c', list])).trim();
  demand(names.includes('user.DOSATTRIB') && /note/.test(names), names);
  return names;
}

async function shareWithGroup({ container, folder }: Scene): Promise<string> {
  const request = { share: teamShare, commands: ['put sent file.bin'], folder, under: container.network };
  await smbclientDone({ ...address, account }, request);
  const found = await container.run(['stat', '--format=%U:%G %a', `${teamFolder}/file.bin`]);
  demand(found.trim() === 'smbkit:team 660', found);
  return found.trim();
}

async function keptApart({ container }: Scene): Promise<string> {
  const folders = ['/var/lib/smbkit', '/var/log/smbkit'];
  const modes = await container.run(['stat', '--format=%U %a', ...folders]);
  demand(modes === 'smbkit 700\nsmbkit 700\n', modes);
  const verified = await container.run(['smbkit', 'audit', 'verify', '/var/log/smbkit/audit.log']);
  return verified.trim().split('\n')[0] ?? '';
}
