/**
 * What a client may ask for when it opens.
 */
import type { CacheRequest, OpenIntent, Owner } from '../../../src/fs/types.ts';
import { AccessMask, LeaseState, ShareAccess } from '../../../src/wire/flags.ts';
import { guid, levelOfLetter, readWrite } from '../world.ts';
import { directoryKey } from './disk.ts';
import type { Random } from './random.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;
const shareAll = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;

/** All of an open but the file. */
export type Wishes = Omit<OpenIntent, 'file' | 'isNew' | 'place' | 'isDirectory'>;

const accessOf = {
  write: readWrite,
  read: AccessMask.FILE_READ_DATA,
  stat: AccessMask.FILE_READ_ATTRIBUTES,
  delete: AccessMask.DELETE | AccessMask.FILE_READ_DATA,
};

/** A file's open. `seed` is the file's key, which lease keys are made from; `id` is not used twice. */
export function fileWishes(random: Random, owner: Owner, from: { id: number; seed: string }): Wishes {
  const access = accessOf[random.weighted({ write: 4, read: 3, stat: 1, delete: 1 })];
  const isDeleting = (access & AccessMask.DELETE) !== 0 && random.oneIn(2);
  const durable = {
    version: 2 as const,
    persistentId: from.id,
    createGuid: guid(from.id),
    isPersistent: random.oneIn(4),
  };
  return {
    stream: '',
    replaces: access & AccessMask.FILE_WRITE_DATA && random.oneIn(6) ? 'overwrite' : 'nothing',
    grantedAccess: access,
    shareAccess: random.oneIn(4) ? random.below(8) : shareAll,
    createOptions: (isDeleting ? 0x1000 : 0) | (random.oneIn(15) ? 0x100 : 0),
    cache: cacheRequest(random, owner, from.seed),
    owner,
    ...(random.oneIn(2) ? { durable } : {}),
  };
}

function cacheRequest(random: Random, owner: Owner, seed: string): CacheRequest {
  switch (random.weighted({ lease: 6, oplock: 3, none: 1 })) {
    case 'none':
      return { kind: 'none' };
    case 'oplock':
      return { kind: 'oplock', level: levelOfLetter(random.pick(['s', 'x', 'b'])) };
    case 'lease': {
      const state = random.pick([R, R | H, R | W, R | W | H, R | W | H, 0, H]);
      const key = guid(Number.parseInt(seed.slice(2) || '0', 10) * 16 + random.below(2) + 1);
      const parent = random.oneIn(3) ? { parentKey: directoryLeaseOf(owner) } : {};
      const version = random.oneIn(2) ? 1 : 2;
      return { kind: 'lease', version, key, state, epoch: random.below(100), ...parent };
    }
  }
}

function directoryLeaseOf(owner: Owner): string {
  return guid(0xd000 + owner.session);
}

/** An open of the one directory. */
export function directoryIntent(random: Random, owner: Owner): OpenIntent {
  const key = directoryLeaseOf(owner);
  const state = random.pick([R, R | H, R | W | H]);
  const { FILE_LIST_DIRECTORY, DELETE, FILE_READ_ATTRIBUTES } = AccessMask;
  return {
    file: directoryKey,
    stream: '',
    place: { ancestors: [{ directory: 'v:', name: '' }], name: 'dir' },
    isDirectory: true,
    isNew: false,
    replaces: 'nothing',
    grantedAccess: random.pick([FILE_LIST_DIRECTORY, DELETE, FILE_READ_ATTRIBUTES]),
    shareAccess: random.oneIn(4) ? random.below(8) : shareAll,
    createOptions: 0,
    cache: random.oneIn(3) ? { kind: 'none' } : { kind: 'lease', version: 2, key, state, epoch: 0 },
    owner,
  };
}
