/**
 * smbkit as its users start it, on a folder with a state directory, to be killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { connectClient, streamTransport, type TestTree } from '../../src/testing/client.ts';
import { ended, endWithThisProcess } from '../interop/peers/peer.ts';

const command = resolve(dirname(import.meta.filename), '../../src/cli/main.ts');
export const account = { user: 'tester', password: 'Secret-1' };
export const shareName = 'files';

export interface ServerProcessOptions {
  /** Holds the folders `files` and `state`, which are made where they are missing. */
  readonly root: string;
  /** Further settings of the share. */
  readonly share?: Readonly<Record<string, unknown>>;
  /** Words before the command: a tracer. */
  readonly under?: readonly string[];
}

/** A server that runs. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #errors: string[];

  private constructor(child: ChildProcess, port: number, errors: string[]) {
    this.#child = child;
    this.port = port;
    this.#errors = errors;
  }

  static async start({ root, share, under = [] }: ServerProcessOptions): Promise<ServerProcess> {
    for (const name of [shareName, 'state']) mkdirSync(join(root, name), { recursive: true });
    const configFile = join(root, 'smbkit.yaml');
    const settings = {
      server: { host: '127.0.0.1', port: 0, stateDir: join(root, 'state') },
      users: [{ name: account.user, password: account.password }],
      shares: { [shareName]: { path: join(root, shareName), ...share } },
      log: { level: 'warn' },
    };
    // JSON is YAML.
    writeFileSync(configFile, JSON.stringify(settings), { mode: 0o600 });
    const words = [...under, process.execPath, command, 'serve', '--json', '--config', configFile];
    const [program = '', ...rest] = words;
    const names = Object.entries(process.env).filter(([name]) => !name.startsWith('SMBKIT_'));
    const env = { ...Object.fromEntries(names), NODE_COMPILE_CACHE: join(root, '..', 'compiled') };
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
    endWithThisProcess(child, false);
    const errors: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => errors.push(chunk));
    for await (const line of createInterface({ input: child.stdout })) {
      const event: unknown = JSON.parse(line);
      const port = portIn(event);
      if (port !== undefined) return new ServerProcess(child, port, errors);
    }
    throw new Error(`the server did not start:\n${errors.join('')}`);
  }

  /** What it wrote to standard error. */
  get errors(): string {
    return this.#errors.join('');
  }

  async connectTree(): Promise<TestTree> {
    return connectTree(this.port);
  }

  /** Ends it as a crash would: without a chance to do anything. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }

  /** Asks it to end. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await ended(this.#child);
  }
}

/** Connects to a server on this machine and logs on; as the client of `clientGuid`, if that matters. */
export async function connectTree(port: number, clientGuid?: string): Promise<TestTree> {
  const offer = clientGuid === undefined ? {} : { clientGuid };
  const client = await connectClient(streamTransport(connect(port, '127.0.0.1')), offer);
  return (await client.logOn(account)).connectTree(shareName);
}

function portIn(event: unknown): number | undefined {
  if (typeof event !== 'object' || event === null || !('event' in event)) return undefined;
  return event.event === 'listening' && 'port' in event ? Number(event.port) : undefined;
}
