import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed, report, testSources } from './source.ts';
import { leftOut, repeatedNames, staleReasons, unexplainedSkips } from './tests.ts';

const testFiles = testSources.filter(({ path }) => path.endsWith('.test.ts'));

test('no two tests of a file have one name', () => {
  report(testFiles.flatMap(repeatedNames));
});

test('no test is left out without a reason', () => {
  report([
    ...testFiles.flatMap((source) => unexplainedSkips(source, leftOut)),
    ...staleReasons(testFiles, leftOut),
  ]);
});

test('the test rules report repeated names, skips and stale reasons', () => {
  const file = (text: string) => parsed('test/a.test.ts', text);
  assert.equal(repeatedNames(file("test('a', f); test('a', f);")).length, 1);
  assert.equal(repeatedNames(file("describe('x', () => { test('a', f); }); test('a', f);")).length, 0);
  const skips = (text: string, reasons = new Map<string, string>()): number =>
    unexplainedSkips(file(text), reasons).length;
  assert.equal(skips("test.skip('a', f);"), 1);
  assert.equal(skips("test('a', { skip: true }, f);"), 1);
  assert.equal(skips("test('a', (t) => { t.skip(); });"), 1);
  assert.equal(skips("test.skip('a', f);", new Map([['test/a.test.ts: a', 'why']])), 0);
  assert.equal(skips("test.only('a', f);", new Map([['test/a.test.ts: a', 'why']])), 1);
  assert.equal(staleReasons([file('')], new Map([['test/a.test.ts: a', 'why']])).length, 1);
});
