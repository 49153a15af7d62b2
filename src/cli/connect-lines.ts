/**
 * The line to paste on each system.
 */
import { isIPv6 } from 'node:net';
import { standardPort } from '../control/listen.ts';
import { smbUrl } from '../control/url.ts';

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  readonly share: string;
  readonly user: string;
}

/** System and line, for a person who knows what to do with it. */
export function connectLines(target: ConnectTarget): readonly (readonly [system: string, line: string])[] {
  const { host, port, share, user } = target;
  const isStandard = port === standardPort;
  const unc = `\\\\${windowsHost(host)}\\${share}`;
  const mountOptions = [...(isStandard ? [] : [`port=${port}`]), `username=${user}`].join(',');
  const windowsPort = isStandard ? [] : [`/TCPPORT:${port}`];
  const clientPort = isStandard ? [] : ['-p', String(port)];
  return [
    ['Windows', ['net use Z:', windowsQuoted(unc), ...windowsPort, `/USER:${windowsQuoted(user)}`].join(' ')],
    ['macOS', `open ${quoted(smbUrl(target))}`],
    ['Linux', `sudo mount -t cifs ${quoted(`//${host}/${share}`)} /mnt -o ${quoted(mountOptions)}`],
    ['smbclient', ['smbclient', quoted(`//${host}/${share}`), ...clientPort, '-U', quoted(user)].join(' ')],
  ];
}

/** UNC paths have no colons: an IPv6 address is written as a name. [MS-DTYP] 2.2.57 */
function windowsHost(host: string): string {
  return isIPv6(host) ? `${host.replaceAll(':', '-').replace('%', 's')}.ipv6-literal.net` : host;
}

const windowsQuoted = (text: string) => (/[\s&^%]/.test(text) ? `"${text}"` : text);

/** As one word for a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(text) && !text.includes('[')
    ? text
    : `'${text.replaceAll("'", "'\\''")}'`;
}
