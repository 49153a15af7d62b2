import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { audit } from '../../src/backend/audit.ts';
import type { Backend } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { quota } from '../../src/backend/quota.ts';
import { createFile, failsWith, withHandle } from '../../src/testing/backend-contract/case.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { withFolder } from './folder.ts';

const anna = 'S-1-5-21-1-2-3-4';
const bert = 'S-1-5-21-1-2-3-5';
const HOUR_MS = 3_600_000;

/** A descriptor that says who owns a file, and nothing else. [MS-DTYP] 2.4.6 */
function ownedBy(rid: number): Buffer {
  const descriptor = Buffer.alloc(20);
  descriptor.writeUInt8(1, 0);
  descriptor.writeUInt32LE(20, 4);
  const sid = Buffer.from('010500000000000515000000010000000200000003000000', 'hex');
  const last = Buffer.alloc(4);
  last.writeUInt32LE(rid);
  return Buffer.concat([descriptor, sid, last]);
}

const limitOf = (owner: string, limitBytes: bigint) => ({
  owner,
  usedBytes: 0n,
  thresholdBytes: -1n,
  limitBytes,
});

/** A folder with limits, as it is after each start. */
const opened = (root: string, state: string): Backend =>
  quota(localBackend(root, { metadata: 'side-store', stateDirectory: path.join(state, 'share') }), {
    stateDirectory: path.join(state, 'quota'),
  });

const limits = async (backend: Backend) =>
  (await backend.quota?.read())?.map(({ owner, limitBytes }) => [owner, limitBytes]);

test('limits of owners survive a restart and hold', () =>
  withFolder(async ({ root, state }) => {
    const first = opened(root, state);
    await first.quota?.write([limitOf(anna, 8n), limitOf(bert, 1000n)]);
    await first.quota?.remove(bert);
    await first.close();
    const second = opened(root, state);
    await createFile(second, 'a', '1234');
    await second.security?.write('a', ownedBy(4));
    await withHandle(second, 'a', { write: true }, async (handle) => {
      await failsWith('EDQUOT', () => handle.write(Buffer.alloc(9), 0));
      await handle.write(Buffer.alloc(8), 0);
    });
    assert.deepEqual(await second.quota?.read(), [{ ...limitOf(anna, 8n), usedBytes: 8n }]);
    await second.close();
    const third = opened(root, state);
    assert.deepEqual(await third.quota?.read(), [{ ...limitOf(anna, 8n), usedBytes: 8n }]);
    await third.close();
  }));

test('a limit is on the disk when it is answered, and a torn or damaged one leaves the one before', () =>
  withFolder(async ({ root, state }) => {
    const first = opened(root, state);
    await first.quota?.write([limitOf(anna, 8n)]);
    await first.quota?.write([limitOf(anna, 9n)]);
    const [segment = ''] = fs.readdirSync(path.join(state, 'quota')).filter((name) => name.endsWith('.log'));
    const file = path.join(state, 'quota', segment);
    const bytes = fs.readFileSync(file);
    assert.equal(bytes.toString().match(/"limitBytes":"[89]"/g)?.length, 2);
    await first.close();
    const states = [
      { bytes, limit: 9n },
      { bytes: bytes.subarray(0, -1), limit: 8n },
      { bytes: bytes.subarray(0, -30), limit: 8n },
      { bytes: Buffer.from(bytes.toString().replace('"9"', '"7"')), limit: 8n },
      { bytes: Buffer.concat([bytes, Buffer.from('0123abcd {"own')]), limit: 9n },
    ];
    for (const { bytes: left, limit } of states) {
      fs.rmSync(path.join(state, 'quota'), { recursive: true });
      fs.mkdirSync(path.join(state, 'quota'));
      fs.writeFileSync(file, left);
      const again = opened(root, state);
      assert.deepEqual(await limits(again), [[anna, limit]]);
      await again.close();
    }
  }));

test('one store at a time keeps limits in a directory', () =>
  withFolder(async ({ root, state }) => {
    const options = { stateDirectory: path.join(state, 'quota') };
    const first = quota(localBackend(root), options);
    const other = localBackend(root);
    await failsWith('EBUSY', () => quota(other, options));
    await first.close();
    await quota(other, options).close();
  }));

test('a store with limits of its own keeps them itself', () =>
  withFolder(async ({ state }) => {
    const memory = memoryBackend();
    const backend = quota(memory, { stateDirectory: path.join(state, 'quota') });
    await backend.quota?.write([limitOf(anna, 8n)]);
    assert.deepEqual(await memory.quota.read(), [limitOf(anna, 8n)]);
    assert.deepEqual(fs.readdirSync(state), []);
    await backend.close();
  }));

test('what others change is counted after a while, once nothing is being written', () =>
  withFolder(async ({ root, state }) => {
    const clock = new VirtualClock();
    const local = localBackend(root, { stateDirectory: state });
    const backend = quota(local, { sizeBytesMax: 100, recountMs: HOUR_MS, clock });
    const free = async () => (await backend.volume()).freeBytes;
    await createFile(backend, 'a', '1234567890');
    await local.security?.write('a', ownedBy(4));
    assert.equal(await free(), 90);
    fs.rmSync(path.join(root, 'a'));
    fs.writeFileSync(path.join(root, 'b'), '123');
    assert.equal(await free(), 90);
    await withHandle(backend, 'b', { write: true }, async (handle) => {
      await clock.advance(HOUR_MS);
      await handle.write(Buffer.alloc(5), 3);
      assert.equal(await free(), 85);
    });
    assert.deepEqual([await free(), await backend.quota?.read()], [92, []]);
    await backend.removeFile('b');
    assert.equal(await free(), 100);
    await backend.close();
  }));

test('changes that begin while all is counted again wait for it', () =>
  withFolder(async ({ root, state }) => {
    const clock = new VirtualClock();
    const backend = quota(localBackend(root, { stateDirectory: state }), {
      sizeBytesMax: 1000,
      fileCountMax: 60,
      recountMs: HOUR_MS,
      clock,
    });
    for (let number = 0; number < 40; number++) await createFile(backend, `old-${number}`, '12345');
    await clock.advance(HOUR_MS);
    await Promise.all([
      backend.volume(),
      ...Array.from({ length: 10 }, (_, number) => createFile(backend, `new-${number}`, '1234567890')),
      ...Array.from({ length: 10 }, (_, number) => backend.removeFile(`old-${number}`)),
    ]);
    assert.equal((await backend.volume()).freeBytes, 1000 - 30 * 5 - 10 * 10);
    await backend.close();
  }));

test('directories that others take away while all is counted count nothing', async () => {
  const { quota: _own, ...store } = audit(
    memoryBackend().seed({ gone: { a: '1' }, kept: { b: '22' } }),
    () => {},
  );
  const vanishing: Backend = {
    ...store,
    list: (at) => store.list(at === 'gone' ? 'not there' : at),
  };
  const backend = quota(vanishing, { sizeBytesMax: 10 });
  assert.equal((await backend.volume()).freeBytes, 8);
});
