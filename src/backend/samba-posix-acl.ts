/**
 * The hash by which Samba notices that the POSIX permissions of a file have changed since a security descriptor was kept:
 * SHA-256 of owner, group, mode and both access control lists, in NDR ([C706] 14).
 */
import { createHash } from 'node:crypto';

/** Permissions of a file as the kernel tells them. */
export interface PosixPermissions {
  readonly owner: number;
  readonly group: number;
  /** With the kind of the file, as in st_mode. */
  readonly mode: number;
  /** The attribute `system.posix_acl_access`, where there is one. */
  readonly accessAcl?: Buffer | undefined;
  /** The attribute `system.posix_acl_default` of a directory; absent for files. */
  readonly defaultAcl?: Buffer | 'none' | undefined;
}

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

/** Tags in the kernel's attribute. acl(5) */
const Tag = Object.freeze({ USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 16, OTHER: 32 });

/** What Samba calls them. */
const sambaTags: ReadonlyMap<number, number> = new Map([
  [Tag.USER, 1],
  [Tag.USER_OBJ, 2],
  [Tag.GROUP, 3],
  [Tag.GROUP_OBJ, 4],
  [Tag.OTHER, 5],
  [Tag.MASK, 6],
]);

const ATTRIBUTE_VERSION = 2;
const ENTRY_BYTES = 8;
const REFERENT = 0x2_0000;

/** The hash; `undefined` for lists that are none. */
export function permissionsHash(permissions: PosixPermissions): Buffer | undefined {
  const lists = listsOf(permissions);
  if (lists === undefined) return undefined;
  return createHash('sha256').update(encodePermissions(permissions, lists)).digest();
}

/** The access list and, for a directory, the default list. */
function listsOf({ mode, accessAcl, defaultAcl }: PosixPermissions): AclEntry[][] | undefined {
  const access = accessAcl === undefined ? entriesOfMode(mode) : entriesOf(accessAcl);
  if (access === undefined) return undefined;
  if (defaultAcl === undefined) return [access];
  const inherited = defaultAcl === 'none' ? [] : entriesOf(defaultAcl);
  return inherited && [access, inherited];
}

function encodePermissions({ owner, group, mode }: PosixPermissions, lists: readonly AclEntry[][]): Buffer {
  const target = new NdrWriter();
  target.number(REFERENT, 4);
  target.number(lists.length > 1 ? REFERENT + 4 : 0, 4);
  target.number(owner, 8);
  target.number(group, 8);
  target.number(mode, 4);
  for (const entries of lists) {
    target.number(entries.length, 4);
    target.align(8);
    target.number(entries.length, 4);
    for (const entry of entries) putEntry(target, entry);
    target.align(8);
  }
  return target.bytes();
}

function putEntry(target: NdrWriter, { tag, permissions, id }: AclEntry): void {
  const sambaTag = sambaTags.get(tag) ?? 0;
  target.align(8);
  target.number(sambaTag, 2);
  target.number(sambaTag, 2);
  if (tag === Tag.USER || tag === Tag.GROUP) target.number(id, 8);
  target.number(permissions, 4);
}

/** Entries of the kernel's attribute: a version, then tag, permissions and id each. */
function entriesOf(attribute: Buffer): AclEntry[] | undefined {
  const isList = attribute.length >= 4 && attribute.readUInt32LE(0) === ATTRIBUTE_VERSION;
  if (!isList || (attribute.length - 4) % ENTRY_BYTES !== 0) return undefined;
  const entries = Array.from({ length: (attribute.length - 4) / ENTRY_BYTES }, (_, index) => {
    const at = 4 + index * ENTRY_BYTES;
    return {
      tag: attribute.readUInt16LE(at),
      permissions: attribute.readUInt16LE(at + 2),
      id: attribute.readUInt32LE(at + 4),
    };
  });
  return entries.every(({ tag }) => sambaTags.has(tag)) ? entries : undefined;
}

/** What a file without a list has. */
function entriesOfMode(mode: number): AclEntry[] {
  return [
    { tag: Tag.USER_OBJ, permissions: (mode >> 6) & 7, id: 0 },
    { tag: Tag.GROUP_OBJ, permissions: (mode >> 3) & 7, id: 0 },
    { tag: Tag.OTHER, permissions: mode & 7, id: 0 },
  ];
}

/** Numbers, each aligned to its own size. */
class NdrWriter {
  readonly #parts: Buffer[] = [];
  #length = 0;

  align(unit: number): void {
    const gap = (unit - (this.#length % unit)) % unit;
    if (gap > 0) this.#put(Buffer.alloc(gap));
  }

  number(value: number, bytes: 2 | 4 | 8): void {
    this.align(bytes);
    const part = Buffer.alloc(bytes);
    part.writeUIntLE(value, 0, Math.min(bytes, 6));
    this.#put(part);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #put(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
}
