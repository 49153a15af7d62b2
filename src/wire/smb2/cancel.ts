/**
 * CANCEL, which has no response. [MS-SMB2] 2.2.30
 */
import { type Infer, reserved, size, struct } from '../struct.ts';

/** SMB2 CANCEL Request. [MS-SMB2] 2.2.30 */
export const CancelRequest = struct('CancelRequest', { structureSize: size(4), reserved: reserved(2) });
export type CancelRequest = Infer<typeof CancelRequest>;
