import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KnownFacts } from '../../src/vfs/known-facts.ts';

const second = 1_000_000_000n;

describe('what is known of files', () => {
  function facts() {
    let now = 100n * second;
    let reads = 0;
    const known = new KnownFacts(() => now);
    const read = (fileId: bigint, version: bigint | undefined) =>
      known.attributes(
        { path: 'x', stat: { fileId, ...(version === undefined ? {} : { version }) } },
        {
          read: () => {
            reads++;
            return new Map([[`${fileId}`, Buffer.alloc(1)]]);
          },
        },
      );
    return {
      known,
      read,
      reads: () => reads,
      advance: () => {
        now += 10n * second;
      },
    };
  }

  it('is read once for each version of a file', () => {
    const { read, reads } = facts();
    read(1n, 90n * second);
    read(1n, 90n * second);
    read(2n, 90n * second);
    assert.equal(reads(), 2);
    read(1n, 91n * second);
    read(1n, 91n * second);
    assert.equal(reads(), 3);
  });

  it('is not trusted while the version is so young that it may stand for two states', () => {
    const { read, reads, advance } = facts();
    for (const version of [99n * second, 100n * second, 101n * second]) {
      read(1n, version);
      read(1n, version);
    }
    assert.equal(reads(), 6);
    advance();
    read(1n, 101n * second);
    read(1n, 101n * second);
    assert.equal(reads(), 7);
  });

  it('is read once for a version of this very moment where the store tells every change', () => {
    const { known } = facts();
    let reads = 0;
    const stat = { fileId: 1n, version: 100n * second, isVersionExact: true };
    const read = () => {
      reads++;
      return new Map<string, Buffer>();
    };
    known.attributes({ path: 'x', stat }, { read });
    known.attributes({ path: 'x', stat }, { read });
    assert.equal(reads, 1);
  });

  it('is read every time from a store that tells no versions', () => {
    const { read, reads } = facts();
    read(1n, undefined);
    read(1n, undefined);
    assert.equal(reads(), 2);
  });

  it('is forgotten when this server changes something, also when that fails', async () => {
    const { known, read, reads } = facts();
    read(1n, second);
    await known.changed(undefined);
    read(1n, second);
    assert.equal(reads(), 2);
    await assert.rejects(known.changed(Promise.reject(new Error('full'))), /full/);
    read(1n, second);
    assert.equal(reads(), 3);
  });

  it('remembers a bounded number of files, the newest of them', () => {
    const { read, reads } = facts();
    for (let id = 1n; id <= 40_000n; id++) read(id, second);
    read(40_000n, second);
    assert.equal(reads(), 40_000);
    read(1n, second);
    assert.equal(reads(), 40_001);
  });
});
