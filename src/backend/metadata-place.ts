/**
 * Finds out where a local folder's metadata can be kept: in the files' extended attributes, and in which side store.
 */
import fs from 'node:fs';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Xattr } from '../native/xattr.ts';
import type { XattrAt } from '../native/xattr-at.ts';
import { BackendError } from './error.ts';
import { descriptorPath } from './local-calls.ts';
import { LocalMetadata, type LocalMetadataOptions } from './metadata-local.ts';
import { metadataLog } from './metadata-log.ts';
import { memoryMetadata } from './metadata-memory.ts';
import type { MetadataStore } from './metadata-store.ts';
import { isWithin } from './path.ts';
import { XattrTasks, xattrAbilityAt } from './xattr-tasks.ts';

/**
 * Where attributes, streams, EAs and descriptors of local files go. `xattr`: with the file, what it cannot carry to the side
 * store. `side-store`: all to the side store. `auto`: `xattr` where the folder's file system has user attributes.
 */
export type MetadataPlace = 'auto' | 'xattr' | 'side-store';

export interface MetadataOptions {
  readonly metadata?: MetadataPlace;
  /** Where the side store is, outside the folder, used by one store at a time. Without it, it lasts as long as the process. */
  readonly stateDirectory?: string;
  /** In place of `stateDirectory`: another side store. The store closes it. */
  readonly sideStore?: MetadataStore;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** The metadata of the folder open as `root`. ENOTSUP where `xattr` is asked for and cannot be. */
export function metadataOf(
  folder: string,
  root: number,
  options: MetadataOptions &
    Pick<LocalMetadataOptions, 'exactDevice'> & {
      readonly xattr: Xattr | undefined;
      readonly xattrAt?: XattrAt | undefined;
    },
): LocalMetadata {
  const { metadata = 'auto', xattr, xattrAt } = options;
  const none = { hasUser: false, hasSecurity: false };
  const ability =
    metadata === 'side-store' || xattr === undefined ? none : xattrAbilityAt(xattr, descriptorPath(root));
  if (metadata === 'xattr' && !ability.hasUser) {
    throw new BackendError('ENOTSUP', 'extended attributes', folder);
  }
  return new LocalMetadata({
    side: sideStoreFor(folder, options),
    xattrs: xattr !== undefined && ability.hasUser ? new XattrTasks(xattr, xattrAt) : undefined,
    isPrivileged: ability.hasSecurity,
    clock: options.clock ?? systemClock,
    exactDevice: options.exactDevice,
  });
}

function sideStoreFor(
  folder: string,
  { stateDirectory, sideStore, clock, log }: MetadataOptions,
): MetadataStore {
  if (sideStore !== undefined) return sideStore;
  if (stateDirectory === undefined) return memoryMetadata();
  fs.mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  if (isWithin(fs.realpathSync(stateDirectory), folder === '/' ? '' : folder)) {
    throw new BackendError('EINVAL', 'the state directory lies within the folder', stateDirectory);
  }
  return metadataLog(stateDirectory, { ...(clock && { clock }), ...(log && { log }) });
}
