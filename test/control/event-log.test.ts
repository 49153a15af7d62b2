import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Log, LogLevel, silentLog } from '../../src/base/log.ts';
import { eventLog } from '../../src/control/event-log.ts';
import { keyLogLine } from '../../src/control/key-log-line.ts';
import type { ServerEvent } from '../../src/index.ts';

describe('the events of a server', () => {
  it('are its log lines of level info and above, without stacks', () => {
    const events: ServerEvent[] = [];
    const log = eventLog(silentLog, (event) => events.push(event));
    log.write('debug', 'connected', { address: '::1' });
    log.write('info', 'session-established', { user: 'anna' });
    log.write('error', 'internal-error', { command: 'READ', stack: 'at …' });
    assert.deepEqual(events, [
      { event: 'session-established', user: 'anna' },
      { event: 'internal-error', command: 'READ' },
    ]);
    assert.equal(log.enabled('info'), true);
    assert.equal(log.enabled('debug'), false);
  });

  it('leave the log itself as it is', () => {
    const lines: string[] = [];
    const errors: Log = {
      enabled: (level) => LogLevel[level] >= LogLevel.error,
      write: (_level, event) => lines.push(event),
    };
    const log = eventLog(errors, () => {});
    log.write('info', 'a');
    log.write('error', 'b');
    assert.deepEqual(lines, ['b']);
    assert.equal(eventLog(errors, undefined), errors);
  });
});

it('a row of the key log has the session id as on the wire and the whole key', () => {
  const key = Buffer.from('541721770517e3302b37b68ed61135eb', 'hex');
  // Session 0x000b0c8b3d611064, as a capture shows it.
  assert.equal(
    keyLogLine(0x000b_0c8b_3d61_1064, key),
    '6410613d8b0c0b00,541721770517e3302b37b68ed61135eb,"",""',
  );
});
