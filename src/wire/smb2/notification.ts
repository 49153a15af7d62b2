/**
 * What a server sends without being asked, breaks apart. [MS-SMB2] 2.2.44
 */
import { type Infer, reserved, size, struct, u32 } from '../struct.ts';

/** NotificationType. [MS-SMB2] 2.2.44.1 */
export const NotificationType = Object.freeze({ NOTIFY_SESSION_CLOSED: 0x0000_0000 });

/** SMB2_SERVER_TO_CLIENT_NOTIFICATION with SMB2_NOTIFY_SESSION_CLOSED, the only kind. [MS-SMB2] 2.2.44.1, 2.2.44.2 */
export const ServerToClientNotification = struct('ServerToClientNotification', {
  structureSize: size(4),
  reserved: reserved(2),
  notificationType: u32,
  notificationReserved: reserved(4),
});
export type ServerToClientNotification = Infer<typeof ServerToClientNotification>;
