/**
 * Whether the client meant this server: the service principal name inside a logon, which whoever relays the logon cannot change.
 * [MS-NLMP] 2.2.2.1 MsvAvTargetName, [MS-SMB2] 3.3.5.5.3
 */
import { demand, NtStatus } from '../base/status.ts';
import type { Settings } from '../session/settings.ts';

const services: ReadonlySet<string> = new Set(['cifs', 'host']);

/** The names under which a server is known. */
export interface OwnNames {
  readonly serverName: string;
  /** The address that the client connected to. */
  readonly localAddress: string;
}

/** Throws ACCESS_DENIED where the settings do not let a logon for `targetName` pass. */
export function checkTargetName(
  targetName: string | undefined,
  { level, names }: Settings['targetNames'],
  own: OwnNames,
): void {
  if (level === 'off') return;
  if (targetName === undefined || targetName === '') {
    demand(level === 'accepted', NtStatus.ACCESS_DENIED, 'the logon names no server');
    return;
  }
  const [service = '', host = ''] = targetName.toLowerCase().split('/');
  const known = [own.serverName, own.localAddress, ...names].map((name) => name.toLowerCase());
  const isOwn = services.has(service) && known.some((name) => host === name || host.startsWith(`${name}:`));
  demand(isOwn, NtStatus.ACCESS_DENIED, 'the logon is for another server');
}
