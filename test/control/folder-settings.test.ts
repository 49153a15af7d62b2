import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfiguration } from '../../src/control/configuration.ts';
import { localOptionsOf } from '../../src/control/folder-settings.ts';
import { serve } from '../../src/index.ts';

const read = (share: string): ReturnType<typeof readConfiguration> =>
  readConfiguration({ file: { name: 'smbkit.yaml', text: `shares:\n  docs: { path: /tmp, ${share} }` } });

function optionsOf(share: string): ReturnType<typeof localOptionsOf> {
  const docs = read(share).configuration.shares['docs'];
  assert.ok(docs);
  return localOptionsOf(docs, (user) => `S-1-5-21-1-2-3-${user.length}`);
}

test('settings of a folder become options of its store', () => {
  const plain = { metadata: 'auto', inheritOwner: false, inheritMode: false, mapsReadOnly: true };
  assert.deepEqual(optionsOf('readOnly: false'), plain);
  const text =
    'metadata: side-store, owner: root, group: 100, fileMode: 0640, directoryMode: 751, mapReadOnly: false';
  assert.deepEqual(optionsOf(text), {
    ...plain,
    metadata: 'side-store',
    owner: 0,
    group: 100,
    fileMode: 0o640,
    directoryMode: 0o751,
    mapsReadOnly: false,
  });
});

test('users own the files of accounts of the system that the settings name', () => {
  const text = `users: [{ name: anna, password: Secret-1 }]
shares: { docs: { path: /tmp, owners: { anna: 1000 } } }`;
  const docs = readConfiguration({ file: { name: 'smbkit.yaml', text } }).configuration.shares['docs'];
  assert.ok(docs);
  const { ownerOf } = localOptionsOf(docs, (user) => `S-1-5-21-1-2-3-${user.length}`);
  assert.deepEqual([ownerOf?.(1000), ownerOf?.(1001)], ['S-1-5-21-1-2-3-4', undefined]);
  assert.throws(() => read('owners: { nobody: 1000 }'), /shares\.docs\.owners.*nobody/);
});

test('owners that the system does not have and modes that are none are refused', () => {
  assert.throws(() => optionsOf('owner: nobody-at-all'), /"nobody-at-all" is not in \/etc\/passwd/);
  assert.throws(() => optionsOf('group: nobody-at-all'), /"nobody-at-all" is not in \/etc\/group/);
  assert.throws(() => read('fileMode: 0o640'), /three octal digits/);
  assert.throws(() => read('fileMode: "abc"'), /three octal digits/);
  assert.throws(() => read('metadata: elsewhere'), /metadata/);
});

test('a folder whose settings cannot be met is not served, and the message says why', async () => {
  const path = mkdtempSync(join(tmpdir(), 'smbkit-settings-'));
  try {
    await assert.rejects(
      serve({ port: 0, shares: { docs: { path, owner: 'nobody-at-all' } } }),
      /docs.*give its number/,
    );
    assert.equal(statSync(path).isDirectory(), true);
  } finally {
    rmSync(path, { recursive: true });
  }
});
