import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

async function figures(script: string, ...args: string[]): Promise<Map<string, number>> {
  const file = path.join(import.meta.dirname, script);
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args]);
  return new Map(
    stdout.split('\n').flatMap((line) => {
      const [, what, value] = /^(.*?) {2,}([\d.-]+)/.exec(line) ?? [];
      return what === undefined ? [] : [[what, Number(value)] as const];
    }),
  );
}

test('names of a large directory are found in any case, those made behind the server as well', async () => {
  const told = await figures('directory.ts', '--count', '5000');
  assert.equal(told.get('entries'), 5000);
  assert.ok(told.has('making a file behind the server, opening it and another'));
});

test('three thousand handles work on a hundred descriptors, one of a file that was moved as well', async () => {
  const told = await figures('handles.ts', '--count', '3000', '--descriptors', '100');
  assert.equal(told.get('handles'), 3000);
  // Besides those of files, some are kept of directories.
  assert.ok((told.get('descriptors in use') ?? Number.NaN) < 100 + 20);
  assert.ok((told.get('descriptors in use when all are closed') ?? Number.NaN) < 20);
});
