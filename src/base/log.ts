/**
 * Structured log events. The library itself is silent: whoever starts a server hands in a sink.
 */

export const LogLevel = Object.freeze({ debug: 10, info: 20, warn: 30, error: 40 });
export type LogLevel = keyof typeof LogLevel;

/** Values that may stand in a log line. Keys, hashes and passwords never do. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

export interface Log {
  /** True when lines of `level` reach the sink; guard costly fields with it. */
  enabled(level: LogLevel): boolean;
  write(level: LogLevel, event: string, fields?: LogFields): void;
}

/** Discards everything. */
export const silentLog: Log = { enabled: () => false, write: () => {} };

const unprintable = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** `text` with control characters escaped and its length bounded, so that one event stays one line. */
export function printable(text: string, charsMax = 256): string {
  const cut = text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
  return cut
    .toWellFormed()
    .replace(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
