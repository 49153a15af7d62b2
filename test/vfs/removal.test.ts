/**
 * Opens and removals of one file, which meet in a store that takes its time, and who hears of a removal.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryBackend } from '../../src/backend/memory.ts';
import { type Operation, wrapBackend } from '../../src/backend/wrap.ts';
import { NtStatus } from '../../src/base/status.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { setDisposition } from '../../src/vfs/disposition.ts';
import { CreateOption, CreateDisposition as Disposition, LeaseState } from '../../src/wire/flags.ts';
import { DispositionFlag } from '../../src/wire/fscc/file.ts';
import { rejects, World } from './world.ts';

/** A world whose store does nothing of the operations in `held` before it is told to. */
function slowWorld() {
  const held = new Map<Operation, PromiseWithResolvers<void>>();
  const backend = wrapBackend(memoryBackend({ clock: new VirtualClock() }), {
    name: 'slow',
    gate: ({ operation }, proceed) => {
      const hold = held.get(operation);
      return hold === undefined ? proceed() : hold.promise.then(proceed);
    },
  });
  const hold = (operation: Operation): (() => void) => {
    const hold = Promise.withResolvers<void>();
    held.set(operation, hold);
    return () => {
      held.delete(operation);
      hold.resolve();
    };
  };
  return { world: new World({ backend }), hold };
}

const createOptions = CreateOption.DELETE_ON_CLOSE;

test('a file whose last open closes while another CREATE looks at it is not opened', async () => {
  const { world, hold } = slowWorld();
  const first = await world.open('f', { createOptions });
  const look = hold('readSecurity');
  const second = world.opened('f', { createDisposition: Disposition.OPEN });
  const remove = hold('removeFile');
  const closing = first.close('close');
  look();
  await rejects(second, NtStatus.DELETE_PENDING);
  remove();
  await closing;
  assert.equal(world.driver.core.openCount, 0);
});

test('a stream that is deleted on close may have gone with its file', async () => {
  const { world } = slowWorld();
  await world.touch('f');
  const stream = await world.open('f:s', { createOptions });
  await world.volume.backend.removeFile('f');
  await stream.close('close');
  assert.equal(world.driver.core.openCount, 0);
});

test('who closes a file last that somebody else deleted hears that its name is gone', async () => {
  const { READ_CACHING, HANDLE_CACHING } = LeaseState;
  const lease = { kind: 'lease', version: 2, state: READ_CACHING | HANDLE_CACHING, epoch: 1 } as const;
  const mustExist = { createDisposition: Disposition.OPEN };
  const within = { ...lease, state: LeaseState.NONE, key: 'f', parentKey: 'd' };
  for (const isOwn of [true, false]) {
    const world = new World();
    world.backend.seed({ d: { f: '' } });
    const directory = await world.open('d', { ...mustExist, cache: { ...lease, key: 'd' } });
    const held = await world.open('d\\f', { ...mustExist, cache: within });
    const deleting = isOwn ? held : await world.open('d\\f', mustExist);
    assert.equal(await setDisposition(deleting, DispositionFlag.DELETE), undefined);
    if (!isOwn) await deleting.close('close');
    assert.equal(world.leaseBreaks.length, 0);
    await held.close('close');
    assert.throws(() => world.backend.stat('d/f'));
    assert.equal(world.leaseBreaks.length, isOwn ? 0 : 1);
    await directory.close('close');
  }
});
