/**
 * Ranges of local files: holes, where data is, copies by the kernel.
 */
import fs from 'node:fs';
import type { Libc } from '../native/libc.ts';
import { O_TMPFILE } from '../native/names.ts';
import type { Holes, RangeCopies, RangeSearch } from '../native/range.ts';
import type { ByteRange, CopyRangeAbility, SparseAbility } from './contract.ts';
import { BackendError, codeOf } from './error.ts';
import { descriptorPath } from './local-calls.ts';
import { LocalFileHandle, type LocalHandle, localHandle } from './local-handle.ts';
import { checkedOffset } from './offset.ts';
import { DescriptorUse } from './shared-descriptor.ts';
import { promisedCall, type Task } from './task.ts';

/** Freeing more than this in one call takes its time. */
const LARGE_PUNCH_BYTES = 64 * 1024 * 1024;
/** Copying more than this takes its time. */
const QUICK_COPY_BYTES = 256 * 1024;
/** Copied by one call of the kernel. */
const KERNEL_COPY_BYTES = 256 * 1024 * 1024;
/** Copied at a time where that has to be done here. */
const STEP_BYTES = 1024 * 1024;
/** Ranges told of one file at a time; what follows then counts as one that holds data. */
const RANGES_MAX = 8192;
const PROBE_BYTES = 64 * 1024;

const zeros = Buffer.alloc(STEP_BYTES);

/** What copy_file_range says where the bytes have to be read and written instead. */
const CANNOT_COPY = new Set(['EXDEV', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'ETXTBSY']);
const CANNOT_PUNCH = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM']);

/** Holes, where the file system of the folder open as `root` has them. */
export function sparseAbility(libc: Libc | undefined, root: number): SparseAbility | undefined {
  const { holes, search } = libc ?? {};
  if (holes === undefined || search === undefined || !mayHaveHoles(holes, root)) return undefined;
  return {
    punch: (handle, range) => punched(localHandle(handle, 'punch'), checkedRange(range, 'punch'), holes),
    allocatedRanges: (handle, range) =>
      allocatedIn(localHandle(handle, 'ranges'), checkedRange(range, 'ranges'), search),
  };
}

/** Copies by the kernel where it can, otherwise in steps of a megabyte. */
export function copyAbility(libc: Libc | undefined): CopyRangeAbility {
  const copies = libc?.copies;
  return {
    copy: async (source, from, target, position) => {
      const [reader, writer] = [localHandle(source, 'copy'), localHandle(target, 'copy')];
      writer.checkWritable('copy');
      const move = { ...checkedRange(from, 'copy'), position: checkedOffset(position, 'copy') };
      const { sizeBytes } = await reader.stat();
      const length = Math.max(0, Math.min(move.length, sizeBytes - move.offset));
      if (copies === undefined) return copiedInSteps(reader, writer, { ...move, length });
      return copied({ reader, writer, copies }, { ...move, length });
    },
  };
}

/** Tried on a file without a name; where none can be made, each file is tried when it comes to it. */
function mayHaveHoles(holes: Holes, root: number): boolean {
  let fd: number;
  try {
    fd = fs.openSync(descriptorPath(root), O_TMPFILE | fs.constants.O_RDWR, 0o600);
  } catch {
    return true;
  }
  try {
    fs.writeSync(fd, zeros, 0, PROBE_BYTES, 0);
    holes.punchHole(fd, 0, PROBE_BYTES);
    return true;
  } catch {
    return false;
  } finally {
    fs.closeSync(fd);
  }
}

function checkedRange({ offset, length }: ByteRange, operation: string): ByteRange {
  return { offset: checkedOffset(offset, operation), length: checkedOffset(length, operation) };
}

async function punched(handle: LocalHandle, range: ByteRange, holes: Holes): Promise<void> {
  handle.checkWritable('punch');
  if (range.length === 0) return;
  if (!(handle instanceof LocalFileHandle)) return zeroed(handle, range);
  try {
    handle.file.descriptor.touched();
    await handle.changing(() => handle.use('punch', DescriptorUse.WRITE, (fd) => punching(fd, range, holes)));
  } catch (error) {
    if (!CANNOT_PUNCH.has(codeOf(error) ?? '')) throw error;
    await zeroed(handle, range);
  }
}

function punching(fd: number, { offset, length }: ByteRange, holes: Holes): Task<void> {
  const now = length > LARGE_PUNCH_BYTES ? undefined : () => holes.punchHole(fd, offset, length);
  return promisedCall(now, () => holes.later.punchHole(fd, offset, length));
}

/** Writes zeros over what the file has of the range. */
async function zeroed(handle: LocalHandle, { offset, length }: ByteRange): Promise<void> {
  const { sizeBytes } = await handle.stat();
  const end = Math.min(offset + length, sizeBytes);
  for (let at = offset; at < end; at += zeros.length) {
    await handle.write(zeros.subarray(0, Math.min(zeros.length, end - at)), at);
  }
}

async function allocatedIn(
  handle: LocalHandle,
  { offset, length }: ByteRange,
  search: RangeSearch,
): Promise<readonly ByteRange[]> {
  const { sizeBytes } = await handle.stat();
  const end = Math.min(offset + length, sizeBytes);
  if (offset >= end) return [];
  if (!(handle instanceof LocalFileHandle)) return [{ offset, length: end - offset }];
  return handle.use('ranges', DescriptorUse.READ, (fd) => {
    const look = (): ByteRange[] => dataIn(fd, { offset, end }, search);
    return promisedCall(look, async () => look());
  });
}

function dataIn(
  fd: number,
  { offset, end }: { readonly offset: number; readonly end: number },
  search: RangeSearch,
): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (let at: number | undefined = offset; ; ) {
    at = search.nextData(fd, at);
    if (at === undefined || at >= end) return ranges;
    const isLast = ranges.length === RANGES_MAX - 1;
    const hole = isLast ? end : Math.min(end, search.nextHole(fd, at) ?? end);
    ranges.push({ offset: at, length: hole - at });
    if (hole >= end) return ranges;
    at = hole;
  }
}

interface Copy extends ByteRange {
  readonly position: number;
}

interface CopyEnds {
  readonly reader: LocalHandle;
  readonly writer: LocalHandle;
  readonly copies: RangeCopies;
}

async function copied({ reader, writer, copies }: CopyEnds, copy: Copy): Promise<number> {
  const areFiles = reader instanceof LocalFileHandle && writer instanceof LocalFileHandle;
  if (!areFiles || overlaps(reader, writer, copy)) return copiedInSteps(reader, writer, copy);
  let done = 0;
  try {
    writer.file.descriptor.touched();
    function* steps(source: number, target: number): Task<void> {
      while (done < copy.length) {
        const count = yield* copying(copies, { source, target, copy: advanced(copy, done) });
        if (count === 0) return;
        done += count;
      }
    }
    await writer.changing(() =>
      reader.use('copy', DescriptorUse.READ, (source) =>
        writer.file.descriptor.held(DescriptorUse.WRITE, (target) => steps(source, target), true),
      ),
    );
    return done;
  } catch (error) {
    if (!CANNOT_COPY.has(codeOf(error) ?? '')) throw error;
    return done + (await copiedInSteps(reader, writer, advanced(copy, done)));
  }
}

function copying(
  copies: RangeCopies,
  { source, target, copy }: { source: number; target: number; copy: Copy },
): Task<number> {
  const length = Math.min(copy.length, KERNEL_COPY_BYTES);
  const range = { source, sourceOffset: copy.offset, target, targetOffset: copy.position, length };
  const now = length > QUICK_COPY_BYTES ? undefined : () => copies.copyRange(range);
  return promisedCall(now, () => copies.copyRangeLater(range));
}

function advanced({ offset, length, position }: Copy, by: number): Copy {
  return { offset: offset + by, length: length - by, position: position + by };
}

function overlaps(reader: LocalHandle, writer: LocalHandle, { offset, length, position }: Copy): boolean {
  if (reader.file !== writer.file) return false;
  return offset < position + length && position < offset + length;
}

/** From the end where the ranges overlap so that the source would be overwritten before it is read. */
async function copiedInSteps(reader: LocalHandle, writer: LocalHandle, copy: Copy): Promise<number> {
  const isBackward = overlaps(reader, writer, copy) && copy.position > copy.offset;
  const buffer = Buffer.allocUnsafe(Math.min(copy.length, STEP_BYTES));
  for (let done = 0; done < copy.length; done += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, copy.length - done));
    const at = isBackward ? copy.length - done - part.length : done;
    const count = await reader.read(part, copy.offset + at);
    if (count < part.length && isBackward) throw new BackendError('EIO', 'copy');
    if (count > 0) await writer.write(part.subarray(0, count), copy.position + at);
    if (count < part.length) return done + count;
  }
  return copy.length;
}
