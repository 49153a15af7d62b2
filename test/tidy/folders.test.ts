import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { test } from 'node:test';
import { productSources, report, root } from './source.ts';

test('every folder under src has a README.md', () => {
  const folders = new Set(productSources.map(({ path }) => dirname(path)));
  folders.delete('src');
  report(
    [...folders]
      .filter((folder) => !existsSync(resolve(root, folder, 'README.md')))
      .map((folder) => `${folder}:1 has no README.md`),
  );
});
