/**
 * LOGOFF. [MS-SMB2] 2.2.7, 2.2.8
 */
import { type Infer, reserved, size, struct } from '../struct.ts';

/** SMB2 LOGOFF Request. [MS-SMB2] 2.2.7 */
export const LogoffRequest = struct('LogoffRequest', { structureSize: size(4), reserved: reserved(2) });
export type LogoffRequest = Infer<typeof LogoffRequest>;

/** SMB2 LOGOFF Response. [MS-SMB2] 2.2.8 */
export const LogoffResponse = struct('LogoffResponse', { structureSize: size(4), reserved: reserved(2) });
export type LogoffResponse = Infer<typeof LogoffResponse>;
