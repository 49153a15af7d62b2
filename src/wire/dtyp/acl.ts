/**
 * Access control lists. [MS-DTYP] 2.4.5
 */

import { register } from '../registry.ts';
import type { SelfSizedCodec } from '../schema.ts';
import { type Ace, AceCodec, aceSizeAt, allow, deny } from './ace.ts';
import { check } from './bounds.ts';
import { WellKnownSid } from './sid.ts';

export interface Acl {
  /** 2; 4 when the list may hold object entries. Samba and some clients send 3. */
  readonly revision: number;
  readonly aces: readonly Ace[];
}

/** AclRevision. [MS-DTYP] 2.4.5.1 */
export const AclRevision = Object.freeze({ NT4: 2, DS: 4 });

const headerBytes = 8;
const revisionMin = 2;
const revisionMax = 4;

/** A list of ordinary entries. */
export function aclOf(...aces: readonly Ace[]): Acl {
  return { revision: AclRevision.NT4, aces };
}

/** ACL. Bytes between the last entry and AclSize are ignored and not kept. [MS-DTYP] 2.4.5 */
export const AclCodec: SelfSizedCodec<Acl> = {
  name: 'ACL',
  minimumBytes: headerBytes,
  endOf: (bytes, start, end) => start + aclSizeAt(bytes, start, end),

  decode(bytes, start = 0, end = bytes.length) {
    const aclEnd = start + aclSizeAt(bytes, start, end);
    const revision = bytes.readUInt8(start);
    check(revision >= revisionMin && revision <= revisionMax, 'ACL: revision is not 2 to 4');
    const count = bytes.readUInt16LE(start + 4);
    const aces: Ace[] = [];
    let at = start + headerBytes;
    for (let index = 0; index < count; index++) {
      const next = at + aceSizeAt(bytes, at, aclEnd);
      aces.push(AceCodec.decode(bytes, at, next));
      at = next;
    }
    return { revision, aces };
  },

  encode(value) {
    const target = Buffer.alloc(this.sizeOf(value));
    this.encodeInto(value, target, 0);
    return target;
  },

  sizeOf: (value) => value.aces.reduce((sum, ace) => sum + AceCodec.sizeOf(ace), headerBytes),

  encodeInto(value, target, start) {
    let at = start + headerBytes;
    for (const ace of value.aces) at = AceCodec.encodeInto(ace, target, at);
    check(at - start <= 0xffff, 'ACL: larger than 65535 bytes');
    target.writeUInt8(value.revision, start);
    target.writeUInt8(0, start + 1);
    target.writeUInt16LE(at - start, start + 2);
    target.writeUInt16LE(value.aces.length, start + 4);
    target.writeUInt16LE(0, start + 6);
    return at;
  },
};

/** AclSize of the list that begins at `start`, checked against `end`. */
function aclSizeAt(bytes: Buffer, start: number, end: number): number {
  check(end - start >= headerBytes && end <= bytes.length, 'ACL: truncated');
  const sizeBytes = bytes.readUInt16LE(start + 2);
  check(sizeBytes >= headerBytes && sizeBytes <= end - start, 'ACL: size exceeds the descriptor');
  return sizeBytes;
}

register(AclCodec, [aclOf(), aclOf(allow(WellKnownSid.EVERYONE, 0x1f01ff), deny(WellKnownSid.ANONYMOUS, 1))]);
