/**
 * LOCK. [MS-SMB2] 2.2.26, 2.2.27
 */
import { countOf, type Infer, list, reserved, size, struct, u16, u32, u64 } from '../struct.ts';
import { FileId } from './file-id.ts';

/** Flags of a lock element. [MS-SMB2] 2.2.26.1 */
export const LockFlags = Object.freeze({
  SHARED_LOCK: 0x0000_0001,
  EXCLUSIVE_LOCK: 0x0000_0002,
  UNLOCK: 0x0000_0004,
  FAIL_IMMEDIATELY: 0x0000_0010,
});

/** SMB2_LOCK_ELEMENT. [MS-SMB2] 2.2.26.1 */
export const LockElement = struct('LockElement', {
  offset: u64,
  length: u64,
  flags: u32,
  reserved: reserved(4),
});
export type LockElement = Infer<typeof LockElement>;

/** SMB2 LOCK Request. [MS-SMB2] 2.2.26 */
export const LockRequest = struct('LockRequest', {
  structureSize: size(48),
  lockCount: countOf(u16, 'locks'),
  /** LockSequenceNumber in the lower 4 bits, LockSequenceIndex in the upper 28; nothing in 2.0.2. */
  lockSequence: u32,
  fileId: FileId,
  locks: list(LockElement),
});
export type LockRequest = Infer<typeof LockRequest>;

/** SMB2 LOCK Response. [MS-SMB2] 2.2.27 */
export const LockResponse = struct('LockResponse', { structureSize: size(4), reserved: reserved(2) });
export type LockResponse = Infer<typeof LockResponse>;
