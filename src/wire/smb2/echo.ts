/**
 * ECHO. [MS-SMB2] 2.2.28, 2.2.29
 */
import { type Infer, reserved, size, struct } from '../struct.ts';

/** SMB2 ECHO Request. [MS-SMB2] 2.2.28 */
export const EchoRequest = struct('EchoRequest', { structureSize: size(4), reserved: reserved(2) });
export type EchoRequest = Infer<typeof EchoRequest>;

/** SMB2 ECHO Response. [MS-SMB2] 2.2.29 */
export const EchoResponse = struct('EchoResponse', { structureSize: size(4), reserved: reserved(2) });
export type EchoResponse = Infer<typeof EchoResponse>;
