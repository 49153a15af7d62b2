/**
 * The file of persistent opens in the state folder.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type RecordForm, RecordLog } from '../backend/record-log.ts';
import { lockState } from '../backend/state-lock.ts';
import type { Log } from '../base/log.ts';
import type { OpenRecord } from '../fs/snapshot.ts';
import type { OpenStore } from '../vfs/open-store.ts';
import type { Configuration } from './schema.ts';
import { StateFolderError } from './state-folder.ts';
import { codeOf, reasonOf } from './system-error.ts';

const place = z.object({
  ancestors: z.array(z.object({ directory: z.string(), name: z.string() })),
  name: z.string(),
});

const openRecord = z.object({
  file: z.string(),
  stream: z.string(),
  place,
  isDirectory: z.boolean(),
  grantedAccess: z.int(),
  desiredAccess: z.int(),
  shareAccess: z.int(),
  createOptions: z.int(),
  owner: z.object({ clientGuid: z.string(), session: z.int(), user: z.string(), share: z.string() }),
  deleteOnClose: z.boolean(),
  isDeletePending: z.boolean(),
  durable: z.object({
    version: z.literal([1, 2]),
    persistentId: z.int(),
    timeoutMs: z.int(),
    isPersistent: z.boolean(),
    isResilient: z.boolean(),
  }),
  createGuid: z.string().nullable(),
  parentKey: z.string().nullable(),
  createdAt: z.string().nullable(),
  appInstance: z.string().nullable(),
  appVersion: z.string().nullable(),
  cache: z
    .object({
      lease: z.object({ clientGuid: z.string(), key: z.string() }).nullable(),
      version: z.literal([1, 2]),
      state: z.int(),
      epoch: z.int(),
    })
    .nullable(),
  locks: z.array(z.object({ offset: z.string(), length: z.string(), isExclusive: z.boolean() })),
  lockSequences: z.array(z.int()).nullable(),
});

const line = z.object({ id: z.int(), open: openRecord.optional() });

const form: RecordForm<number, OpenRecord> = {
  plain: (id, open) => ({ id, open }),
  parse(plain) {
    const { id, open } = line.parse(plain);
    return [id, open];
  },
};

/** The store of a server with a share that is continuously available; throws StateFolderError when it cannot be had. */
export function openStoreOf({ server, shares }: Configuration, log: Log): OpenStore | undefined {
  const isWanted = Object.values(shares).some((share) => share.continuousAvailability);
  if (!isWanted || server.stateDir === undefined) return undefined;
  const directory = join(server.stateDir, 'opens');
  try {
    return openLog(directory, log);
  } catch (error) {
    const isBusy = codeOf(error) === 'EBUSY';
    const reason = isBusy ? 'another server uses it' : reasonOf(error);
    throw new StateFolderError(`the state folder ${directory} cannot be used: ${reason}`);
  }
}

/** Opens (or makes) the file in `directory`, which belongs to it alone. */
function openLog(directory: string, log: Log): OpenStore {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = lockState(directory);
  try {
    const kept = new RecordLog({ directory, name: 'opens', form, log });
    return {
      records: [...kept.living.values()],
      write: ({ persistentId, record }) => kept.append(persistentId, record),
      sync: () => kept.sync(),
      close: () => kept.close().finally(unlock),
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
