/**
 * Looks at the packets of a test with tshark.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ended, endWithThisProcess } from './peers/peer.ts';

const startLimitMs = 30_000;

/** Why packets cannot be captured on this machine; false when they can. */
export function captureProblem(): string | false {
  const { stdout, error } = spawnSync('tshark', ['-D'], { encoding: 'utf8' });
  if (error !== undefined) return `tshark cannot be run: ${error.message}`;
  return /\blo\b/.test(stdout) ? false : 'tshark may not capture on the loopback interface; run as root';
}

/** Everything that goes over one port of this machine while it runs. */
export class Capture implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'smbkit-capture-'));
  readonly #file = join(this.#folder, 'packets.pcapng');
  readonly #port: number;
  readonly #child: ChildProcess;
  #isRunning = true;

  private constructor(port: number) {
    this.#port = port;
    const filter = ['-f', `tcp port ${port}`, '-w', this.#file];
    this.#child = spawn('tshark', ['-Q', '-i', 'lo', ...filter], { stdio: 'ignore' });
    endWithThisProcess(this.#child, false);
  }

  static async start(port: number): Promise<Capture> {
    const capture = new Capture(port);
    // The file has its first block when packets are taken.
    for (const until = performance.now() + startLimitMs; performance.now() < until; await delay(50)) {
      if (capture.#sizeBytes() > 0) return capture;
    }
    capture[Symbol.dispose]();
    throw new Error('tshark does not start');
  }

  /** Packets that were sent before are in the file when this resolves. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    // The kernel hands packets over in blocks, a moment after they were seen.
    await delay(1000);
    this.#child.kill('SIGINT');
    await ended(this.#child);
  }

  /**
   * One row of `fields` for each SMB2 message that `filter` lets through, opened and verified with the keys of `keyLog`, a file that
   * `--debug-key-log` wrote.
   */
  rows(
    fields: readonly string[],
    options: { readonly filter?: string; readonly keyLog?: string } = {},
  ): string[][] {
    const { filter = 'smb2', keyLog } = options;
    const keys = keyLog === undefined ? [] : readFileSync(keyLog, 'utf8').trim().split('\n');
    const text = execFileSync(
      'tshark',
      [
        ...['-r', this.#file, '-d', `tcp.port==${this.#port},nbss`, '-o', 'smb2.verify_signatures:TRUE'],
        ...keys.flatMap((row) => ['-o', `uat:smb2_seskey_list:${row}`]),
        ...['-Y', filter, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])],
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return text === ''
      ? []
      : text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => line.split('\t'));
  }

  [Symbol.dispose](): void {
    if (this.#isRunning) this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #sizeBytes(): number {
    try {
      return readFileSync(this.#file).length;
    } catch {
      return 0;
    }
  }
}
