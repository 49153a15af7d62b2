import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shareNameProblem } from '../../src/control/share-name.ts';
import { didYouMean, editDistance, nearest } from '../../src/control/suggestion.ts';

describe('a share name', () => {
  for (const name of ['files', 'a', 'C$', 'two words', 'Ünï—🎉', 'a.b-c_d(1)', 'x'.repeat(80)]) {
    it(`may be ${JSON.stringify(name).slice(0, 30)}`, () => assert.equal(shareNameProblem(name), undefined));
  }

  for (const char of '\\/[]:|<>+=;,*?"\n\u0000') {
    it(`must not hold ${JSON.stringify(char)}`, () => assert.ok(shareNameProblem(`a${char}b`)));
  }

  for (const name of ['', ' ', ' a', 'a ', 'x'.repeat(81), 'IPC$', 'ipc$', 'pipe', 'MailSlot']) {
    it(`must not be ${JSON.stringify(name).slice(0, 30)}`, () => assert.ok(shareNameProblem(name)));
  }
});

describe('a suggestion', () => {
  it('counts insertions, deletions, replacements and swaps', () => {
    assert.equal(editDistance('port', 'port'), 0);
    assert.equal(editDistance('prot', 'port'), 1);
    assert.equal(editDistance('pot', 'port'), 1);
    assert.equal(editDistance('sport', 'port'), 1);
    assert.equal(editDistance('', 'port'), 4);
    assert.equal(editDistance('kitten', 'sitting'), 3);
  });

  it('is the nearest name, without regard to case and separators', () => {
    assert.equal(nearest('read_only', ['path', 'readOnly']), 'readOnly');
    assert.equal(nearest('PROT', ['host', 'port']), 'port');
  });

  it('is nothing where no name is near', () => {
    assert.equal(nearest('colour', ['host', 'port']), undefined);
    assert.equal(didYouMean('colour', ['host', 'port']), '');
  });
});
