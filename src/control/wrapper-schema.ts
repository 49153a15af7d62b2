/**
 * What can stand between a share and its storage, as settings.
 */
import { z } from 'zod';
import { operations } from '../backend/wrap.ts';
import { durationPattern } from './duration.ts';
import { sizePattern } from './size.ts';

const size = z.string().regex(sizePattern, 'must be like 64KiB, 100MiB, 1GiB or 2TiB');
const pattern = z.string().min(1).max(255);

const recycle = z.strictObject({
  folder: z
    .string()
    .regex(/^[^/\\]{1,80}$/, 'must be one name')
    .default('.recycle')
    .describe('Name of the bin, in the root of the share.'),
  days: z.int().min(1).max(36_500).optional().describe('Remove for good after so many days.'),
  maxSize: size.optional().describe('How much the bin may hold: `1GiB`. Beyond it the oldest go first.'),
  ignore: z.array(pattern).default([]).describe('Names not worth keeping: `*.tmp`, `~$*`.'),
});

const quota = z.strictObject({
  size: size.optional().describe('How much the share may hold: `100GiB`.'),
  files: z
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('How many files, directories and links.'),
  recount: z
    .string()
    .regex(durationPattern, 'must be like 90s, 30m, 8h or 7d')
    .optional()
    .describe(
      'Count all again when so much time has gone by and nothing is being written, for what other programs change in the folder: `1d`. Changes wait for the count. Without it only a restart counts anew.',
    ),
});

const snapshots = z.strictObject({
  directory: z
    .string()
    .min(1)
    .default('.snapshots')
    .describe('Directory of the share that holds a folder for each snapshot.'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe('Folder that holds them, where it is not in the share; `directory` is then not used.'),
  format: z
    .string()
    .regex(/^(?=.*%Y)(?=.*%m)(?=.*%d)/, 'must hold %Y, %m and %d')
    .default('@GMT-%Y.%m.%d-%H.%M.%S')
    .describe('Their names: `%Y %m %d %H %M %S` stand for the time of the snapshot, UTC.'),
  below: z.string().min(1).optional().describe('Where the files are in each: `snapshot`.'),
});

const audit = z.strictObject({
  operations: z
    .array(z.enum(Object.keys(operations)))
    .optional()
    .describe('What is logged. Without it: every change but the bytes of files, and what is opened.'),
});

const fault = z.strictObject({
  every: z.int().min(1).max(1_000_000_000).describe('Every so many operations one fails.'),
  code: z.enum(['EIO', 'ENOSPC', 'EDQUOT', 'EACCES']).default('EIO').describe('How it fails.'),
});

/** One wrapper; exactly one of the keys is there. */
export const wrapperSchema = z.strictObject({
  readOnly: z.literal(true).optional().describe('Refuse every change in the storage itself.'),
  recycle: recycle.optional().describe('Keep deleted files in a folder of the share.'),
  veto: z
    .array(pattern)
    .min(1)
    .optional()
    .describe('Names that are neither shown nor found nor made: `*.exe`, `.git`.'),
  quota: quota.optional().describe('Limit what the share may hold.'),
  snapshots: snapshots.optional().describe('Show the folders of a snapshot tool as previous versions.'),
  audit: audit.optional().describe('Log what is done to files. Who did it is not known here.'),
  latency: z
    .int()
    .min(0)
    .max(60_000)
    .optional()
    .describe('Begin every operation so many milliseconds late: for tests.'),
  fault: fault.optional().describe('Let operations fail: for tests.'),
});

export type ConfiguredWrapper = z.infer<typeof wrapperSchema>;
