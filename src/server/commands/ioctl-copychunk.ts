/**
 * Server-side copy: resume keys and chunks. [MS-SMB2] 3.3.5.15.5, 3.3.5.15.6
 */
import { present } from '../../base/assert.ts';
import { randomBytesOf } from '../../base/entropy.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import type { Open } from '../../session/open.ts';
import { beginCopy, type CopySpan, copySpan } from '../../vfs/copy.ts';
import { OpenFile } from '../../vfs/open-file.ts';
import { statusOf } from '../../vfs/status-of-error.ts';
import { AccessMask } from '../../wire/flags.ts';
import {
  type SrvCopychunk,
  SrvCopychunkCopy,
  SrvCopychunkResponse,
  SrvRequestResumeKeyResponse,
} from '../../wire/smb2/ioctl-payload.ts';
import type { OpenContext } from '../command.ts';
import { openFileOf } from './open-target.ts';

/** What Windows allows, and clients count on. [MS-SMB2] 3.3.3 */
const chunkCountMax = 256;
const chunkBytesMax = 1024 * 1024;
const totalBytesMax = 16 * 1024 * 1024;

const keyBytes = 24;
/** Resume keys that were given out, by open. */
const keys = new WeakMap<Open, Buffer>();

/** FSCTL_SRV_REQUEST_RESUME_KEY. */
export function requestResumeKey({ open, entropy }: OpenContext, bytesMax: number): Buffer {
  openFileOf(open, NtStatus.INVALID_DEVICE_REQUEST);
  const key = keys.get(open) ?? randomBytesOf(entropy, keyBytes);
  keys.set(open, key);
  const output = Buffer.alloc(32);
  SrvRequestResumeKeyResponse.encodeInto({ resumeKey: key, context: Buffer.alloc(0) }, output, 0);
  demand(bytesMax >= output.length, NtStatus.INVALID_PARAMETER, 'room for the key');
  return output;
}

/** The open of this session that the key was given out for; OBJECT_NAME_NOT_FOUND for any other key. */
function sourceOf({ session }: OpenContext, key: Buffer): OpenFile {
  for (const open of session.opens) {
    if (keys.get(open)?.equals(key) && open.target instanceof OpenFile) return open.target;
  }
  throw new NtStatusError(NtStatus.OBJECT_NAME_NOT_FOUND, 'resume key');
}

interface Outcome {
  readonly status: NtStatus;
  readonly output: Buffer;
}

/** FSCTL_SRV_COPYCHUNK and, where the target need not be readable, FSCTL_SRV_COPYCHUNK_WRITE. */
export async function copyChunks(
  context: OpenContext,
  { input, bytesMax, readsTarget }: { input: Buffer; bytesMax: number; readsTarget: boolean },
): Promise<Outcome> {
  const { sourceKey, chunks } = SrvCopychunkCopy.decode(input);
  demand(bytesMax >= present(SrvCopychunkResponse.fixedBytes, 'size'), NtStatus.INVALID_PARAMETER);
  const target = openFileOf(context.open, NtStatus.INVALID_DEVICE_REQUEST);
  const source = sourceOf(context, sourceKey);
  demand(!source.isDirectory && !target.isDirectory, NtStatus.INVALID_DEVICE_REQUEST);
  target.demandAccess(AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA);
  // As for READ, who may execute the source may read it; the target is checked below the protocol, which is strict.
  source.demandAccess(AccessMask.FILE_READ_DATA | AccessMask.FILE_EXECUTE);
  if (readsTarget) target.demandAccess(AccessMask.FILE_READ_DATA);
  if (!areWithinLimits(chunks)) return limits();
  return copyAll(context, { source, target, chunks });
}

function areWithinLimits(chunks: readonly SrvCopychunk[]): boolean {
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  const isEach = chunks.every(({ length }) => length > 0 && length <= chunkBytesMax);
  return isEach && chunks.length <= chunkCountMax && total <= totalBytesMax;
}

/** [MS-SMB2] 3.3.5.15.6.2: the refusal says what would be accepted. */
function limits(): Outcome {
  const output = SrvCopychunkResponse.encode({
    chunksWritten: chunkCountMax,
    chunkBytesWritten: chunkBytesMax,
    totalBytesWritten: totalBytesMax,
  });
  return { status: NtStatus.INVALID_PARAMETER, output };
}

/** Chunk by chunk; what was copied before a failure is told with it. */
async function copyAll(
  context: OpenContext,
  { source, target, chunks }: { source: OpenFile; target: OpenFile; chunks: readonly SrvCopychunk[] },
): Promise<Outcome> {
  let chunksWritten = 0;
  let totalBytesWritten = 0;
  let status: NtStatus = NtStatus.SUCCESS;
  try {
    for (const { sourceOffset, targetOffset, length } of chunks) {
      await copyOne(context, { source, target, sourceOffset, targetOffset, length });
      chunksWritten++;
      totalBytesWritten += length;
    }
  } catch (error) {
    const known = statusOf(error);
    if (known === undefined || known === NtStatus.CANCELLED) throw error;
    status = known;
  }
  return {
    status,
    output: SrvCopychunkResponse.encode({ chunksWritten, chunkBytesWritten: 0, totalBytesWritten }),
  };
}

async function copyOne(context: OpenContext, span: CopySpan): Promise<void> {
  for (;;) {
    const waiter = beginCopy(span);
    if (waiter === undefined) break;
    await context.wait(waiter);
  }
  await copySpan(span);
}
