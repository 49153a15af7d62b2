/**
 * Querying and setting security descriptors. [MS-FSA] 2.1.5.14, 2.1.5.17
 */
import type { MaybePromise } from '../backend/contract.ts';
import { parentOf } from '../backend/path.ts';
import { demand, NtStatus } from '../base/status.ts';
import { mapGeneric } from '../fs/access.ts';
import { AceFlag, isSidAce } from '../wire/dtyp/ace.ts';
import type { Acl } from '../wire/dtyp/acl.ts';
import {
  SecurityInformation as Part,
  SecurityControl,
  type SecurityDescriptor,
  SecurityDescriptorCodec,
} from '../wire/dtyp/security-descriptor.ts';
import { AccessMask, CompletionFilter } from '../wire/flags.ts';
import { chain } from './maybe-promise.ts';
import { noteChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import {
  type CheckedFile,
  defaultDescriptor,
  descriptorAt,
  maximumAccessTo,
  storedDescriptor,
} from './security.ts';

/** Everything the requester of `file` could get on it. */
export function maximumAccessOfOpen(file: OpenFile): MaybePromise<number> {
  return chain(checkedOpen(file), (checked) => maximumAccessTo(checked, file.requester));
}

/** What an access check on the file of an open needs. */
export function checkedOpen(file: OpenFile): MaybePromise<CheckedFile> {
  const { volume, link, requester } = file;
  return chain(volume.backend.stat(link.path), (stat) => {
    const isDirectory = stat.kind === 'directory';
    const attributes = file.attributesOf(stat);
    const parent = link.path === '' ? undefined : descriptorAbove(file);
    return chain(descriptorAt(volume, { path: link.path, stat }, requester, isDirectory), (descriptor) =>
      chain(parent, (found) => ({ descriptor, parent: found, isDirectory, attributes })),
    );
  });
}

/** Of the directory that the open's name is in; looked at first, since what was read before is known by what it is like. */
function descriptorAbove({ volume, link, requester }: OpenFile): MaybePromise<SecurityDescriptor> {
  const path = parentOf(link.path);
  return chain(volume.backend.stat(path), (stat) => descriptorAt(volume, { path, stat }, requester, true));
}

const ownerOrDacl = Part.OWNER | Part.GROUP | Part.DACL | Part.LABEL | Part.ATTRIBUTE | Part.SCOPE;

/** The parts of the descriptor named by `parts`. [MS-SMB2] 3.3.5.20.3 */
export async function querySecurity(file: OpenFile, parts: number): Promise<Buffer> {
  if (parts & (ownerOrDacl | Part.BACKUP)) file.demandAccess(AccessMask.READ_CONTROL);
  if (parts & (Part.SACL | Part.BACKUP)) file.demandAccess(AccessMask.ACCESS_SYSTEM_SECURITY);
  const all = await currentDescriptor(file);
  const daclControl = SecurityControl.DACL_PROTECTED | SecurityControl.DACL_AUTO_INHERITED;
  const saclControl = SecurityControl.SACL_PROTECTED | SecurityControl.SACL_AUTO_INHERITED;
  const { owner, group, dacl, sacl } = all;
  let control = 0;
  if (parts & Part.DACL) control |= all.control & daclControl;
  if (parts & Part.SACL) control |= all.control & saclControl;
  return SecurityDescriptorCodec.encode({
    control,
    sbz1: 0,
    ...(parts & Part.OWNER && owner !== undefined ? { owner } : {}),
    ...(parts & Part.GROUP && group !== undefined ? { group } : {}),
    ...(parts & Part.DACL ? { dacl: dacl ?? null } : {}),
    ...(parts & Part.SACL && sacl !== undefined ? { sacl } : {}),
  });
}

async function currentDescriptor(file: OpenFile): Promise<SecurityDescriptor> {
  const { volume, link, requester } = file;
  const stat = await volume.backend.stat(link.path);
  const stored = await storedDescriptor(volume, { path: link.path, stat });
  if (stored !== undefined) return stored;
  const { kind, owner, group } = stat;
  // Who owns a file without a descriptor makes no difference to what anybody may do with it.
  const usual = defaultDescriptor(requester, kind === 'directory');
  return { ...usual, ...(owner && { owner }), ...(group && { group }) };
}

/** Replaces the parts of the descriptor named by `parts`. [MS-SMB2] 3.3.5.21.3, [MS-FSA] 2.1.5.17 */
export async function setSecurity(file: OpenFile, parts: number, input: Buffer): Promise<void> {
  if (parts & (Part.OWNER | Part.GROUP | Part.LABEL)) file.demandAccess(AccessMask.WRITE_OWNER);
  if (parts & (Part.DACL | Part.ATTRIBUTE | Part.SCOPE)) file.demandAccess(AccessMask.WRITE_DAC);
  if (parts & Part.SACL) file.demandAccess(AccessMask.ACCESS_SYSTEM_SECURITY);
  const { security } = file.volume.backend;
  demand(security, NtStatus.NOT_SUPPORTED, 'the store keeps no security descriptors');
  const given = SecurityDescriptorCodec.decode(input);
  const before = await currentDescriptor(file);
  demand(!(parts & Part.OWNER) || given.owner !== undefined, NtStatus.INVALID_OWNER);
  const { keepsAutoInherited } = file.volume;
  const after = merged(before, keepsAutoInherited ? given : canonical(given), parts);
  await file.volume.facts.changed(security.write(file.link.path, SecurityDescriptorCodec.encode(after)));
  noteChange(file, CompletionFilter.SECURITY);
}

function merged(before: SecurityDescriptor, given: SecurityDescriptor, parts: number): SecurityDescriptor {
  const isDacl = (parts & Part.DACL) !== 0;
  const isSacl = (parts & Part.SACL) !== 0;
  const owner = parts & Part.OWNER ? given.owner : before.owner;
  const group = parts & Part.GROUP ? (given.group ?? before.group) : before.group;
  const dacl = isDacl ? mapped(given.dacl ?? null) : before.dacl;
  const sacl = isSacl ? given.sacl : before.sacl;
  const dacls = SecurityControl.DACL_PROTECTED | SecurityControl.DACL_AUTO_INHERITED;
  const sacls = SecurityControl.SACL_PROTECTED | SecurityControl.SACL_AUTO_INHERITED;
  const control = (isDacl ? given : before).control & dacls;
  const saclControl = (isSacl ? given : before).control & sacls;
  return {
    control: control | saclControl,
    sbz1: 0,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    ...(dacl === undefined ? {} : { dacl }),
    ...(sacl === undefined ? {} : { sacl }),
  };
}

/** Entries in force say what they grant in the rights of files; those for children alone stay general. */
function mapped(dacl: Acl | null): Acl | null {
  if (dacl === null) return null;
  const aces = dacl.aces.map((ace) => {
    const isForChildren = (ace.flags & AceFlag.INHERIT_ONLY) !== 0;
    return isSidAce(ace) && !isForChildren ? { ...ace, mask: mapGeneric(ace.mask) } : ace;
  });
  return { revision: dacl.revision, aces };
}

/** [MS-DTYP] 2.4.6: AUTO_INHERITED is kept only where the caller also says AUTO_INHERIT_REQUIRED. */
function canonical(given: SecurityDescriptor): SecurityDescriptor {
  const { DACL_AUTO_INHERITED, DACL_AUTO_INHERIT_REQUIRED } = SecurityControl;
  const { SACL_AUTO_INHERITED, SACL_AUTO_INHERIT_REQUIRED } = SecurityControl;
  let { control } = given;
  if (!(control & DACL_AUTO_INHERIT_REQUIRED)) control &= ~DACL_AUTO_INHERITED;
  if (!(control & SACL_AUTO_INHERIT_REQUIRED)) control &= ~SACL_AUTO_INHERITED;
  return { ...given, control };
}
