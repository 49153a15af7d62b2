/**
 * CREATE. [MS-SMB2] 2.2.13, 2.2.14
 */

import { fileTime } from '../dtyp/filetime.ts';
import type { CreateAction, CreateDisposition } from '../flags.ts';
import {
  as,
  type Infer,
  lengthOf,
  nested,
  offsetOf,
  reserved,
  size,
  struct,
  u8,
  u16,
  u32,
  u64,
  utf16,
} from '../struct.ts';
import { body } from './body.ts';
import { CreateContexts } from './create-context.ts';
import { FileId } from './file-id.ts';

/** ImpersonationLevel. [MS-SMB2] 2.2.13 */
export const ImpersonationLevel = Object.freeze({
  ANONYMOUS: 0x0000_0000,
  IDENTIFICATION: 0x0000_0001,
  IMPERSONATION: 0x0000_0002,
  DELEGATE: 0x0000_0003,
});

/** SMB2 CREATE Request. [MS-SMB2] 2.2.13 */
export const CreateRequest = struct(
  'CreateRequest',
  {
    structureSize: size(57),
    securityFlags: reserved(1),
    requestedOplockLevel: u8,
    impersonationLevel: u32,
    smbCreateFlags: reserved(8),
    reserved: reserved(8),
    desiredAccess: u32,
    fileAttributes: u32,
    shareAccess: u32,
    createDisposition: as<CreateDisposition>(u32),
    createOptions: u32,
    nameOffset: offsetOf(u16, 'name'),
    nameLength: lengthOf(u16, 'name'),
    createContextsOffset: offsetOf(u32, 'createContexts'),
    createContextsLength: lengthOf(u32, 'createContexts'),
    name: utf16(),
    createContexts: nested(CreateContexts, { align: 8, emptyOffset: 'zero' }),
  },
  { ...body, minimum: 57 },
);
export type CreateRequest = Infer<typeof CreateRequest>;

/** Flags of the response. [MS-SMB2] 2.2.14 */
export const CreateFlags = Object.freeze({ REPARSEPOINT: 0x01 });

/** SMB2 CREATE Response. [MS-SMB2] 2.2.14 */
export const CreateResponse = struct(
  'CreateResponse',
  {
    structureSize: size(89),
    oplockLevel: u8,
    flags: u8,
    createAction: as<CreateAction>(u32),
    creationTime: fileTime,
    lastAccessTime: fileTime,
    lastWriteTime: fileTime,
    changeTime: fileTime,
    allocationSize: u64,
    endOfFile: u64,
    fileAttributes: u32,
    reserved2: reserved(4),
    fileId: FileId,
    createContextsOffset: offsetOf(u32, 'createContexts'),
    createContextsLength: lengthOf(u32, 'createContexts'),
    createContexts: nested(CreateContexts, { align: 8, emptyOffset: 'zero' }),
  },
  body,
);
export type CreateResponse = Infer<typeof CreateResponse>;
