/**
 * What a POSIX file system does not keep of a file, and where the local store puts it: in the file's own extended attributes,
 * in Samba's formats, so that it travels with the file; otherwise in the side store. Each item by itself, by one rule:
 *
 * What the file itself carries counts. The side store is asked only where the file carries nothing, and it is given an item
 * only when the file cannot carry it: then first the side store has it on stable storage, and after that a former value
 * leaves the file. So a crash in between leaves the former state, and what another server sets on the file later wins over
 * what was put aside before.
 *
 * Times that the disk cannot hold exactly are always in the side store: they count only as long as the disk's own do not
 * change, which setting an attribute does.
 */

import type { Clock, FileTime } from '../base/clock.ts';
import type { StatxRecord } from '../native/stat.ts';
import { FileAttribute } from '../wire/flags.ts';
import type { DiskStat } from './disk-stat.ts';
import { BackendError } from './error.ts';
import { calls } from './local-calls.ts';
import {
  type FileMetadata,
  type FileReference,
  type LocalFile,
  type MetadataStore,
  toldOfChanges,
} from './metadata-store.ts';
import { type Carried, type Recent, RecentAttributes } from './recent-attributes.ts';
import { decodeDosAttrib, encodeDosAttrib } from './samba-dosattrib.ts';
import { dosAttribName, eaOfAttribute, ntAclNames } from './samba-names.ts';
import { descriptorOf, encodeNtAcl, permissionsHashOf } from './samba-ntacl.ts';
import { permissionsHash } from './samba-posix-acl.ts';
import type { Task } from './task.ts';
import { ExtendedAttributes } from './xattr-eas.ts';
import { type Aside, XattrKeeper } from './xattr-keeper.ts';
import { XattrStreams } from './xattr-streams.ts';
import { filePath, type XattrTasks } from './xattr-tasks.ts';

/** Attributes that mean something in the value of `user.DOSATTRIB`; the kind of a file is on the disk. */
const keptAttributes =
  FileAttribute.READONLY |
  FileAttribute.HIDDEN |
  FileAttribute.SYSTEM |
  FileAttribute.ARCHIVE |
  FileAttribute.TEMPORARY |
  FileAttribute.SPARSE_FILE |
  FileAttribute.REPARSE_POINT |
  FileAttribute.COMPRESSED |
  FileAttribute.OFFLINE |
  FileAttribute.NOT_CONTENT_INDEXED;

/**
 * READONLY was set along with the permissions of the file, and holds as long as these do. No attribute of anyone: Samba
 * overlooks it and drops it when it writes, and then READONLY holds by itself.
 */
export const MAPPED_READONLY = 0x8000_0000;

export interface LocalMetadataOptions {
  readonly side: MetadataStore;
  /** Absent: everything goes to the side store. */
  readonly xattrs?: XattrTasks | undefined;
  /** Whether this process may set attributes `security.*`. */
  readonly isPrivileged: boolean;
  readonly clock: Clock;
  /** A device whose change times tell every change. */
  readonly exactDevice?: bigint | undefined;
}

/** Attributes and creation time. */
export interface DosMetadata {
  readonly attributes: number;
  readonly creationTime: FileTime;
}

/** What completes the disk's own metadata. */
export interface KnownMetadata extends Omit<FileMetadata, 'security' | 'extendedAttributes'> {
  /** Absent where nobody has looked. */
  readonly hasExtendedAttributes: boolean | undefined;
}

/** Times told in place of the disk's. */
export type ToldTimes = Pick<FileMetadata, 'lastWriteTime' | 'lastAccessTime' | 'changeTime'>;

export class LocalMetadata {
  readonly extendedAttributes: ExtendedAttributes;
  readonly streams: XattrStreams;
  readonly #side: MetadataStore;
  readonly #keeper: XattrKeeper;
  readonly #clock: Clock;
  readonly #ntAclName: string;
  readonly #recent: RecentAttributes;

  constructor({ side: store, xattrs, isPrivileged, clock, exactDevice }: LocalMetadataOptions) {
    this.#clock = clock;
    this.#recent = new RecentAttributes(clock, exactDevice);
    const side = toldOfChanges(store, ({ fileId }) => this.#recent.sideChanged(fileId));
    this.#side = side;
    this.#ntAclName = isPrivileged ? ntAclNames.privileged : ntAclNames.unprivileged;
    this.#keeper = new XattrKeeper(xattrs, () => side.sync());
    this.extendedAttributes = new ExtendedAttributes(this.#keeper, side);
    this.streams = new XattrStreams(this.#keeper, side.streams);
  }

  /** What the side store has of the file; the same object as long as it is the same. */
  aside(reference: FileReference): FileMetadata {
    return this.#side.read(reference);
  }

  /** As {@link readStat}, if it is known without asking the disk. */
  recentStat(file: LocalFile): KnownMetadata | undefined {
    const carried = this.#recent.find(file.stat);
    return carried && this.completed(file.reference, carried);
  }

  /** What a listing tells of the file that was looked at just now, if it is known without asking the disk or the side store. */
  recentEntry(record: StatxRecord): Recent | undefined {
    const recent = this.#recent.findRecord(record);
    return recent?.isWhole && recent.hasEas !== undefined ? recent : undefined;
  }

  /** As {@link recentEntry}, once the side store was asked; `undefined` where it has more than a change time. */
  completeEntry(reference: FileReference, record: StatxRecord): Recent | undefined {
    const { changeTime, security: _, ...others } = this.#side.read(reference);
    for (const value of Object.values(others)) if (value !== undefined) return undefined;
    const isTold = changeTime?.disk === record.ctimeNs;
    this.#recent.completeRecord(record, isTold ? changeTime.told : undefined);
    return this.recentEntry(record);
  }

  /** What a file that carries this is known by: what it carries counts. */
  completed(reference: FileReference, { attributes, creationTime, hasEas }: Carried): KnownMetadata {
    const aside = this.#side.read(reference);
    const carries = attributes !== undefined;
    return {
      attributes: carries ? attributes : aside.attributes,
      creationTime: carries ? creationTime : aside.creationTime,
      lastWriteTime: aside.lastWriteTime,
      lastAccessTime: aside.lastAccessTime,
      changeTime: aside.changeTime,
      hasExtendedAttributes: aside.extendedAttributes?.size ? true : hasEas,
    };
  }

  /** What completes the disk's own metadata. */
  *readStat(file: LocalFile): Task<KnownMetadata> {
    const carried = this.#recent.find(file.stat) ?? (yield* this.#carried(file, undefined));
    return this.completed(file.reference, carried);
  }

  /** As {@link readStat}, for a listing, which tells of EAs too. */
  *readEntry(file: LocalFile): Task<KnownMetadata> {
    const recent = this.#recent.find(file.stat);
    const carried = recent?.hasEas === undefined ? yield* this.#carriedEntry(file) : recent;
    return this.completed(file.reference, carried);
  }

  /** Most files carry nothing, or nothing but DOS attributes: their list of names tells which. */
  *#carriedEntry(file: LocalFile): Task<Carried> {
    const names = yield* this.#keeper.list(file);
    const hasEas = names.some((name) => eaOfAttribute(name) !== undefined);
    if (names.includes(dosAttribName)) return yield* this.#carried(file, hasEas);
    const carried: Carried = { attributes: undefined, creationTime: undefined, hasEas };
    this.#recent.remember(file.stat, carried);
    return carried;
  }

  *#carried(file: LocalFile, hasEas: boolean | undefined): Task<Carried> {
    const value = yield* this.#keeper.read(file, dosAttribName);
    const dos = value && decodeDosAttrib(value);
    const carried = { attributes: visible(dos?.attributes), creationTime: dos?.creationTime, hasEas };
    this.#recent.remember(file.stat, carried);
    return carried;
  }

  /** Answers what the file carries then; `undefined` where it cannot. */
  *writeDos(file: LocalFile, { attributes, creationTime }: DosMetadata): Task<Carried | undefined> {
    const kind = file.stat.isDirectory() ? FileAttribute.DIRECTORY : 0;
    const bytes = encodeDosAttrib({ attributes: attributes | kind, creationTime });
    const aside = this.#aside(file, { attributes, creationTime });
    const isCarried = yield* this.#keeper.keep(file, { name: dosAttribName, bytes }, aside);
    return isCarried ? { attributes: visible(attributes), creationTime, hasEas: undefined } : undefined;
  }

  /** Replaces the times that are told in place of the disk's. */
  writeTold(reference: FileReference, told: ToldTimes): void {
    const former = this.#side.read(reference);
    const after = { ...former, ...told };
    const isSame = (['lastWriteTime', 'lastAccessTime', 'changeTime'] as const).every(
      (field) => former[field] === after[field],
    );
    if (!isSame) this.#side.write(reference, after);
  }

  /** The security descriptor that is kept. EIO for one that cannot be read: nobody is to be let in by mistake. */
  *readSecurity(file: LocalFile): Task<Buffer | undefined> {
    const own = yield* this.#keeper.read(file, this.#ntAclName);
    if (own !== undefined) return readable(own);
    const { security } = this.#side.read(file.reference);
    if (security !== undefined || this.#ntAclName === ntAclNames.privileged) return security;
    // Set by a Samba that was privileged: this process may read but not change it.
    const inherited = yield* this.#keeper.read(file, ntAclNames.privileged);
    return inherited && readable(inherited);
  }

  *writeSecurity(file: LocalFile, security: Buffer): Task<void> {
    const bytes = this.#ntAcl(security, yield* this.#permissionsHash(file));
    yield* this.#keeper.keep(file, { name: this.#ntAclName, bytes }, this.#aside(file, { security }));
  }

  /** Makes a change of owner, group or mode by which the descriptor does not become outdated in the eyes of Samba. */
  *changePermissions(file: LocalFile, change: Task<void>): Task<void> {
    const value = yield* this.#keeper.read(file, this.#ntAclName);
    const before = value && permissionsHashOf(value);
    const descriptor = value && descriptorOf(value);
    const isCurrent = before?.equals((yield* this.#permissionsHash(file)) ?? Buffer.alloc(0)) === true;
    yield* change;
    if (!isCurrent || descriptor === undefined) return;
    const after = { ...file, stat: yield* statOf(file) };
    const bytes = this.#ntAcl(descriptor, yield* this.#permissionsHash(after));
    yield* this.#keeper.carries(file, { name: this.#ntAclName, bytes });
  }

  forget(reference: FileReference): void {
    this.#side.forget(reference);
  }

  /** Returns when what is aside survives a power cut; what files carry is synced with them. */
  async sync(): Promise<void> {
    await this.#side.sync();
  }

  async close(): Promise<void> {
    await this.#side.close();
  }

  /** The side store as the place for these items. */
  #aside({ reference }: LocalFile, items: FileMetadata): Aside {
    const kept = this.#side.read(reference);
    const isUsed =
      (items.security !== undefined && kept.security !== undefined) ||
      (items.attributes !== undefined && (kept.attributes !== undefined || kept.creationTime !== undefined));
    return {
      isUsed,
      keep: () => this.#side.write(reference, { ...this.#side.read(reference), ...items }),
      drop: () => {
        const none = Object.fromEntries(Object.keys(items).map((item) => [item, undefined]));
        this.#side.write(reference, { ...this.#side.read(reference), ...none });
      },
    };
  }

  #ntAcl(descriptor: Buffer, hash: Buffer | undefined): Buffer | undefined {
    // Without a hash Samba shows what it makes of the permissions.
    const known = hash ?? Buffer.alloc(32);
    return encodeNtAcl({ descriptor, permissionsHash: known, time: this.#clock.now() });
  }

  *#permissionsHash(file: LocalFile): Task<Buffer | undefined> {
    const { uid, gid, mode } = file.stat;
    const accessAcl = yield* this.#keeper.read(file, 'system.posix_acl_access');
    const isDirectory = file.stat.isDirectory();
    const defaultAcl = isDirectory
      ? ((yield* this.#keeper.read(file, 'system.posix_acl_default')) ?? 'none')
      : undefined;
    return permissionsHash({
      owner: Number(uid),
      group: Number(gid),
      mode: Number(mode),
      accessAcl,
      defaultAcl,
    });
  }
}

/** Of the attributes in a value, those that mean something there. */
function visible(attributes: number | undefined): number | undefined {
  return attributes === undefined ? undefined : attributes & (keptAttributes | MAPPED_READONLY);
}

function statOf(file: LocalFile): Task<DiskStat> {
  return file.fd === undefined ? calls.lstat(filePath(file)) : calls.fstat(file.fd);
}

function readable(value: Buffer): Buffer {
  const descriptor = descriptorOf(value);
  if (descriptor === undefined) throw new BackendError('EIO', 'security descriptor');
  return descriptor;
}
