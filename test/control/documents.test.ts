import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { defaultLimits } from '../../src/base/limits.ts';
import { commandReference } from '../../src/cli/help.ts';
import { jsonSchema } from '../../src/control/json-schema.ts';
import { configurationReference, limitNotesOf } from '../../src/control/reference.ts';

const isUpdate = process.env['SMBKIT_TEST_UPDATE'] === '1';
const limitsSource = readFileSync(new URL('../../src/base/limits.ts', import.meta.url), 'utf8');

const documents: readonly (readonly [name: string, text: string])[] = [
  ['configuration.md', configurationReference(limitNotesOf(limitsSource))],
  ['smbkit.schema.json', `${JSON.stringify(jsonSchema, null, 2)}\n`],
  ['cli.md', commandReference()],
];

describe('a document that is written from the code', () => {
  for (const [name, text] of documents) {
    it(`docs/${name} is up to date (write it anew: SMBKIT_TEST_UPDATE=1 npm run test:unit)`, () => {
      const place = new URL(`../../docs/${name}`, import.meta.url);
      if (isUpdate) writeFileSync(place, text);
      assert.equal(readFileSync(place, 'utf8'), text);
    });
  }

  it('explains every limit', () => {
    const notes = limitNotesOf(limitsSource);
    assert.deepEqual([...notes.keys()], Object.keys(defaultLimits));
    for (const [name, note] of notes) assert.ok(note.length > 10, name);
  });
});
