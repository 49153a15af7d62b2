/**
 * Object ids: kept with the file, unique in the volume, and only where a client asked for one or set it. A store that keeps no
 * extended attributes has ids that are derived from volume and file, which nobody sets. [MS-FSCC] 2.1.3, [MS-FSA] 2.1.1.3
 */
import type { BackendPath } from '../backend/contract.ts';
import { isOutOfReach, walk } from '../backend/walk.ts';
import { randomBytesOf } from '../base/entropy.ts';
import { demand, NtStatus } from '../base/status.ts';
import { type Guid, GuidCodec, nilGuid } from '../wire/dtyp/guid.ts';
import { AccessMask } from '../wire/flags.ts';
import { FileObjectIdBuffer } from '../wire/fscc/object-id.ts';
import { objectIdName, readOwn, writeOwn } from './extended-attributes.ts';
import type { OpenFile } from './open-file.ts';
import type { Volume } from './volume.ts';

const idBytes = 16;
const bufferBytes = 64;
const extendedBytes = bufferBytes - idBytes;
/** Ids that may be in use where one is to be set; each takes about 200 bytes of memory then. */
const idCountMax = 1_000_000;
const marker = Buffer.from('smbkit');
const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_WRITE_ATTRIBUTES;

/** FSCTL_GET_OBJECT_ID: a FILE_OBJECTID_BUFFER. OBJECTID_NOT_FOUND where there is none. [MS-FSA] 2.1.5.10.13 */
export async function queryObjectId(file: OpenFile): Promise<Buffer> {
  checkFile(file);
  const stored = keepsIds(file.volume) ? await storedAt(file.volume, file.link.path) : await derivedOf(file);
  demand(stored, NtStatus.OBJECTID_NOT_FOUND);
  return stored;
}

/** FSCTL_CREATE_OR_GET_OBJECT_ID: the same, made where there is none yet. [MS-FSA] 2.1.5.10.1 */
export async function createObjectId(file: OpenFile): Promise<Buffer> {
  checkFile(file);
  const { volume, link, requester } = file;
  if (!keepsIds(volume)) return derivedOf(file);
  return exclusively(file, async () => {
    const stored = await storedAt(volume, link.path);
    if (stored !== undefined && hasBirth(stored)) return stored;
    const mayWrite = !volume.isReadOnly && (requester.maximalAccess & writing) !== 0;
    demand(mayWrite, NtStatus.MEDIA_WRITE_PROTECTED, 'an id would have to be made');
    const objectId = stored === undefined ? newGuid(volume) : idIn(stored);
    const birthVolumeId = await volumeObjectId(volume);
    const made = FileObjectIdBuffer.encode({
      objectId,
      birthVolumeId,
      birthObjectId: objectId,
      domainId: nilGuid,
    });
    await keep(file, made);
    return made;
  });
}

/** FSCTL_SET_OBJECT_ID, for those who may restore files. [MS-FSA] 2.1.5.10.35 */
export async function setObjectId(file: OpenFile, input: Buffer): Promise<void> {
  demand(input.length === bufferBytes, NtStatus.INVALID_PARAMETER, 'not a FILE_OBJECTID_BUFFER');
  demandKept(file);
  const { volume, link, requester } = file;
  demand(requester.token.privileges.has('restore'), NtStatus.ACCESS_DENIED, 'ids are restored, not chosen');
  const id = idIn(input);
  demand(id !== nilGuid, NtStatus.INVALID_PARAMETER, 'the empty id');
  const set = async () => {
    const stored = await storedAt(volume, link.path);
    demand(stored === undefined, NtStatus.OBJECT_NAME_COLLISION, 'the file has an id');
    demand(!(await volume.objectIds.has(id)), NtStatus.DUPLICATE_NAME, 'another file has the id');
    await keep(file, Buffer.from(input));
  };
  await exclusively(file, set, 'chooses');
}

/** FSCTL_SET_OBJECT_ID_EXTENDED: what stands behind the id. [MS-FSA] 2.1.5.10.36 */
export async function setObjectIdExtended(file: OpenFile, input: Buffer): Promise<void> {
  demand(input.length === extendedBytes, NtStatus.INVALID_PARAMETER, 'not the extended information');
  demandKept(file);
  file.demandAccess(writing);
  await exclusively(file, async () => {
    const stored = await storedAt(file.volume, file.link.path);
    demand(stored, NtStatus.OBJECTID_NOT_FOUND);
    await keep(file, Buffer.concat([stored.subarray(0, idBytes), input]));
  });
}

/** FSCTL_DELETE_OBJECT_ID; nothing where there is none. [MS-FSA] 2.1.5.10.2 */
export async function deleteObjectId(file: OpenFile): Promise<void> {
  demandKept(file);
  file.demandAccess(writing);
  await exclusively(file, async () => {
    const { volume, link } = file;
    if ((await storedAt(volume, link.path)) === undefined) return;
    await writeOwn(volume, link.path, objectIdName, undefined);
  });
}

/**
 * The ids that are in use, for the sake of their being unique: read from all files when the first is to be set, and from then on
 * kept with the path that each was seen at. What is not in it is free; what is in it may be gone or moved, and is looked for.
 * Ids that others set in the store meanwhile are found by the next such look only.
 */
export class ObjectIdIndex {
  readonly #volume: Volume;
  #paths: Map<Guid, BackendPath> | undefined;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** True while a file has the id. INSUFFICIENT_RESOURCES when there are too many. One question at a time. */
  async has(id: Guid): Promise<boolean> {
    const known = this.#paths;
    const path = (known ?? (await this.#collected())).get(id);
    if (path === undefined) return false;
    if (known === undefined || (await this.#isAt(path, id))) return true;
    return (await this.#collected()).has(id);
  }

  /** Takes note of an id that a file was given. */
  add(id: Guid, path: BackendPath): void {
    this.#paths?.set(id, path);
  }

  async #isAt(path: BackendPath, id: Guid): Promise<boolean> {
    const stored = await storedIfThere(this.#volume, path);
    return stored !== undefined && idIn(stored) === id;
  }

  async #collected(): Promise<ReadonlyMap<Guid, BackendPath>> {
    // There from the start, for what is made meanwhile where the look has been already.
    const paths = new Map<Guid, BackendPath>();
    this.#paths = paths;
    const collect = async (path: BackendPath) => {
      const stored = await storedIfThere(this.#volume, path);
      if (stored !== undefined) paths.set(idIn(stored), path);
      demand(paths.size <= idCountMax, NtStatus.INSUFFICIENT_RESOURCES, 'object ids');
    };
    try {
      await collect('');
      for await (const { path, stat } of walk(this.#volume.backend, '', isOutOfReach)) {
        if (stat.kind !== 'symlink') await collect(path);
      }
    } catch (error) {
      this.#paths = undefined;
      throw error;
    }
    return paths;
  }
}

/** The id of the volume itself. [MS-FSCC] 2.5.6 */
export async function volumeObjectId(volume: Volume): Promise<Guid> {
  const serialNumber = await volume.serialNumber();
  return derivedGuid(serialNumber, 0n);
}

function keepsIds(volume: Volume): boolean {
  return volume.backend.extendedAttributes !== undefined;
}

function checkFile(file: OpenFile): void {
  demand(!file.link.isRemoved, NtStatus.FILE_DELETED);
}

function demandKept(file: OpenFile): void {
  checkFile(file);
  demand(!file.volume.isReadOnly, NtStatus.MEDIA_WRITE_PROTECTED, 'a snapshot');
  demand(keepsIds(file.volume), NtStatus.VOLUME_NOT_UPGRADED, 'the store keeps no ids');
}

/** One after the other for a file; and who `chooses` an id for all files: between the look and the change nobody takes it. */
async function exclusively<T>(
  { volume, fileId }: OpenFile,
  work: () => Promise<T>,
  choice: 'chooses' | 'chooses none' = 'chooses none',
): Promise<T> {
  const slots = [`object id of ${fileId}`, ...(choice === 'chooses' ? ['object ids'] : [])];
  return volume.names.run(slots, work);
}

async function keep({ volume, link }: OpenFile, value: Buffer): Promise<void> {
  await writeOwn(volume, link.path, objectIdName, value);
  volume.objectIds.add(idIn(value), link.path);
}

async function storedAt(volume: Volume, path: BackendPath): Promise<Buffer | undefined> {
  const stored = await readOwn(volume, path, objectIdName);
  return stored?.length === bufferBytes ? stored : undefined;
}

async function storedIfThere(volume: Volume, path: BackendPath): Promise<Buffer | undefined> {
  try {
    return await storedAt(volume, path);
  } catch (error) {
    if (isOutOfReach(error)) return undefined;
    throw error;
  }
}

function idIn(buffer: Buffer): Guid {
  return GuidCodec.decode(buffer, 0, idBytes);
}

/** False for an id whose birth nobody told. [MS-FSA] 2.1.5.10.1 */
function hasBirth(buffer: Buffer): boolean {
  return buffer.subarray(idBytes, 3 * idBytes).some((byte) => byte !== 0);
}

function newGuid({ entropy }: Volume): Guid {
  return GuidCodec.decode(randomBytesOf(entropy, idBytes));
}

/** The ids of a file as if they had been made when it was. [MS-FSCC] 2.1.3.1 */
async function derivedOf({ volume, fileId }: OpenFile): Promise<Buffer> {
  const serialNumber = await volume.serialNumber();
  const objectId = derivedGuid(serialNumber, fileId);
  const birthVolumeId = derivedGuid(serialNumber, 0n);
  return FileObjectIdBuffer.encode({ objectId, birthVolumeId, birthObjectId: objectId, domainId: nilGuid });
}

function derivedGuid(serialNumber: number, fileId: bigint): Guid {
  const bytes = Buffer.alloc(idBytes);
  bytes.writeUInt32LE(serialNumber >>> 0, 0);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, fileId), 4);
  marker.copy(bytes, 12, 0, 4);
  return GuidCodec.decode(bytes);
}
