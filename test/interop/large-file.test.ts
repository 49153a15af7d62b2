/**
 * A file far larger than the memory the server may use. SMBKIT_LARGE_FILE_MIB makes it smaller for a quick look.
 */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isSamba, startServer } from './server.ts';
import { smbclientDone } from './smbclient.ts';

const sizeMib = Number(process.env['SMBKIT_LARGE_FILE_MIB'] ?? 4096);
const blockBytes = 1024 * 1024;
const rssMaxMib = 300;

const folder = mkdtempSync(join(tmpdir(), 'smbkit-large-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What block `index` starts with; the rest of it is zeros, so that making and comparing gigabytes is quick. */
function mark(index: number): Buffer {
  return Buffer.from(`block ${index} of ${sizeMib}`.padEnd(64, '.'));
}

function makeFile(path: string): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeMib * blockBytes);
  for (let index = 0; index < sizeMib; index++) writeSync(file, mark(index), 0, 64, index * blockBytes);
  closeSync(file);
}

/** Takes a stream in pieces of any size and holds it against the file made by {@link makeFile}. */
class Comparison {
  readonly #expected = Buffer.alloc(blockBytes);
  sizeBytes = 0;

  take(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      const within = this.sizeBytes % blockBytes;
      if (within === 0) mark(this.sizeBytes / blockBytes).copy(this.#expected);
      const length = Math.min(chunk.length - start, blockBytes - within);
      const isEqual = chunk.compare(this.#expected, within, within + length, start, start + length) === 0;
      assert.ok(isEqual, `bytes differ after ${this.sizeBytes}`);
      this.sizeBytes += length;
      start += length;
    }
  }
}

test(`a file of ${sizeMib} MiB is written and read back while the server stays under ${rssMaxMib} MiB`, async (t) => {
  makeFile(join(folder, 'large'));
  mkdirSync(join(folder, 'served'));
  const server = await startServer({ shares: { files: { path: join(folder, 'served') } } });
  try {
    const idleMib = server.rssPeakMib();
    await smbclientDone(server, { share: 'files', folder, commands: ['put large copy'] });
    const writtenMib = server.rssPeakMib();
    const comparison = new Comparison();
    await smbclientDone(server, {
      share: 'files',
      commands: ['get copy -'],
      onOutput: (chunk) => comparison.take(chunk),
    });
    const readMib = server.rssPeakMib();
    assert.equal(comparison.sizeBytes, sizeMib * blockBytes);
    const figures = [idleMib, writtenMib, readMib].map((mib) => mib.toFixed(0));
    t.diagnostic(
      `peak RSS in MiB: ${figures[0]} idle, ${figures[1]} after writing, ${figures[2]} after reading ${sizeMib} MiB`,
    );
    assert.ok(isSamba || readMib < rssMaxMib, `peak RSS ${readMib} MiB`);
  } finally {
    await server.stop();
  }
});
