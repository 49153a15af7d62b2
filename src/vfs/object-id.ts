/**
 * Object ids: derived from volume and file, so that they are stable without being stored. [MS-FSCC] 2.1.3.1
 */

import { type Guid, GuidCodec } from '../wire/dtyp/guid.ts';
import type { FileObjectIdBuffer } from '../wire/fscc/object-id.ts';
import type { Volume } from './volume.ts';

const marker = Buffer.from('smbkit');

/** The ids of a file as if they had been made when it was. */
export async function objectIdOf(volume: Volume, fileId: bigint): Promise<FileObjectIdBuffer> {
  const { serialNumber } = await volume.backend.volume();
  const objectId = guidOf(serialNumber, fileId);
  return {
    objectId,
    birthVolumeId: guidOf(serialNumber, 0n),
    birthObjectId: objectId,
    domainId: guidOf(0, 0n),
  };
}

/** The id of the volume itself. [MS-FSCC] 2.5.6 */
export async function volumeObjectId(volume: Volume): Promise<Guid> {
  const { serialNumber } = await volume.backend.volume();
  return guidOf(serialNumber, 0n);
}

function guidOf(serialNumber: number, fileId: bigint): Guid {
  const bytes = Buffer.alloc(16);
  if (serialNumber === 0 && fileId === 0n) return GuidCodec.decode(bytes);
  bytes.writeUInt32LE(serialNumber >>> 0, 0);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, fileId), 4);
  marker.copy(bytes, 12, 0, 4);
  return GuidCodec.decode(bytes);
}
