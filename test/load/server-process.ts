/**
 * Starts the server under load and asks it for its measures.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  connectClient,
  streamTransport,
  type TestClient,
  type TestSession,
} from '../../src/testing/client.ts';

/** What the server's process is at one time, after a collection. */
export interface Measured {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly outsideBytes: number;
  readonly descriptors: number;
  /** Timers, sockets and whatever else keeps the loop going. */
  readonly resources: number;
  readonly cpuMs: number;
  /** Since the time before. */
  readonly loopDelayMs: { readonly p99: number; readonly max: number };
  readonly now: Readonly<Record<string, number>>;
}

export const account = { user: 'load', password: 'Secret.1' };

export class LoadedServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** With `limits` in place of those of a server for many clients on one address. */
  static async start(limits: Readonly<Record<string, number>> = {}): Promise<LoadedServer> {
    const child = fork(join(import.meta.dirname, 'server.ts'), [JSON.stringify(limits)], {
      execArgv: ['--expose-gc'],
    });
    const [message] = await once(child, 'message');
    assert.ok(typeof message === 'object' && message !== null && typeof message.port === 'number');
    return new LoadedServer(child, message.port);
  }

  async measure(): Promise<Measured> {
    const answered = once(this.#child, 'message');
    this.#child.send('measure');
    const [measured] = await answered;
    return measured;
  }

  /** Until the server's tables hold nothing of what was there. */
  async untilEmpty(): Promise<Measured> {
    for (;;) {
      const measured = await this.measure();
      if (measured.now['connections'] === 0 && measured.now['opens'] === 0) return measured;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  connect(): Promise<TestClient> {
    return connectClient(streamTransport(connect(this.port, '127.0.0.1')));
  }

  async logOn(): Promise<TestSession> {
    return (await this.connect()).logOn(account);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

/** Runs `work` for each number below `count`, `width` at once. */
export async function inParallel<T>(
  count: number,
  width: number,
  work: (index: number) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  return results;
}
