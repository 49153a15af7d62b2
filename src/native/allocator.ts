/**
 * The C library's memory allocator, of which node's buffers come.
 */
import { sharedFfi } from './ffi.ts';

/** mallopt(3): M_MMAP_THRESHOLD of glibc. */
const MMAP_THRESHOLD = -3;
/** Between the pieces of a runtime and the payloads of large reads and writes. */
const LARGE_BYTES = 256 * 1024;

/**
 * From now on large blocks are mappings of their own, which go back to the system when they are freed. Left alone, glibc takes the
 * first large block that is freed as a sign that more will come, cuts all later ones out of its heap, and keeps that as large as it
 * ever was. False where there is no such allocator, or no native calls.
 */
export function returnLargeBlocks(): boolean {
  const ffi = sharedFfi();
  if (typeof ffi === 'string') return false;
  const mallopt = ffi.bind<[number, number]>('mallopt', 'int', ['int', 'int']);
  return mallopt !== undefined && mallopt(MMAP_THRESHOLD, LARGE_BYTES) === 1;
}
