/**
 * Who may do what on a share.
 */
import type { AccessName } from './schema.ts';

/** As configured: the permissions of one share. */
export interface Permissions {
  readonly default: AccessName;
  readonly users: Readonly<Record<string, AccessName>>;
  readonly groups: Readonly<Record<string, AccessName>>;
}

/** Somebody who asks for a share. */
export interface Subject {
  readonly kind: 'user' | 'guest' | 'anonymous';
  readonly name: string;
  readonly groups: readonly string[];
}

/** The name under which a share's permissions speak of guests. */
export const guestName = 'guest';

/**
 * The access of `subject`: what is said of the account itself, else of its groups (`none` wins, then the most
 * generous), else the default. A guest reads where the default allows anything, and writes only where `users.guest`
 * says so. Without a name there is no access to files at all.
 */
export function accessOf(permissions: Permissions, subject: Subject): AccessName {
  if (subject.kind === 'anonymous') return 'none';
  const own = find(permissions.users, subject.kind === 'guest' ? guestName : subject.name);
  if (own !== undefined) return own;
  if (subject.kind === 'guest') return permissions.default === 'none' ? 'none' : 'read';
  const ofGroups = subject.groups.flatMap((group) => find(permissions.groups, group) ?? []);
  if (ofGroups.includes('none')) return 'none';
  if (ofGroups.includes('read-write')) return 'read-write';
  return ofGroups.includes('read') ? 'read' : permissions.default;
}

function find(table: Readonly<Record<string, AccessName>>, name: string): AccessName | undefined {
  const wanted = name.toLowerCase();
  return Object.entries(table).find(([key]) => key.toLowerCase() === wanted)?.[1];
}
