/**
 * What the server logs, as events for programs.
 */
import { type Log, LogLevel } from '../base/log.ts';
import type { ServerEvent } from './serve-options.ts';

/** A log that also tells `onEvent` of every line of level info and above; stacks stay in the log. */
export function eventLog(log: Log, onEvent: ((event: ServerEvent) => void) | undefined): Log {
  if (onEvent === undefined) return log;
  const isEvent = (level: LogLevel) => LogLevel[level] >= LogLevel.info;
  return {
    enabled: (level) => isEvent(level) || log.enabled(level),
    write(level, event, fields = {}) {
      if (log.enabled(level)) log.write(level, event, fields);
      if (!isEvent(level)) return;
      const { stack: _stack, ...rest } = fields;
      onEvent({ ...rest, event });
    },
  };
}
