import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { citationsIn, coverage, coveragePath, uncited } from './citations.ts';
import { parsed, productSources, report, testSources } from './source.ts';

test('every structure and every command cites its section', () => {
  report(productSources.flatMap(uncited));
});

test('docs/protocol/coverage.md lists the citations of today', () => {
  const cited = coverage(
    productSources,
    testSources.filter(({ path }) => !path.startsWith('test/tidy/')),
  );
  const written = existsSync(coveragePath) ? readFileSync(coveragePath, 'utf8') : '';
  const stale = cited.split('\n').find((line) => !written.split('\n').includes(line));
  assert.ok(
    cited === written,
    `run: node test/tidy/citations.ts --write (first difference: ${stale ?? 'a line too many'})`,
  );
});

test('citations are read with their lists of sections and across lines', () => {
  assert.deepEqual(citationsIn('// [MS-SMB2] 3.3.5.9: x'), [['MS-SMB2', '3.3.5.9']]);
  assert.deepEqual(citationsIn('[MS-SMB2] 2.2.13.1, [MS-DTYP] 2.4.3'), [
    ['MS-SMB2', '2.2.13.1'],
    ['MS-DTYP', '2.4.3'],
  ]);
  assert.deepEqual(citationsIn('[MS-SMB2] 2.2.3 and 2.2.4'), [
    ['MS-SMB2', '2.2.3'],
    ['MS-SMB2', '2.2.4'],
  ]);
  assert.deepEqual(citationsIn(' * see [MS-FSA]\n * 2.1.5.1'), [['MS-FSA', '2.1.5.1']]);
  assert.deepEqual(citationsIn('[MS-SMB2] in general'), []);
});

test('the citation rule reports structures and commands without a section', () => {
  const count = (path: string, text: string): number => uncited(parsed(path, text)).length;
  assert.equal(count('src/wire/smb2/echo.ts', "export const Echo = struct('Echo', {});"), 1);
  assert.equal(
    count('src/wire/smb2/echo.ts', "/** ECHO. [MS-SMB2] 2.2.28 */\nexport const Echo = struct('Echo', {});"),
    0,
  );
  assert.equal(count('src/server/commands/echo.ts', '/** Answers. */\nexport const echo = 1;'), 1);
  assert.equal(count('src/server/commands/echo.ts', '/** [MS-SMB2] 3.3.5.17 */\nexport const echo = 1;'), 0);
  assert.equal(count('src/server/commands/index.ts', 'export const table = [];'), 0);
});

test('the page lists sections in their order with the files that cite them', () => {
  const page = coverage(
    [parsed('src/a.ts', '// [MS-SMB2] 2.10\n// [MS-SMB2] 2.9')],
    [parsed('test/a.test.ts', '// [MS-SMB2] 2.9')],
  );
  assert.ok(
    page.includes(
      '| 2.9 | [a](../../src/a.ts) | [a.test](../../test/a.test.ts) |\n| 2.10 | [a](../../src/a.ts) |  |',
    ),
  );
});
