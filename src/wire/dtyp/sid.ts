/**
 * Security identifiers. [MS-DTYP] 2.4.2
 */

import { register } from '../registry.ts';
import type { SelfSizedCodec } from '../schema.ts';
import { check } from './bounds.ts';

/**
 * The canonical text, e.g. `'S-1-5-32-544'`: decimal without leading zeros, the authority in hexadecimal only when it
 * exceeds 32 bits. Text compares and keys a Map by value. [MS-DTYP] 2.4.2.1
 */
export type Sid = string;

const headerBytes = 8;
const subAuthorityCountMax = 15;
const form = /^S-1-(0x[0-9a-f]{9,12}|0|[1-9][0-9]*)((?:-(?:0|[1-9][0-9]*))+)$/;

interface SidParts {
  readonly authority: number;
  readonly subAuthorities: readonly number[];
}

/** Reads a SID in any customary spelling into the canonical one; throws WireError for anything else. */
export function parseSid(text: string): Sid {
  const groups = /^s-1-(0x[0-9a-f]{1,12}|[0-9]{1,15})((?:-[0-9]{1,10})+)$/i.exec(text.trim());
  check(groups, 'SID: not of the form S-1-authority-subauthority…');
  const subAuthorities = (groups[2] ?? '').slice(1).split('-').map(Number);
  const sid = textOf({ authority: Number(groups[1]), subAuthorities });
  partsOf(sid);
  return sid;
}

/** The SID of account `rid` in the domain or machine `domain`. */
export function sidOf(domain: Sid, rid: number): Sid {
  return `${domain}-${rid}`;
}

/** The domain of an account's SID and its last sub-authority; undefined when there is only one sub-authority. */
export function splitSid(sid: Sid): { readonly domain: Sid; readonly rid: number } | undefined {
  const cut = sid.lastIndexOf('-');
  const domain = sid.slice(0, cut);
  return form.test(domain) ? { domain, rid: Number(sid.slice(cut + 1)) } : undefined;
}

/** SID--Packet Representation. [MS-DTYP] 2.4.2.2 */
export const SidCodec: SelfSizedCodec<Sid> = {
  name: 'SID',
  minimumBytes: headerBytes + 4,
  endOf: (bytes, start, end) => start + sidSizeAt(bytes, start, end),

  decode(bytes, start = 0, end = bytes.length) {
    const sizeBytes = sidSizeAt(bytes, start, end);
    const subAuthorities: number[] = [];
    for (let at = start + headerBytes; at < start + sizeBytes; at += 4) {
      subAuthorities.push(bytes.readUInt32LE(at));
    }
    return textOf({ authority: bytes.readUIntBE(start + 2, 6), subAuthorities });
  },

  encode(value) {
    const target = Buffer.alloc(this.sizeOf(value));
    this.encodeInto(value, target, 0);
    return target;
  },

  sizeOf: (value) => headerBytes + 4 * partsOf(value).subAuthorities.length,

  encodeInto(value, target, start) {
    const { authority, subAuthorities } = partsOf(value);
    target.writeUInt8(1, start);
    target.writeUInt8(subAuthorities.length, start + 1);
    target.writeUIntBE(authority, start + 2, 6);
    let at = start + headerBytes;
    for (const subAuthority of subAuthorities) at = target.writeUInt32LE(subAuthority, at);
    return at;
  },
};

/** Bytes of the SID that begins at `start`, all of them before `end`; throws WireError when there is no valid one. */
export function sidSizeAt(bytes: Buffer, start: number, end: number): number {
  check(end - start >= headerBytes && end <= bytes.length, 'SID: truncated');
  check(bytes.readUInt8(start) === 1, 'SID: revision is not 1');
  const count = bytes.readUInt8(start + 1);
  check(count >= 1 && count <= subAuthorityCountMax, 'SID: not 1 to 15 sub-authorities');
  const sizeBytes = headerBytes + 4 * count;
  check(end - start >= sizeBytes, 'SID: truncated');
  return sizeBytes;
}

function textOf({ authority, subAuthorities }: SidParts): Sid {
  const first =
    authority < 0x1_0000_0000 ? String(authority) : `0x${authority.toString(16).padStart(12, '0')}`;
  return `S-1-${first}-${subAuthorities.join('-')}`;
}

function partsOf(sid: Sid): SidParts {
  const groups = form.exec(sid);
  check(groups, 'SID: not in canonical form');
  const authority = Number(groups[1]);
  const subAuthorities = (groups[2] ?? '').slice(1).split('-').map(Number);
  check(authority < 0x1_0000_0000_0000, 'SID: authority exceeds 48 bits');
  check(subAuthorities.length <= subAuthorityCountMax, 'SID: more than 15 sub-authorities');
  check(
    subAuthorities.every((value) => value <= 0xffff_ffff),
    'SID: sub-authority exceeds 32 bits',
  );
  return { authority, subAuthorities };
}

/** Well-known SIDs. [MS-DTYP] 2.4.2.4 */
export const WellKnownSid = Object.freeze({
  NULL: 'S-1-0-0',
  EVERYONE: 'S-1-1-0',
  LOCAL: 'S-1-2-0',
  CONSOLE_LOGON: 'S-1-2-1',
  CREATOR_OWNER: 'S-1-3-0',
  CREATOR_GROUP: 'S-1-3-1',
  OWNER_RIGHTS: 'S-1-3-4',
  DIALUP: 'S-1-5-1',
  NETWORK: 'S-1-5-2',
  BATCH: 'S-1-5-3',
  INTERACTIVE: 'S-1-5-4',
  SERVICE: 'S-1-5-6',
  ANONYMOUS: 'S-1-5-7',
  PRINCIPAL_SELF: 'S-1-5-10',
  AUTHENTICATED_USERS: 'S-1-5-11',
  RESTRICTED_CODE: 'S-1-5-12',
  LOCAL_SYSTEM: 'S-1-5-18',
  LOCAL_SERVICE: 'S-1-5-19',
  NETWORK_SERVICE: 'S-1-5-20',
  BUILTIN: 'S-1-5-32',
  BUILTIN_ADMINISTRATORS: 'S-1-5-32-544',
  BUILTIN_USERS: 'S-1-5-32-545',
  BUILTIN_GUESTS: 'S-1-5-32-546',
  BUILTIN_POWER_USERS: 'S-1-5-32-547',
  BUILTIN_BACKUP_OPERATORS: 'S-1-5-32-551',
  /** Samba's and Windows' domains for POSIX identities without an account. */
  UNIX_USERS: 'S-1-22-1',
  UNIX_GROUPS: 'S-1-22-2',
  /** NFS-style owner, group and mode in an ACE, as Apple's clients read them. */
  NFS_USERS: 'S-1-5-88-1',
  NFS_GROUPS: 'S-1-5-88-2',
  NFS_MODE: 'S-1-5-88-3',
  MANDATORY_LOW: 'S-1-16-4096',
  MANDATORY_MEDIUM: 'S-1-16-8192',
  MANDATORY_HIGH: 'S-1-16-12288',
});

register(SidCodec, [WellKnownSid.EVERYONE, WellKnownSid.BUILTIN_ADMINISTRATORS, 'S-1-0x0123456789ab-7']);
