import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSources, type Finding, parsed, productSources, report, type Source } from './source.ts';
import { askedWorld, emptyNames, leftovers, waiting, waysRoundTypes } from './words.ts';

test('names say something', () => {
  report(allSources.flatMap(emptyNames));
});

test('nothing is left over', () => {
  report(allSources.flatMap(leftovers));
});

test('types are narrowed, not talked round', () => {
  report(allSources.flatMap(waysRoundTypes));
});

test('base, wire, crypto and fs never wait', () => {
  report(productSources.flatMap(waiting));
});

test('time, chance, the process and the locale are handed in', () => {
  report(productSources.flatMap(askedWorld));
});

/** How often `rule` finds something in `text`, taken as the file `path`. */
function count(rule: (source: Source) => Finding[], text: string, path = 'src/session/open.ts'): number {
  return rule(parsed(path, text)).length;
}

test('the name rule reports empty nouns, getters and file names', () => {
  assert.equal(count(emptyNames, 'class LockManager {}'), 1);
  assert.equal(count(emptyNames, 'const pathUtils = {};'), 1);
  assert.equal(count(emptyNames, 'function getName() {}'), 1);
  assert.equal(count(emptyNames, 'const o = { getName: () => 1 };'), 1);
  assert.equal(count(emptyNames, 'const implied = 1; const getInfo = 2; const utility = 3;'), 0);
  assert.equal(count(emptyNames, '', 'src/fs/helpers.ts'), 1);
  assert.equal(count(emptyNames, '', 'src/fs/fileObject.ts'), 1);
});

test('the leftover rule reports open work and history', () => {
  assert.equal(count(leftovers, `// ${'TO'}DO later`), 1);
  assert.equal(count(leftovers, `// see issue${' '}12`), 1);
  assert.equal(count(leftovers, '// the mastodon; an issue of time'), 0);
});

test('the type rule reports any, ! and casts, and lets as const be', () => {
  assert.equal(count(waysRoundTypes, 'let a: any;'), 1);
  assert.equal(count(waysRoundTypes, 'const b = a!;'), 1);
  assert.equal(count(waysRoundTypes, 'const b = a as string;'), 1);
  assert.equal(count(waysRoundTypes, 'const b = [1] as const;'), 0);
  assert.equal(count(waysRoundTypes, 'const b = a as string;', 'src/base/bytes.ts'), 0);
});

test('the waiting rule reports async, await and promises in synchronous layers only', () => {
  assert.equal(count(waiting, 'async function f() {}', 'src/fs/core.ts'), 1);
  assert.equal(count(waiting, 'let p: Promise<void>;', 'src/fs/core.ts'), 1);
  assert.equal(count(waiting, 'async function f() {}', 'src/vfs/shell.ts'), 0);
});

test('the world rule reports clocks, chance, process, locale and console', () => {
  for (const text of [
    'const t = Date.now();',
    'const t = performance.now();',
    'setTimeout(f, 1);',
    'const r = Math.random();',
    "import { randomBytes } from 'node:crypto';",
    'const e = process.env;',
    'const n = name.toLocaleUpperCase();',
    "console.log('x');",
  ]) {
    assert.equal(count(askedWorld, text), 1, text);
  }
  assert.equal(count(askedWorld, 'const n = request.process; const o = { Date: 1 };'), 0);
  assert.equal(count(askedWorld, 'const t = Date.now();', 'src/backend/local.ts'), 0);
  assert.equal(count(askedWorld, "console.log('x');", 'src/cli/main.ts'), 0);
});
