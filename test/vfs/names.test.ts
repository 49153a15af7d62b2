import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits } from '../../src/base/limits.ts';
import { NtStatus, NtStatusError, statusName } from '../../src/base/status.ts';
import { parsePath, parseStream } from '../../src/vfs/name.ts';
import { shownName, storedName } from '../../src/vfs/name-mapping.ts';
import { generatedName, listedShortName } from '../../src/vfs/short-names.ts';

function statusOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    assert(error instanceof NtStatusError);
    return statusName(error.status);
  }
}

const parse = (path: string) => parsePath(path, defaultLimits);

test('a path is taken apart at backslashes and slashes', () => {
  assert.deepEqual(parse('a\\b/c').components, ['a', 'b', 'c']);
  assert.deepEqual(parse('').components, []);
  assert.equal(parse('a\\').endsInSeparator, true);
});

test('dots are resolved inside the share and never lead out of it', () => {
  assert.deepEqual(parse('a\\..\\b\\.\\c').components, ['b', 'c']);
  for (const path of ['..', 'a\\..\\..\\b', '..\\..\\etc', 'a\\b\\..\\..\\..']) {
    assert.equal(
      statusOf(() => parse(path)),
      statusName(NtStatus.OBJECT_PATH_SYNTAX_BAD),
      path,
    );
  }
});

test('names that no volume holds are refused', () => {
  const bad = [
    'a*',
    'a?b',
    'a<',
    'a|b',
    'a"b',
    'a\u0000',
    'a\u001f',
    'a\\\\b',
    'x'.repeat(256),
    'a:b\\c',
    'a:b:c:d',
  ];
  for (const path of [...bad, 'a:', '::', 'a::$TYPE', 'a:b:$INDEX_ALLOCATION', 'y\\'.repeat(20_000)]) {
    assert.equal(
      statusOf(() => parse(path)),
      statusName(NtStatus.OBJECT_NAME_INVALID),
      JSON.stringify(path.slice(0, 20)),
    );
  }
});

test('lone surrogates and both forms of an accent survive', () => {
  for (const name of ['\ud800', '\udfff', '\u00e9', 'e\u0301'])
    assert.deepEqual(parse(name).components, [name]);
});

test('streams are named by what follows the colon', () => {
  assert.deepEqual(parseStream('s'), { name: 's', type: '$DATA' });
  assert.deepEqual(parseStream('s:$data'), { name: 's', type: '$DATA' });
  assert.deepEqual(parseStream(':$DATA'), { name: '', type: '$DATA' });
  assert.deepEqual(parseStream('$I30:$INDEX_ALLOCATION'), { name: '', type: '$INDEX_ALLOCATION' });
});

test('names that Windows cannot hold are shown with private characters, and found again by them', () => {
  const names = ['a:b', 'what?', 'back\\slash', 'pipe|', 'quote"', 'tab\there', 'dot.', 'space ', '...', ' '];
  for (const name of names) {
    const shown = shownName(name);
    assert.notEqual(shown, name);
    assert.deepEqual(parse(shown).components, [shown]);
    assert.equal(storedName(shown), name);
  }
  assert.equal(shownName('plain.txt'), 'plain.txt');
});

test('private characters cannot spell a dotted name', () => {
  for (const name of ['\uf029', '\uf029\uf029', '.\uf029']) {
    assert.equal(
      statusOf(() => storedName(name)),
      statusName(NtStatus.OBJECT_NAME_INVALID),
    );
  }
});

test('a short name follows from the long one alone', () => {
  assert.equal(generatedName('A long file name.text'), generatedName('A long file name.text'));
  assert.match(generatedName('A long file name.text'), /^[A-Z0-9_]{1,6}~\d\.TEX$/);
  assert.equal(listedShortName('SHORT.TXT'), '');
});
