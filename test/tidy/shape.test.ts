import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deepNesting, largeFunctions, longFile } from './shape.ts';
import { allSources, parsed, report } from './source.ts';

test('a file has at most 400 lines unless it is a table', () => {
  report(allSources.flatMap(longFile));
});

test('a function has at most 70 lines and 4 parameters', () => {
  report(allSources.flatMap(largeFunctions));
});

test('statements nest at most 3 deep', () => {
  report(allSources.flatMap(deepNesting));
});

test('the shape rules report what is too large', () => {
  const long = '\n'.repeat(401);
  assert.equal(longFile(parsed('src/fs/a.ts', long)).length, 1);
  assert.equal(longFile(parsed('src/fs/a.ts', '\n'.repeat(400))).length, 0);
  assert.equal(longFile(parsed('src/wire/a.ts', long)).length, 0);
  assert.equal(longFile(parsed('src/fs/a-table.ts', long)).length, 0);

  const large = (text: string): string[] => largeFunctions(parsed('src/fs/a.ts', text));
  assert.deepEqual(large(`function long() {${'\n'.repeat(70)}}`), [
    'src/fs/a.ts:1 long has 71 lines, more than 70',
  ]);
  assert.deepEqual(large(`function short() {${'\n'.repeat(69)}}`), []);
  assert.equal(large('const f = (a, b, c, d, e) => a;').length, 1);
  assert.equal(large('class C { m(this: C, a, b, c, d) {} }').length, 0);
  assert.equal(large(`describe('x', () => {${'\n'.repeat(90)}});`).length, 0);

  const deep = (text: string): number => deepNesting(parsed('src/fs/a.ts', text)).length;
  assert.equal(deep('for (;;) { if (a) { while (b) { c(); } } }'), 0);
  assert.equal(deep('for (;;) { if (a) { while (b) { try { c(); } finally {} } } }'), 1);
  assert.equal(deep('if (a) {} else if (b) {} else if (c) {} else if (d) {} else {}'), 0);
  assert.equal(deep('for (;;) { if (a) { while (b) { c(() => { if (d) e(); }); } } }'), 0);
});
