import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstLayers, layerTable, projectLayers, throughWalls } from './layers.ts';
import { parsed, productSources, report } from './source.ts';

const table = layerTable(
  '| layer | may import |\n| --- | --- |\n| base | |\n| wire | base |\n| fs | base wire/flags |\n\n',
);

test('a layer imports only what the table of ARCHITECTURE.md allows', () => {
  const layers = projectLayers();
  report(productSources.flatMap((source) => againstLayers(source, layers)));
});

test('packages, sockets, files and processes stay behind the adapters', () => {
  report(productSources.flatMap(throughWalls));
});

test('the layer rule reports upward imports, parts that are not allowed and unknown layers', () => {
  const findings = (path: string, text: string): string[] => againstLayers(parsed(path, text), table);
  assert.deepEqual(
    findings('src/wire/a.ts', "import { b } from '../base/b.ts';\nimport { c } from './c.ts';"),
    [],
  );
  assert.deepEqual(findings('src/base/a.ts', "\nexport { w } from '../wire/w.ts';"), [
    "src/base/a.ts:2 base may not import '../wire/w.ts' (wire)",
  ]);
  assert.deepEqual(findings('src/fs/a.ts', "import { f } from '../wire/flags.ts';"), []);
  assert.equal(findings('src/fs/a.ts', "import type { f } from '../wire/frame.ts';").length, 1);
  assert.equal(findings('src/fs/a.ts', "const f = await import('../wire/frame.ts');").length, 1);
  assert.equal(findings('src/fs/a.ts', "import { t } from '../../test/t.ts';").length, 1);
  assert.equal(findings('src/vfs/a.ts', '').length, 1);
});

test('the wall rule reports packages in pure layers and the world outside the adapters', () => {
  const findings = (path: string, text: string): string[] => throughWalls(parsed(path, text));
  assert.deepEqual(findings('src/backend/local.ts', "import { open } from 'node:fs/promises';"), []);
  assert.deepEqual(findings('src/crypto/kdf.ts', "import { createHmac } from 'node:crypto';"), []);
  assert.deepEqual(findings('src/server/tcp.ts', "import { createServer } from 'node:net';"), []);
  assert.equal(findings('src/server/server.ts', "import { createServer } from 'node:net';").length, 1);
  assert.equal(findings('src/wire/frame.ts', "import { z } from 'zod';").length, 1);
});
