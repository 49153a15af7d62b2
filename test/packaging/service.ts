/**
 * The service as the head of its unit file says to install it, and what is asked of it.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Account } from '../interop/peers/peer.ts';
import type { Container } from './container.ts';
import { demand, eventually } from './report.ts';

/** Where the service listens, in its own network. */
export const address = { host: '127.0.0.1', port: 445 };
export const account: Account = { name: 'anna', password: 'Secret-1' };
/** Let in by a later configuration. */
export const newcomer: Account = { name: 'ben', password: 'Secret-2' };
export const shareName = 'files';
export const sharedFolder = '/srv/smbkit';
/** A folder shared with a group of the machine that the service's user is in. */
export const teamShare = 'team';
export const teamFolder = '/srv/smbkit/team';

const packageFolder = '/usr/lib/node_modules/smbkit';
const configFile = '/etc/smbkit/smbkit.yaml';
const unitFile = resolve(import.meta.dirname, '../../packaging/smbkit.service');
const unitText = readFileSync(unitFile, 'utf8');

/** The commands at the head of the unit file; the last starts the service. */
function installCommands(): { readonly prepare: readonly string[]; readonly start: string } {
  const commands = [...unitText.matchAll(/^# {3}(\S.*)$/gm)].map((match) => match[1] ?? '');
  const start = commands.pop();
  demand(start?.includes('enable --now') === true, 'the head of the unit file ends with the start');
  return { prepare: commands, start };
}

/** The unit with another program in it: the same sandbox, one run, its output in `/run/NAME.out`. */
function likeUnit(name: string, program: string): string {
  return unitText
    .replace(/^Type=.*$/m, 'Type=oneshot')
    .replace(/^ExecStart=.*$/m, `ExecStart=${program}\nStandardOutput=truncate:/run/${name}.out`)
    .replace(/^(?:Restart|ExecReload).*$/gm, '');
}

/** smbkit as a service of the machine. */
export class Service {
  readonly #container: Container;

  private constructor(container: Container) {
    this.#container = container;
  }

  /** Does what the unit file says, writes the configuration, and starts it. */
  static async install(container: Container): Promise<Service> {
    const service = new Service(container);
    const { prepare, start } = installCommands();
    await service.#shell(['set -e', `cd ${packageFolder}`, ...prepare].join('\n'));
    await service.#shell(`groupadd team && usermod --append --groups team smbkit`);
    await service.#shell(`install -d -m 770 -o smbkit -g team ${teamFolder}`);
    await service.configure([account]);
    await service.#shell(start);
    await service.listening();
    return service;
  }

  /** Writes a configuration with these accounts, their hashes sealed. */
  async configure(accounts: readonly Account[]): Promise<void> {
    const users: unknown[] = [];
    for (const { name, password } of accounts) {
      const seal = ['smbkit', 'user', 'seal', name, '--key-file', '/root/smbkit.key'];
      const sealedHash = await this.#container.run(seal, { input: `${password}\n` });
      users.push({ name, sealedHash: sealedHash.trim() });
    }
    const credential = '/run/credentials/smbkit.service/smbkit.key';
    const server = { host: '0.0.0.0', strictPort: true, stateDir: '/var/lib/smbkit', keyFile: credential };
    const shares = {
      [shareName]: { path: sharedFolder },
      [teamShare]: { path: teamFolder, group: 'team', fileMode: '660' },
    };
    const audit = { file: '/var/log/smbkit/audit.log' };
    // JSON is YAML.
    await this.writeConfiguration(JSON.stringify({ server, users, shares, audit }));
  }

  async writeConfiguration(text: string): Promise<void> {
    await this.#shell(`cat > ${configFile} && chgrp smbkit ${configFile} && chmod 640 ${configFile}`, text);
  }

  /** Waits until somebody listens on port 445. */
  async listening(): Promise<void> {
    try {
      await eventually('the service listens', async () =>
        (await this.listener()) === '' ? undefined : true,
      );
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.journal()}`);
    }
  }

  /** The line of `ss` for port 445. */
  async listener(): Promise<string> {
    return (await this.#container.run(['ss', '-Hltnp', 'sport = :445'])).trim();
  }

  async systemctl(...words: readonly string[]): Promise<string> {
    return await this.#container.run(['systemctl', ...words]);
  }

  /** A property of the unit. */
  async property(name: string): Promise<string> {
    return (await this.systemctl('show', 'smbkit', '--value', `--property=${name}`)).trim();
  }

  /** A line of the main process's `/proc/PID/status`. */
  async status(field: string): Promise<string> {
    const text = await this.#container.run(['cat', `/proc/${await this.property('MainPID')}/status`]);
    return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  }

  /** What it has said to the journal, the end of it. */
  async journal(lines = 40): Promise<string> {
    return await this.#container.run(['journalctl', '--unit=smbkit', '--output=cat', `--lines=${lines}`]);
  }

  /** What `program` prints in a sandbox like the service's. */
  async inSandbox(name: string, program: string): Promise<string> {
    const file = join('/etc/systemd/system', `${name}.service`);
    await this.#shell(`cat > ${file} && systemctl daemon-reload`, likeUnit(name, program));
    await this.#container.tried(['systemctl', 'start', name]);
    return await this.#container.run(['cat', `/run/${name}.out`]);
  }

  /** What `program` prints as the same user without the sandbox. */
  async outsideSandbox(program: string): Promise<string> {
    const user = ['setpriv', '--reuid=smbkit', '--regid=smbkit', '--init-groups'];
    return (await this.#container.tried([...user, 'sh', '-c', program])).output;
  }

  async #shell(script: string, input?: string): Promise<void> {
    await this.#container.run(['sh', '-c', script], input === undefined ? {} : { input });
  }
}
