/**
 * NEGOTIATE. [MS-SMB2] 2.2.3, 2.2.4
 */

import { fileTime } from '../dtyp/filetime.ts';
import { GuidCodec } from '../dtyp/guid.ts';
import type { Fields } from '../schema.ts';
import {
  blob,
  countOf,
  type Infer,
  lengthOf,
  list,
  offsetOf,
  reserved,
  size,
  struct,
  u16,
  u32,
  when,
} from '../struct.ts';
import { body } from './body.ts';
import { NegotiateContext } from './negotiate-context.ts';

/** DialectRevision. [MS-SMB2] 2.2.3, 2.2.4 */
export const DialectRevision = Object.freeze({
  SMB_2_0_2: 0x0202,
  SMB_2_1: 0x0210,
  SMB_3_0: 0x0300,
  SMB_3_0_2: 0x0302,
  SMB_3_1_1: 0x0311,
  /** Only in the answer to an SMB1 negotiate: any SMB2 dialect, to be negotiated again. */
  WILDCARD: 0x02ff,
});

/** SecurityMode. [MS-SMB2] 2.2.3 */
export const SecurityMode = Object.freeze({ SIGNING_ENABLED: 0x0001, SIGNING_REQUIRED: 0x0002 });

/** Capabilities. [MS-SMB2] 2.2.3 */
export const Capability = Object.freeze({
  DFS: 0x0000_0001,
  LEASING: 0x0000_0002,
  LARGE_MTU: 0x0000_0004,
  MULTI_CHANNEL: 0x0000_0008,
  PERSISTENT_HANDLES: 0x0000_0010,
  DIRECTORY_LEASING: 0x0000_0020,
  ENCRYPTION: 0x0000_0040,
  NOTIFICATIONS: 0x0000_0080,
});

const offers311 = ({ dialects }: Fields): boolean =>
  Array.isArray(dialects) && dialects.includes(DialectRevision.SMB_3_1_1);
const chose311 = ({ dialectRevision }: Fields): boolean => dialectRevision === DialectRevision.SMB_3_1_1;

/** SMB2 NEGOTIATE Request. The contexts are read only where 3.1.1 is among the dialects. [MS-SMB2] 2.2.3 */
export const NegotiateRequest = struct(
  'NegotiateRequest',
  {
    structureSize: size(36),
    dialectCount: countOf(u16, 'dialects'),
    securityMode: u16,
    reserved: reserved(2),
    capabilities: u32,
    clientGuid: GuidCodec,
    negotiateContextOffset: offsetOf(u32, 'negotiateContexts'),
    negotiateContextCount: countOf(u16, 'negotiateContexts'),
    reserved2: reserved(2),
    dialects: list(u16),
    negotiateContexts: when(list(NegotiateContext, { align: 8, elementAlign: 8 }), offers311),
  },
  body,
);
export type NegotiateRequest = Infer<typeof NegotiateRequest>;

/** SMB2 NEGOTIATE Response. The contexts are sent and read only in 3.1.1. [MS-SMB2] 2.2.4 */
export const NegotiateResponse = struct(
  'NegotiateResponse',
  {
    structureSize: size(65),
    securityMode: u16,
    dialectRevision: u16,
    negotiateContextCount: countOf(u16, 'negotiateContexts'),
    serverGuid: GuidCodec,
    capabilities: u32,
    maxTransactSize: u32,
    maxReadSize: u32,
    maxWriteSize: u32,
    systemTime: fileTime,
    serverStartTime: fileTime,
    securityBufferOffset: offsetOf(u16, 'securityBuffer'),
    securityBufferLength: lengthOf(u16, 'securityBuffer'),
    negotiateContextOffset: offsetOf(u32, 'negotiateContexts'),
    securityBuffer: blob(),
    negotiateContexts: when(list(NegotiateContext, { align: 8, elementAlign: 8 }), chose311),
  },
  body,
);
export type NegotiateResponse = Infer<typeof NegotiateResponse>;
