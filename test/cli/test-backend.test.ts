import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { start } from './fake-surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'smbkit-test-backend-'));
after(() => rmSync(folder, { recursive: true }));
const library = JSON.stringify(resolve(import.meta.dirname, '../../src/index.ts'));

async function judged(text: string, ...flags: string[]) {
  const file = join(folder, `backend-${Math.abs(hashOf(text))}.mjs`);
  writeFileSync(file, text);
  const run = start(['test-backend', file, ...flags]);
  return { code: await run.code, out: run.out(), err: run.err(), events: run.events() };
}

/** Modules are loaded once by their names. */
const hashOf = (text: string) => [...text].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) | 0, 7);

describe('smbkit test-backend', () => {
  it('shows every check of a store that passes, and ends well', async () => {
    const text = `import { virtualTree } from ${library};\nexport default () => virtualTree({ a: 'text', d: {} });`;
    const { code, out } = await judged(text);
    assert.equal(code, 0);
    assert.match(out, /^ok {3}stat\(path\) tells what has the name$/m);
    assert.match(out, /^- {4}streams: named streams$/m);
    assert.match(out, /^\d+ passed, 0 failed, \d+ not offered$/m);
  });

  it('says what is missing, and fails', async () => {
    const { code, out } = await judged(
      'export const createBackend = () => ({ stat() {}, list() {} });',
      '--failures',
    );
    assert.equal(code, 1);
    assert.match(out, /^FAIL volume\(\) tells size and free space\n {7}there is no method volume$/m);
    assert.doesNotMatch(out, /^ok/m);
  });

  it('shows findings as JSON lines', async () => {
    const { events } = await judged('export default () => ({});', '--json');
    assert.equal(events.filter(({ event }) => event === 'finding').length, 9);
    assert.deepEqual(events.at(-1), { event: 'judged', passed: 0, failed: 9, notOffered: 0 });
  });

  it('wants a file with a function that makes a backend', async () => {
    assert.match(
      (await judged('export const x = 1;')).err,
      /must export a function that makes a backend.*exports x/,
    );
    assert.match((await judged('syntax error')).err, /cannot be loaded/);
    const none = start(['test-backend']);
    assert.equal(await none.code, 2);
    assert.match(none.err(), /test-backend needs one file/);
  });
});
