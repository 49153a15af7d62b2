/**
 * TREE_DISCONNECT. [MS-SMB2] 2.2.11, 2.2.12
 */
import { type Infer, reserved, size, struct } from '../struct.ts';

/** SMB2 TREE_DISCONNECT Request. [MS-SMB2] 2.2.11 */
export const TreeDisconnectRequest = struct('TreeDisconnectRequest', {
  structureSize: size(4),
  reserved: reserved(2),
});
export type TreeDisconnectRequest = Infer<typeof TreeDisconnectRequest>;

/** SMB2 TREE_DISCONNECT Response. [MS-SMB2] 2.2.12 */
export const TreeDisconnectResponse = struct('TreeDisconnectResponse', {
  structureSize: size(4),
  reserved: reserved(2),
});
export type TreeDisconnectResponse = Infer<typeof TreeDisconnectResponse>;
