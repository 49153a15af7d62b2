import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { tellsEveryChange } from '../../src/backend/change-times.ts';

function opened<T>(folder: string, use: (fd: number) => T): T {
  const fd = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

test('a disk that is said to tell every change does so', () => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'smbkit-times-'));
  try {
    if (!opened(folder, tellsEveryChange)) return;
    const file = path.join(folder, 'file');
    fs.writeFileSync(file, '');
    const seen = new Set<bigint>();
    for (let count = 0; count < 1000; count++) {
      fs.chmodSync(file, 0o600 + (count % 2));
      seen.add(fs.statSync(file, { bigint: true }).ctimeNs);
    }
    assert.equal(seen.size, 1000);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('nothing is said of a folder in which nothing can be made', () => {
  assert.equal(opened('/proc', tellsEveryChange), false);
});
