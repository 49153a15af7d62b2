import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const program = join(import.meta.dirname, '../simulation/main.ts');
const run = (...words: string[]) => spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });

test('a program that is run by hand says what it can be told', () => {
  const { status, stdout } = run('--help');
  assert.equal(status, 0);
  assert.match(stdout, /^`npm run simulate:server -- --seeds N/);
  assert.doesNotMatch(stdout, /\*/);
});

test('an option that it does not know is named, before what it can be told', () => {
  const { status, stderr } = run('--sedes', '3');
  assert.equal(status, 2);
  assert.match(stderr, /^Unknown option '--sedes'.*\n\n`npm run simulate:server/);
});
