/**
 * What a server has done since it began, in numbers. Counting is all that happens per request; sums are made when somebody asks.
 */
import { statusName } from '../base/status.ts';

/** Bounds of the latency histogram: bucket n counts what took less than 2^n microseconds, the last one everything else. */
const bucketCount = 32;
/** Command codes are below it. [MS-SMB2] 2.2.1 */
const commandCount = 32;
/** Different statuses counted for one command; more are counted together. */
const statusCountMax = 64;

/** Times in milliseconds, each the upper bound of its bucket: at most twice what it was. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Answers of one command. */
export interface CommandStatistics {
  readonly count: number;
  /** How many had which status; SUCCESS among them. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly latencyMs: Latencies;
}

class CommandCounter {
  count = 0;
  readonly statuses = new Map<number, number>();
  readonly buckets = new Uint32Array(bucketCount);
  maxMs = 0;
}

export class Statistics {
  bytesReceived = 0;
  bytesSent = 0;
  connectionsAccepted = 0;
  connectionsRefused = 0;
  sessionsBegun = 0;
  opensMade = 0;
  readonly #commands: (CommandCounter | undefined)[] = new Array(commandCount);

  /** Of one final answer. */
  answered(command: number, status: number, durationMs: number): void {
    const at = command & (commandCount - 1);
    let counter = this.#commands[at];
    if (counter === undefined) {
      counter = new CommandCounter();
      this.#commands[at] = counter;
    }
    counter.count++;
    const { statuses, buckets } = counter;
    const before = statuses.get(status);
    if (before !== undefined || statuses.size < statusCountMax) statuses.set(status, (before ?? 0) + 1);
    const bucket = Math.min(bucketCount - 1, 32 - Math.clz32(durationMs * 1000));
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    if (durationMs > counter.maxMs) counter.maxMs = durationMs;
  }

  /** By the name that `nameOf` gives to a command's code. */
  commands(nameOf: (code: number) => string): Readonly<Record<string, CommandStatistics>> {
    const found: Record<string, CommandStatistics> = {};
    for (const [code, counter] of this.#commands.entries()) {
      if (counter === undefined) continue;
      const statuses = Object.fromEntries(
        Array.from(counter.statuses, ([status, count]) => [statusName(status), count]),
      );
      found[nameOf(code)] = { count: counter.count, statuses, latencyMs: latenciesOf(counter) };
    }
    return found;
  }
}

function latenciesOf({ count, buckets, maxMs }: CommandCounter): Latencies {
  const at = (part: number): number => {
    let left = Math.ceil(count * part);
    for (const [bucket, inBucket] of buckets.entries()) {
      left -= inBucket;
      if (left <= 0) return Math.min(maxMs, 2 ** bucket / 1000);
    }
    return maxMs;
  };
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: maxMs };
}
