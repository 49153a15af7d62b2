import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileTimeOfUnixMs, UNIX_EPOCH } from '../../src/base/clock.ts';
import { NtStatus } from '../../src/base/status.ts';
import { beginWrite } from '../../src/vfs/read-write.ts';
import { parseSnapshotToken, snapshotToken } from '../../src/vfs/snapshot-token.ts';
import { statusOf } from '../../src/vfs/status-of-error.ts';
import { AccessMask, CreateDisposition, CreateOption } from '../../src/wire/flags.ts';
import { rejects, World } from './world.ts';

const january = fileTimeOfUnixMs(Date.UTC(2026, 0, 31, 13, 5, 59));
const february = fileTimeOfUnixMs(Date.UTC(2026, 1, 1));
const reading = { desiredAccess: AccessMask.FILE_READ_DATA, createDisposition: CreateDisposition.OPEN };

async function contentOf(world: World, path: string, request = {}): Promise<string> {
  const file = await world.open(path, { ...reading, ...request });
  const bytes = Buffer.alloc(100);
  const text = String(bytes.subarray(0, await file.handle.read(bytes, 0)));
  await file.close('close');
  return text;
}

/** `d/f` was `old` in January, `newer` in February, and is `now`. */
function withHistory(): World {
  const world = new World();
  const { backend } = world;
  backend.seed({ d: { f: 'old' } });
  backend.takeSnapshot(january);
  backend.seed({ d: { f: 'newer' } });
  backend.takeSnapshot(february);
  backend.seed({ d: { f: 'now' } });
  return world;
}

test('a token is a time of whole seconds, and nothing else is one', () => {
  assert.equal(snapshotToken(january), '@GMT-2026.01.31-13.05.59');
  for (const text of [
    '1601.01.01-00.00.00',
    '1900.02.28-23.59.59',
    '2000.02.29-12.00.00',
    '9999.12.31-23.59.59',
  ]) {
    const time = parseSnapshotToken(`@GMT-${text}`);
    assert.ok(time !== undefined);
    assert.equal(snapshotToken(time), `@GMT-${text}`);
    const [date = '', clock = ''] = text.split('-');
    const ms = Date.parse(`${date.replaceAll('.', '-')}T${clock.replaceAll('.', ':')}Z`);
    assert.equal(time, UNIX_EPOCH + BigInt(ms) * 10_000n);
  }
  const wrong = [
    '2026.02.29-00.00.00',
    '2026.13.01-00.00.00',
    '2026.01.01-24.00.00',
    '1600.12.31-00.00.00',
    'now',
  ];
  for (const text of wrong) assert.equal(parseSnapshotToken(`@GMT-${text}`), undefined);
});

test('a time opens the file as it was then', async () => {
  const world = withHistory();
  assert.equal(await contentOf(world, 'd\\f'), 'now');
  assert.equal(await contentOf(world, 'd\\f', { snapshotTime: january }), 'old');
  assert.equal(await contentOf(world, 'D\\F', { snapshotTime: february + 9_999_999n }), 'newer');
});

test('so does a token among the components of the path', async () => {
  const world = withHistory();
  assert.equal(await contentOf(world, '@GMT-2026.01.31-13.05.59\\d\\f'), 'old');
  assert.equal(await contentOf(world, 'd/@gmt-2026.02.01-00.00.00/f'), 'newer');
  const root = await world.open('@GMT-2026.01.31-13.05.59', reading);
  assert.ok(root.isDirectory);
});

test('another time is no snapshot', async () => {
  const world = withHistory();
  await rejects(
    world.open('d\\f', { ...reading, snapshotTime: january + 10_000_000n }),
    NtStatus.OBJECT_NAME_NOT_FOUND,
  );
  await rejects(world.open('@GMT-2026.03.01-00.00.00\\d\\f', reading), NtStatus.OBJECT_NAME_NOT_FOUND);
});

test('a snapshot may be opened for writing, and is not changed', async () => {
  const world = withHistory();
  const snapshotTime = january;
  const open = { createDisposition: CreateDisposition.OPEN, snapshotTime };
  const file = await world.open('d\\f', open);
  const isProtected = { status: NtStatus.MEDIA_WRITE_PROTECTED };
  assert.throws(() => beginWrite(file, 0n, 3), isProtected);
  assert.throws(() => file.demandAccess(AccessMask.DELETE), isProtected);
  const changes = [
    { createDisposition: CreateDisposition.OVERWRITE_IF },
    { createDisposition: CreateDisposition.SUPERSEDE },
    { createDisposition: CreateDisposition.OPEN, createOptions: CreateOption.DELETE_ON_CLOSE },
  ];
  for (const change of changes) {
    await rejects(world.open('d\\f', { ...change, snapshotTime }), NtStatus.MEDIA_WRITE_PROTECTED);
  }
  for (const createOptions of [0, CreateOption.DIRECTORY_FILE]) {
    const making = world.open('d\\new', { createOptions, snapshotTime });
    await assert.rejects(making, (error) => statusOf(error) === NtStatus.MEDIA_WRITE_PROTECTED);
  }
  await file.close('close');
  assert.equal(await contentOf(world, 'd\\f', { snapshotTime }), 'old');
});

test('opens of a snapshot and of the file share nothing', async () => {
  const world = withHistory();
  const alone = { shareAccess: 0 };
  const now = await world.open('d\\f', alone);
  const then = await world.open('d\\f', { ...reading, ...alone, snapshotTime: january });
  assert.notEqual(now.core.file, then.core.file);
  await world.volume.close();
  assert.ok(now.isClosed && then.isClosed);
});
