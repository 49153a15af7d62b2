/**
 * Limits of owners in a state directory. A limit counts on return of `keep`, survives the end of the process from then on
 * and a power cut after `sync`; a torn or damaged record is dropped and the one before it counts (see record-log.ts).
 */
import fs from 'node:fs';
import { z } from 'zod';
import type { Log } from '../base/log.ts';
import { parseSid, type Sid } from '../wire/dtyp/sid.ts';
import type { QuotaEntry } from './contract.ts';
import { type RecordForm, RecordLog } from './record-log.ts';
import { lockState } from './state-lock.ts';

/** What an owner may use; see {@link QuotaEntry}. */
export type OwnerLimits = Pick<QuotaEntry, 'thresholdBytes' | 'limitBytes'>;

export interface QuotaLog {
  /** What is kept. */
  readonly limits: Iterable<[Sid, OwnerLimits]>;
  /** Without `limits` the owner is forgotten. */
  keep(owner: Sid, limits: OwnerLimits | undefined): void;
  /** Returns when all that was kept is on stable storage. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const big = z.string().transform((text) => BigInt(text));

const record = z.object({
  owner: z.string().transform(parseSid),
  /** Absent together when the owner is forgotten. */
  limits: z.object({ thresholdBytes: big, limitBytes: big }).optional(),
});

const form: RecordForm<Sid, OwnerLimits> = {
  plain: (owner, limits) => ({
    owner,
    limits: limits && {
      thresholdBytes: String(limits.thresholdBytes),
      limitBytes: String(limits.limitBytes),
    },
  }),
  parse(plain) {
    const { owner, limits } = record.parse(plain);
    return [owner, limits];
  },
};

/** Opens (or makes) the limits in `directory`, which belongs to them alone; EBUSY while another has it open. */
export function quotaLog(directory: string, log: Log | undefined): QuotaLog {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = lockState(directory);
  try {
    const kept = new RecordLog({ directory, name: 'quotas', form, log });
    return {
      limits: kept.living,
      keep: (owner, limits) => kept.append(owner, limits),
      sync: () => kept.sync(),
      close: () => kept.close().finally(unlock),
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
