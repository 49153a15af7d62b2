import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { root } from './source.ts';

const page = readFileSync(resolve(root, 'docs/security.md'), 'utf8');
const references = [...page.matchAll(/`(test\/[^`]+\.test\.ts)` “([^”]+)”/g)];

test('docs/security.md names tests that exist', () => {
  for (const [, file = '', name = ''] of references) {
    const path = resolve(root, file);
    assert.ok(existsSync(path), file);
    assert.ok(readFileSync(path, 'utf8').includes(name), `${file}: ${name}`);
  }
});

test('docs/security.md names a test for every class', () => {
  const rows = page.split('\n').filter((line) => /^\| (?!class|---)/.test(line));
  assert.ok(rows.length > 30 && references.length > rows.length);
  for (const row of rows) assert.match(row, /`test\/[^`]+\.test\.ts` “/, row.slice(0, 60));
});
