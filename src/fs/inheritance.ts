/**
 * The security descriptor of a new file or directory. [MS-DTYP] 2.5.3.4
 */
import { type Ace, AceFlag, allow, isSidAce, type SidAce } from '../wire/dtyp/ace.ts';
import { type Acl, AclRevision } from '../wire/dtyp/acl.ts';
import { SecurityControl, type SecurityDescriptor } from '../wire/dtyp/security-descriptor.ts';
import type { Sid } from '../wire/dtyp/sid.ts';
import { AccessMask } from '../wire/flags.ts';
import { mapGeneric, type Token } from './access.ts';

const creatorOwner: Sid = 'S-1-3-0';
const creatorGroup: Sid = 'S-1-3-1';
const localSystem: Sid = 'S-1-5-18';
const propagation = AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT;
const inheritanceFlags = propagation | AceFlag.NO_PROPAGATE_INHERIT | AceFlag.INHERIT_ONLY;

/** What a new object is made from. */
export interface Creation {
  readonly parent: SecurityDescriptor;
  /** The descriptor of the security create context. */
  readonly explicit?: SecurityDescriptor;
  readonly token: Token;
  /** The primary group; the user itself where accounts have none. */
  readonly group: Sid;
  readonly isDirectory: boolean;
}

/** Builds the descriptor: explicit parts first, then what the parent hands down, then the default. [MS-DTYP] 2.5.3.4.1 */
export function newDescriptor(creation: Creation): SecurityDescriptor {
  const { parent, explicit, token } = creation;
  const owner = explicit?.owner ?? token.user;
  const group = explicit?.group ?? creation.group;
  const heirs: Heirs = { owner, group, isDirectory: creation.isDirectory };
  const dacl = newAcl(parent.dacl, explicit, 'dacl', heirs) ?? defaultDacl(owner);
  const sacl = newAcl(parent.sacl, explicit, 'sacl', heirs);
  const kept = SecurityControl.DACL_PROTECTED | SecurityControl.SACL_PROTECTED;
  let control = (explicit?.control ?? 0) & kept;
  if (dacl?.aces.some(isInherited)) control |= SecurityControl.DACL_AUTO_INHERITED;
  if (sacl?.aces.some(isInherited)) control |= SecurityControl.SACL_AUTO_INHERITED;
  const descriptor = { control, sbz1: 0, owner, group, dacl };
  return sacl === undefined ? descriptor : { ...descriptor, sacl };
}

interface Heirs {
  readonly owner: Sid;
  readonly group: Sid;
  readonly isDirectory: boolean;
}

/** Undefined: neither given nor inherited. */
function newAcl(
  parent: Acl | null | undefined,
  explicit: SecurityDescriptor | undefined,
  which: 'dacl' | 'sacl',
  heirs: Heirs,
): Acl | null | undefined {
  const given = explicit?.[which];
  const protection = which === 'dacl' ? SecurityControl.DACL_PROTECTED : SecurityControl.SACL_PROTECTED;
  const inherited = parent ? inheritAces(parent.aces, heirs) : [];
  if (given === null) return null;
  if (given === undefined) {
    return inherited.length === 0
      ? undefined
      : { revision: parent?.revision ?? AclRevision.NT4, aces: inherited };
  }
  const own = given.aces.filter((ace) => !isInherited(ace)).flatMap((ace) => settled(ace, heirs));
  // [MS-DTYP] 2.5.3.4.2: inherited entries follow the explicit ones, unless these are protected or nothing asks for it.
  const autoInherit =
    which === 'dacl'
      ? SecurityControl.DACL_AUTO_INHERIT_REQUIRED
      : SecurityControl.SACL_AUTO_INHERIT_REQUIRED;
  const control = explicit?.control ?? 0;
  const isJoined = !(control & protection) && (control & autoInherit) !== 0;
  return { revision: given.revision, aces: isJoined ? [...own, ...inherited] : own };
}

/** Entries that a child of `heirs.isDirectory`'s kind gets from its parent's list. [MS-DTYP] 2.5.3.4.3 */
export function inheritAces(aces: readonly Ace[], heirs: Heirs): Ace[] {
  return aces.filter(isSidAce).flatMap((ace) => inheritAce(ace, heirs));
}

function inheritAce(ace: SidAce, heirs: Heirs): SidAce[] {
  const isForObject = (ace.flags & AceFlag.OBJECT_INHERIT) !== 0;
  const isForContainer = (ace.flags & AceFlag.CONTAINER_INHERIT) !== 0;
  const base = ace.flags & ~inheritanceFlags;
  if (!heirs.isDirectory) {
    return isForObject ? [effective(ace, base | AceFlag.INHERITED, heirs)] : [];
  }
  const isHandedOn = !(ace.flags & AceFlag.NO_PROPAGATE_INHERIT);
  if (isForContainer) return inheritToContainer(ace, heirs, isHandedOn);
  if (!isForObject || !isHandedOn) return [];
  const flags = base | AceFlag.OBJECT_INHERIT | AceFlag.INHERIT_ONLY | AceFlag.INHERITED;
  return [{ ...ace, flags }];
}

/** An entry whose SID or mask is a stand-in splits in two: the effective one, and the stand-in for the grandchildren. */
function inheritToContainer(ace: SidAce, heirs: Heirs, isHandedOn: boolean): SidAce[] {
  const base = (ace.flags & ~inheritanceFlags) | AceFlag.INHERITED;
  const handedOn = isHandedOn ? ace.flags & propagation : 0;
  const here = effective(ace, base, heirs);
  const isSplit = here.sid !== ace.sid || here.mask !== ace.mask;
  if (!isSplit) return [{ ...here, flags: base | handedOn }];
  if (!isHandedOn) return [here];
  return [here, { ...ace, flags: base | handedOn | AceFlag.INHERIT_ONLY }];
}

/** An explicit entry of a new object: stand-ins become who they stand for. */
function settled(ace: Ace, heirs: Heirs): Ace[] {
  if (!isSidAce(ace) || ace.flags & AceFlag.INHERIT_ONLY) return [ace];
  const here = effective(ace, ace.flags, heirs);
  const isInheritable = (ace.flags & propagation) !== 0 && heirs.isDirectory;
  if (here.sid === ace.sid || !isInheritable) return [here];
  return [
    { ...here, flags: ace.flags & ~inheritanceFlags },
    { ...ace, flags: ace.flags | AceFlag.INHERIT_ONLY },
  ];
}

function effective(ace: SidAce, flags: number, heirs: Heirs): SidAce {
  const sid = ace.sid === creatorOwner ? heirs.owner : ace.sid === creatorGroup ? heirs.group : ace.sid;
  return { ...ace, sid, flags, mask: mapGeneric(ace.mask) };
}

function isInherited(ace: Ace): boolean {
  return (ace.flags & AceFlag.INHERITED) !== 0;
}

/** The token's default: its owner and the system, everything. */
function defaultDacl(owner: Sid): Acl {
  const aces = [allow(owner, AccessMask.FILE_ALL_ACCESS), allow(localSystem, AccessMask.FILE_ALL_ACCESS)];
  return { revision: AclRevision.NT4, aces };
}
