/**
 * OPLOCK_BREAK in its two faces, for oplocks and for leases. [MS-SMB2] 2.2.23, 2.2.24, 2.2.25
 */
import { type Codec, WireError } from '../codec.ts';
import { GuidCodec } from '../dtyp/guid.ts';
import { register } from '../registry.ts';
import { type Infer, reserved, type StructCodec, size, struct, u8, u16, u32 } from '../struct.ts';
import { FileId } from './file-id.ts';

const oplockBreak = {
  structureSize: size(24),
  oplockLevel: u8,
  reserved: reserved(1),
  reserved2: reserved(4),
  fileId: FileId,
};

/** SMB2 OPLOCK_BREAK Notification, its acknowledgment and the answer to that. [MS-SMB2] 2.2.23.1, 2.2.24.1, 2.2.25.1 */
export const OplockBreak = struct('OplockBreak', oplockBreak);
export type OplockBreak = Infer<typeof OplockBreak>;

/** Flags of a lease break notification. [MS-SMB2] 2.2.23.2 */
export const LeaseBreakFlags = Object.freeze({ ACK_REQUIRED: 0x0000_0001 });

/** SMB2 LEASE_BREAK Notification. [MS-SMB2] 2.2.23.2 */
export const LeaseBreakNotification = struct('LeaseBreakNotification', {
  structureSize: size(44),
  newEpoch: u16,
  flags: u32,
  leaseKey: GuidCodec,
  currentLeaseState: u32,
  newLeaseState: u32,
  breakReason: reserved(4),
  accessMaskHint: reserved(4),
  shareMaskHint: reserved(4),
});
export type LeaseBreakNotification = Infer<typeof LeaseBreakNotification>;

/** SMB2 LEASE_BREAK Acknowledgment and the answer to it. [MS-SMB2] 2.2.24.2, 2.2.25.2 */
export const LeaseBreakAcknowledgment = struct('LeaseBreakAcknowledgment', {
  structureSize: size(36),
  reserved: reserved(2),
  flags: reserved(4),
  leaseKey: GuidCodec,
  leaseState: u32,
  leaseDuration: reserved(8),
});
export type LeaseBreakAcknowledgment = Infer<typeof LeaseBreakAcknowledgment>;

/** A break of either kind; that of a lease has a `leaseKey`. */
export type OplockBreakRequest = OplockBreak | LeaseBreakAcknowledgment;
export type OplockBreakResponse = OplockBreakRequest;

/** The request of the OPLOCK_BREAK command: the acknowledgment of either kind. [MS-SMB2] 2.2.24 */
export const OplockBreakRequest = register(
  bySize('OplockBreakRequest', OplockBreak, LeaseBreakAcknowledgment),
  samples(),
);

/** The response of the OPLOCK_BREAK command, of either kind. [MS-SMB2] 2.2.25 */
export const OplockBreakResponse = register(
  bySize('OplockBreakResponse', OplockBreak, LeaseBreakAcknowledgment),
  samples(),
);

function samples(): readonly OplockBreakRequest[] {
  const leaseKey = '0123abcd-4567-89ef-0123-456789abcdef';
  return [
    { oplockLevel: 1, fileId: { persistent: 3, volatile: 4 } },
    { leaseKey, leaseState: 3 },
  ];
}

/** The two kinds differ in StructureSize. */
function bySize(
  name: string,
  oplock: StructCodec<OplockBreak>,
  lease: StructCodec<LeaseBreakAcknowledgment>,
): Codec<OplockBreakRequest> {
  return {
    name,
    decode(bytes, start = 0, end = bytes.length) {
      if (end - start < 2) throw new WireError(`${name}: truncated`);
      const codec = bytes.readUInt16LE(start) === lease.fixedBytes ? lease : oplock;
      return codec.decode(bytes, start, end);
    },
    encode: (value) => ('leaseKey' in value ? lease.encode(value) : oplock.encode(value)),
    sizeOf: (value) => ('leaseKey' in value ? lease.sizeOf(value) : oplock.sizeOf(value)),
    encodeInto(value, target, start) {
      return 'leaseKey' in value
        ? lease.encodeInto(value, target, start)
        : oplock.encodeInto(value, target, start);
    },
  };
}
