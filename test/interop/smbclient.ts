/**
 * Runs Debian's smbclient, cut off from the machine's own configuration.
 */
import { spawn } from 'node:child_process';
import type { Account, Peer } from './peers/peer.ts';

/** The dialects as Samba's tools call them, oldest first. */
export const dialects = ['SMB2_02', 'SMB2_10', 'SMB3_00', 'SMB3_02', 'SMB3_11'] as const;
export type Dialect = (typeof dialects)[number];

/** What a client needs to know of a server. */
type Address = Pick<Peer, 'host' | 'port' | 'account'>;

export interface SmbclientRequest {
  /** Share to connect to; absent: list the shares. */
  readonly share?: string;
  /** Commands of one session. */
  readonly commands?: readonly string[];
  /** The one dialect to speak; absent: whatever the client and the server agree on. */
  readonly dialect?: Dialect;
  readonly protection?: 'sign' | 'encrypt' | 'off';
  readonly account?: Account;
  /** Local folder in which the client runs. */
  readonly folder?: string;
  /** Words before the command, which put it into another network. */
  readonly under?: readonly string[];
  /** Receives standard output instead of the result. */
  readonly onOutput?: (chunk: Buffer) => void;
}

export interface SmbclientResult {
  readonly exitCode: number | null;
  /** Standard output and error in the order of arrival. */
  readonly output: string;
}

/** Runs one smbclient process to its end. */
export function smbclient(peer: Address, request: SmbclientRequest): Promise<SmbclientResult> {
  const { name, password } = request.account ?? peer.account;
  const target = `//${peer.host}/${request.share ?? ''}`;
  const options = [
    '--configfile=/dev/null',
    `--port=${peer.port}`,
    `--user=${name}%${password}`,
    '--timeout=60',
    `--client-protection=${request.protection ?? 'sign'}`,
  ];
  if (request.dialect !== undefined) {
    // The limits of IPC connections are settings of their own: share lists go through IPC$.
    for (const connection of ['client', 'client ipc']) {
      options.push(`--option=${connection} min protocol=${request.dialect}`);
      options.push(`--option=${connection} max protocol=${request.dialect}`);
    }
  }
  const wanted =
    request.share === undefined ? ['--list', target] : [target, '-c', (request.commands ?? []).join('; ')];
  const [program = '', ...words] = [...(request.under ?? []), 'smbclient', ...options, ...wanted];
  const child = spawn(program, words, {
    cwd: request.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', request.onOutput ?? ((chunk: Buffer) => chunks.push(chunk)));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (exitCode) => done({ exitCode, output: Buffer.concat(chunks).toString('utf8') }));
  });
}

/** The same, and throws with what the client said unless all went well. */
export async function smbclientDone(peer: Address, request: SmbclientRequest): Promise<string> {
  const { exitCode, output } = await smbclient(peer, request);
  if (exitCode !== 0 || /NT_STATUS_(?!OK)/.test(output)) {
    throw new Error(
      `smbclient ended with ${exitCode}: ${(request.commands ?? ['list']).join('; ').slice(0, 400)}\n${output.slice(0, 4000)}`,
    );
  }
  return output;
}
