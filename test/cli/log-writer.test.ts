import assert from 'node:assert/strict';
import { it } from 'node:test';
import { jsonText, type LogWriterOptions, logWriter } from '../../src/cli/log-writer.ts';

function written(
  options: Partial<LogWriterOptions>,
  act: (log: ReturnType<typeof logWriter>) => void,
): string {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  act(logWriter({ level: 'info', format: 'text', hasColor: false, timestamp: () => 'T', write, ...options }));
  return text;
}

it('a text line has time, level, event and fields', () => {
  const text = written({}, (log) =>
    log.write('warn', 'connection-refused', { address: '::1', count: 3, none: undefined }),
  );
  assert.equal(text, 'T WARN  connection-refused address=::1 count=3\n');
});

it('a value cannot forge another line or field', () => {
  const text = written({}, (log) => log.write('info', 'e', { name: 'x\nT ERROR "y" z=1', empty: '' }));
  assert.equal(text, 'T INFO  e name="x\\\\u000aT ERROR \\"y\\" z=1" empty=""\n');
});

it('lines below the level are not written', () => {
  const text = written({ level: 'error' }, (log) => {
    log.write('warn', 'a');
    log.write('error', 'b');
    assert.equal(log.enabled('warn'), false);
    assert.equal(log.enabled('error'), true);
  });
  assert.equal(text, 'T ERROR b\n');
});

it('a JSON line has the same, and integers of any size', () => {
  const text = written({ format: 'json' }, (log) => log.write('info', 'e', { id: 2n ** 60n }));
  assert.deepEqual(JSON.parse(text), { time: 'T', level: 'info', event: 'e', id: '1152921504606846976' });
  assert.equal(jsonText({ a: 1n }), '{"a":"1"}');
});

it('a long value is cut, as text and as JSON', () => {
  for (const format of ['text', 'json'] as const) {
    const text = written({ format }, (log) => log.write('info', 'e', { name: 'x'.repeat(60_000), count: 7 }));
    assert.ok(text.includes(`${'x'.repeat(2048)}…`), format);
    assert.ok(text.length < 2200 && text.includes('7'), `${text.length} characters`);
  }
});

it('colour is used where it is wanted', () => {
  assert.ok(written({ hasColor: true }, (log) => log.write('error', 'e')).includes('\u001b[31mERROR'));
});
