import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendError } from '../../src/backend/error.ts';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { NameQueue } from '../../src/vfs/name-queue.ts';
import { NameTunnel } from '../../src/vfs/name-tunnel.ts';
import { generatedName } from '../../src/vfs/short-names.ts';
import { statusOf } from '../../src/vfs/status-of-error.ts';
import { Waiter } from '../../src/vfs/waiter.ts';
import { WireError } from '../../src/wire/codec.ts';

test('work on one name happens in order, on different names side by side', async () => {
  const queue = new NameQueue();
  const log: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const first = queue.run(['a'], async () => {
    await gate;
    log.push('first');
  });
  const second = queue.run(['a', 'b'], () => void log.push('second'));
  await queue.run(['c'], () => void log.push('other'));
  open();
  await Promise.all([first, second]);
  assert.deepEqual(log, ['other', 'first', 'second']);
  assert.equal(queue.size, 0);
});

test('a name is free again after work on it failed', async () => {
  const queue = new NameQueue();
  await assert.rejects(async () =>
    queue.run(['a'], () => {
      throw new Error('no');
    }),
  );
  assert.equal(await queue.run(['a'], () => 7), 7);
});

test('two renames that cross do not wait for each other forever', async () => {
  const queue = new NameQueue();
  const results = await Promise.all([queue.run(['a', 'b'], () => 1), queue.run(['b', 'a'], () => 2)]);
  assert.deepEqual(results, [1, 2]);
});

test('a waiter wakes once, and not at all when it was abandoned', () => {
  let woken = 0;
  let given = 0;
  const late = new Waiter(1, () => given++);
  late.end({ kind: 'retry' });
  late.onWake(() => woken++);
  late.abandon();
  const gone = new Waiter(2, () => given++);
  gone.onWake(() => woken++);
  gone.abandon();
  gone.abandon();
  gone.end({ kind: 'retry' });
  assert.deepEqual([woken, given], [1, 1]);
});

test('a long name is remembered by its short one for fifteen seconds', () => {
  const tunnel = new NameTunnel();
  const long = 'A long name.document';
  tunnel.removed('d', long, 1000);
  assert.equal(tunnel.longNameOf('d', generatedName(long).toLowerCase(), 16_000), long);
  assert.equal(tunnel.longNameOf('e', generatedName(long), 2000), undefined);
  assert.equal(tunnel.longNameOf('d', generatedName(long), 16_001), undefined);
});

const translations: readonly (readonly [unknown, NtStatus | undefined])[] = [
  [new BackendError('ENOENT', 'stat'), NtStatus.OBJECT_NAME_NOT_FOUND],
  [new BackendError('ENOSPC', 'write'), NtStatus.DISK_FULL],
  [new BackendError('EROFS', 'write'), NtStatus.MEDIA_WRITE_PROTECTED],
  [new BackendError('EWHATEVER', 'write'), undefined],
  [new NtStatusError(NtStatus.SHARING_VIOLATION), NtStatus.SHARING_VIOLATION],
  [new WireError('short'), NtStatus.INVALID_PARAMETER],
  [new TypeError('a bug'), undefined],
  ['no error at all', undefined],
];

for (const [error, expected] of translations) {
  test(`${String(error)} becomes ${expected?.toString(16) ?? 'an internal error'}`, () => {
    assert.equal(statusOf(error), expected);
  });
}
