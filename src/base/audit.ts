/**
 * What an administrator must be able to look up afterwards: who came, who was refused, who changed rights. Apart from the log, which
 * is for the people who run the server, and may be turned down.
 */
import type { LogFields } from './log.ts';

/** The events. A sink may not throw, and does not wait. */
export const auditEvents = Object.freeze([
  'logon',
  'logon-failed',
  'lockout-began',
  'lockout-ended',
  'session-ended',
  'share-connected',
  'share-refused',
  'share-ended',
  'access-denied',
  'security-changed',
  'administration',
] as const);
export type AuditEvent = (typeof auditEvents)[number];

export type Audit = (event: AuditEvent, fields: LogFields) => void;

/** Keeps nothing. */
export const noAudit: Audit = () => {};
