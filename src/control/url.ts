/**
 * `smb://` addresses.
 */
import { isIPv6 } from 'node:net';
import { standardPort } from './listen.ts';

export interface UrlParts {
  readonly host: string;
  readonly port: number;
  readonly share: string;
  readonly user?: string | undefined;
}

/** `smb://user@host:port/share`, with the port left out where it is 445. */
export function smbUrl({ host, port, share, user }: UrlParts): string {
  const address = isIPv6(host) ? `[${host}]` : host;
  const account = user === undefined ? '' : `${encodeURIComponent(user)}@`;
  return `smb://${account}${address}${port === standardPort ? '' : `:${port}`}/${encodeURIComponent(share)}`;
}
