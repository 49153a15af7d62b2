import assert from 'node:assert/strict';
import test from 'node:test';
import { isSameName, isShortName, isValidName, shortNameOf, splitStream, upper } from '../../src/fs/names.ts';
import { compilePattern } from '../../src/fs/wildcards.ts';

test('names are folded unit by unit, never into longer or plainer text', () => {
  assert.equal(upper('straße.ı.ſ.µ'), 'STRAßE.ı.ſ.µ');
  assert.equal(upper('äöü ÿ ａ'), 'ÄÖÜ Ÿ Ａ');
  assert.equal(upper('\ud800a'), '\ud800A');
  assert.ok(isSameName('Ångström', 'åNGSTRÖM'));
  assert.ok(!isSameName('a', 'ａ'));
});

test('names that Windows refuses are refused', () => {
  for (const name of [
    '',
    '.',
    '..',
    'a\\b',
    'a/b',
    'a:b',
    'a*',
    'a?',
    '"',
    '<',
    '>',
    '|',
    'a\u0001',
    'x'.repeat(256),
  ]) {
    assert.ok(!isValidName(name), JSON.stringify(name));
  }
  for (const name of ['a', '...', 'a b.', ' ', '\ud800', 'x'.repeat(255)]) assert.ok(isValidName(name), name);
});

test('a component is taken apart into name, stream and type', () => {
  assert.deepEqual(splitStream('f'), { name: 'f', stream: '', isIndex: false, isData: false });
  assert.deepEqual(splitStream('f:s'), { name: 'f', stream: 's', isIndex: false, isData: true });
  assert.deepEqual(splitStream('f:s:$data'), { name: 'f', stream: 's', isIndex: false, isData: true });
  assert.deepEqual(splitStream('f::$DATA'), { name: 'f', stream: '', isIndex: false, isData: true });
  assert.deepEqual(splitStream('d:$I30:$INDEX_ALLOCATION'), {
    name: 'd',
    stream: '',
    isIndex: true,
    isData: false,
  });
  for (const bad of ['f:', 'f:s:', 'f:s:$FOO', 'f:a/b', 'f:s:$DATA:x', 'f::'])
    assert.equal(splitStream(bad), undefined, bad);
});

const patterns: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['*', ['', 'a', 'a.b'], []],
  ['a*b*c', ['abc', 'aXbYc', 'abcbc'], ['ab', 'abcd']],
  ['?', ['a', '.'], ['', 'ab']],
  ['a?c', ['abc', 'A.C'], ['ac']],
  ['*.*', ['a.b', '.b', 'a.'], ['a']],
  ['<.txt', ['a.txt', 'a.b.TXT', '.txt'], ['txt', 'a.txt.b']],
  ['<', ['a', ''], []],

  ['>>>.txt', ['abc.txt', 'a.txt', '.txt'], ['abcd.txt', 'a.b.txt']],
  ['a>>', ['a', 'ab', 'abc'], ['abcd', 'a.b']],
  ['a"b', ['a.b'], ['ab', 'a']],
  ['a"', ['a', 'a.'], ['a.b']],
  ['<"*', ['a', 'a.b', 'a.b.c'], []],
];

test('wildcards match as the object store matches them', () => {
  for (const [pattern, yes, no] of patterns) {
    const matches = compilePattern(pattern);
    for (const name of yes) assert.ok(matches(name), `${pattern} should match ${name}`);
    for (const name of no) assert.ok(!matches(name), `${pattern} should not match ${name}`);
  }
});

test('a hostile pattern costs no more than pattern times name', () => {
  const matches = compilePattern('*a'.repeat(120));
  assert.ok(!matches(`${'a'.repeat(250)}b`));
});

test('short names are made from long ones', () => {
  assert.ok(isShortName('README.TXT') && isShortName('A'));
  assert.ok(
    !isShortName('readme.txt') &&
      !isShortName('LONGNAME1.TXT') &&
      !isShortName('A.B.C') &&
      !isShortName('A B'),
  );
  assert.equal(shortNameOf('Long name here.text', 1), 'LONGNA~1.TEX');
  assert.equal(shortNameOf('a+b.c', 2), 'A_B~2.C');
  assert.match(shortNameOf('Long name here.text', 5), /^LO[0-9A-F]{4}~1\.TEX$/);
  for (const name of ['', '.', '.A', 'A.', 'A..B', '12345678A', 'A.1234', '\u00C4', 'A+B'])
    assert.ok(!isShortName(name), name);
  for (const name of ['12345678.123', 'A-1', "!#$%&'()", '@^_`{}~-.X']) assert.ok(isShortName(name), name);
  assert.equal(shortNameOf('..hidden', 1), 'HIDDEN~1');
  assert.equal(shortNameOf('..a. .b', 1), 'A~1.B');
  assert.equal(shortNameOf('a. x y z w', 1), 'A~1.XYZ');
  assert.equal(shortNameOf('\u00e4.\u00e4', 12), '_CACE~8._');
});
