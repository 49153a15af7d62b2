/**
 * The folders that a machine boots from: /usr is this machine's with smbkit laid over it, everything else is new.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whom nothing but the sandbox keeps from these: the checks of it look for them. */
export const secret = 'everybody may read this';
export const secretFiles: readonly string[] = ['home/anna/secret', 'root/secret'];
export const openFolders: readonly string[] = ['etc/open', 'opt/open', 'srv/open', 'usr/open', 'var/open'];

const folders = [
  ...['dev', 'etc', 'home/anna', 'old', 'opt', 'proc', 'root', 'run', 'srv', 'sys', 'tmp', 'usr'],
  ...['etc/systemd/system', 'var/cache', 'var/lib', 'var/log', 'var/tmp'],
];

/** What programs of /usr look up; nothing of it says what this machine is or does. */
const taken = ['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'login.defs', 'ssl/openssl.cnf'];

const written: Readonly<Record<string, string>> = {
  // Without a number systemd takes this for the first boot and enables every service there is.
  'machine-id': '5eb2c0de5eb2c0de5eb2c0de5eb2c0de\n',
  passwd: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  group: 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n',
  hosts: '127.0.0.1 localhost smbkit-test\n',
  hostname: 'smbkit-test\n',
  fstab: '',
};

/** Makes `root`, `usr` (what is laid over /usr) and `overlay` in `work`. */
export function makeRootFolder(work: string): void {
  const root = join(work, 'root');
  for (const name of folders) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['tmp', 'var/tmp']) chmodSync(join(root, name), 0o1777);
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    if (existsSync(join('/usr', name))) symlinkSync(join('usr', name), join(root, name));
  }
  for (const name of taken) {
    const source = join('/etc', name);
    // Links are taken as they are: those of `alternatives` lead into /usr.
    if (existsSync(source))
      cpSync(source, join(root, 'etc', name), { recursive: true, verbatimSymlinks: true });
  }
  for (const [name, text] of Object.entries(written)) writeFileSync(join(root, 'etc', name), text);
  for (const name of ['overlay', 'usr/bin']) mkdirSync(join(work, name), { recursive: true });
  // The Node of this process is mounted here.
  writeFileSync(join(work, 'usr/bin/node'), '');
  makeTemptations(work);
}

/** Files and folders that everybody may read and write, for the sandbox to hide and protect. */
function makeTemptations(work: string): void {
  const root = join(work, 'root');
  for (const name of secretFiles) writeFileSync(join(root, name), secret);
  chmodSync(join(root, 'root'), 0o755);
  for (const name of openFolders) {
    const folder = name.startsWith('usr/') ? join(work, name) : join(root, name);
    mkdirSync(folder);
    chmodSync(folder, 0o1777);
  }
}
