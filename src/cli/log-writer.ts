/**
 * Log lines on standard error, as text or JSON.
 */
import { type Log, type LogFields, LogLevel, printable } from '../base/log.ts';

export interface LogWriterOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly hasColor: boolean;
  readonly write: (text: string) => void;
  readonly timestamp: () => string;
}

const colors: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

/** A sink that writes lines of at least `level`. */
export function logWriter(options: LogWriterOptions): Log {
  const least = LogLevel[options.level];
  return {
    enabled: (level) => LogLevel[level] >= least,
    write(level, event, fields = {}) {
      if (LogLevel[level] < least) return;
      options.write(
        `${options.format === 'json' ? jsonLine(options, level, event, fields) : textLine(options, level, event, fields)}\n`,
      );
    },
  };
}

function textLine(options: LogWriterOptions, level: LogLevel, event: string, fields: LogFields): string {
  const name = level.toUpperCase().padEnd(5);
  const shown = options.hasColor ? `\u001b[${colors[level]}m${name}\u001b[0m` : name;
  const parts = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${textOf(value)}`],
  );
  return [options.timestamp(), shown, printable(event), ...parts].join(' ');
}

/** UTF-16 units of one value; what clients send may be much longer. */
const VALUE_CHARS = 2048;

function textOf(value: string | number | bigint | boolean): string {
  const text = printable(String(value), VALUE_CHARS);
  return /[\s="]/.test(text) || text === '' ? JSON.stringify(text) : text;
}

function jsonLine(options: LogWriterOptions, level: LogLevel, event: string, fields: LogFields): string {
  const cut = Object.entries(fields).map(([key, value]) => [
    key,
    typeof value === 'string' ? cutOff(value) : value,
  ]);
  return jsonText({ time: options.timestamp(), level, event, ...Object.fromEntries(cut) });
}

function cutOff(value: string): string {
  return value.length <= VALUE_CHARS ? value : `${value.slice(0, VALUE_CHARS)}…`;
}

/** One line of JSON; integers too large for a number become text. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? inner.toString() : inner));
  // JSON leaves these as they are; whatever reads lines may take them for the end of one.
  return text.replace(
    /[\u007f\u0085\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
