/**
 * SESSION_SETUP. [MS-SMB2] 2.2.5, 2.2.6
 */
import {
  blob,
  type Infer,
  id64,
  lengthOf,
  offsetOf,
  reserved,
  size,
  struct,
  u8,
  u16,
  u32,
} from '../struct.ts';
import { body } from './body.ts';

/** Flags of the request. [MS-SMB2] 2.2.5 */
export const SessionSetupFlags = Object.freeze({ BINDING: 0x01 });

/** SMB2 SESSION_SETUP Request. [MS-SMB2] 2.2.5 */
export const SessionSetupRequest = struct(
  'SessionSetupRequest',
  {
    structureSize: size(25),
    flags: u8,
    securityMode: u8,
    capabilities: u32,
    channel: reserved(4),
    securityBufferOffset: offsetOf(u16, 'securityBuffer'),
    securityBufferLength: lengthOf(u16, 'securityBuffer'),
    previousSessionId: id64,
    securityBuffer: blob(),
  },
  body,
);
export type SessionSetupRequest = Infer<typeof SessionSetupRequest>;

/** SessionFlags of the response. [MS-SMB2] 2.2.6 */
export const SessionFlags = Object.freeze({ IS_GUEST: 0x0001, IS_NULL: 0x0002, ENCRYPT_DATA: 0x0004 });

/** SMB2 SESSION_SETUP Response. [MS-SMB2] 2.2.6 */
export const SessionSetupResponse = struct(
  'SessionSetupResponse',
  {
    structureSize: size(9),
    sessionFlags: u16,
    securityBufferOffset: offsetOf(u16, 'securityBuffer'),
    securityBufferLength: lengthOf(u16, 'securityBuffer'),
    securityBuffer: blob(),
  },
  body,
);
export type SessionSetupResponse = Infer<typeof SessionSetupResponse>;
