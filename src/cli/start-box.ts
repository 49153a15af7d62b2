/**
 * What `serve` shows when it is up.
 */
import { printable } from '../base/log.ts';
import { standardPort } from '../control/listen.ts';
import { smbUrl } from '../control/url.ts';
import { connectLines } from './connect-lines.ts';

export interface StartInfo {
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** Addresses of this machine that clients elsewhere can use; empty when it listens to itself only. */
  readonly networkAddresses: readonly string[];
  readonly shares: readonly {
    readonly name: string;
    readonly source: string;
    readonly isReadOnly: boolean;
  }[];
  /** The account made for this run. */
  readonly user?: string | undefined;
  /** Its password, when it was generated now. */
  readonly password?: string | undefined;
  /** The state folder that keeps its password from an earlier run. */
  readonly keptIn?: string | undefined;
  /** Accounts of the configuration. */
  readonly userCount: number;
  readonly hasColor: boolean;
}

const portWarning =
  'Windows before 11 24H2 can use port 445 only; /TCPPORT works from 24H2 and Server 2025 on.';

/** The box and the lines to paste below it. */
export function startBox(info: StartInfo): string {
  const rows = boxRows(info);
  const width = Math.max(...rows.map((row) => row.length));
  const edge = '─'.repeat(width + 2);
  const bold = (text: string) => (info.hasColor ? `\u001b[1m${text}\u001b[0m` : text);
  const lines = rows.map((row, index) => `│ ${index === 0 ? bold(row.padEnd(width)) : row.padEnd(width)} │`);
  return [`┌${edge}┐`, ...lines, `└${edge}┘`, '', ...pasteLines(info), ''].join('\n');
}

function boxRows(info: StartInfo): string[] {
  const rows = [`smbkit ${info.version} is serving`, ''];
  const add = (label: string, text: string) => rows.push(`${label.padEnd(10)}${text}`);
  const isEverywhere = info.host === '0.0.0.0' || info.host === '::';
  const first = info.shares[0]?.name ?? '';
  const own = isEverywhere ? '127.0.0.1' : info.host;
  add('Local', smbUrl({ host: own, port: info.port, share: first }));
  for (const address of info.networkAddresses) {
    if (address !== own) add('Network', smbUrl({ host: address, port: info.port, share: first }));
  }
  for (const [index, share] of info.shares.entries()) {
    const mode = share.isReadOnly ? ' (read-only)' : '';
    add(index === 0 ? 'Shares' : '', `${printable(share.name)}  ${printable(share.source)}${mode}`);
  }
  if (info.user !== undefined) add('User', printable(info.user));
  if (info.userCount > 0)
    add(info.user === undefined ? 'Users' : '', `${info.userCount} from the configuration`);
  if (info.keptIn !== undefined) add('Password', `as before (kept in ${printable(info.keptIn)})`);
  if (info.password !== undefined) add('Password', `${info.password}  (generated, shown only now)`);
  if (isEverywhere || info.networkAddresses.length > 0)
    rows.push('', 'Open to the network: firewalls must let the port through.');
  else rows.push('', 'Open to this machine only; --lan opens it to the network.');
  return rows;
}

function pasteLines(info: StartInfo): string[] {
  const isEverywhere = info.host === '0.0.0.0' || info.host === '::';
  const host = info.networkAddresses[0] ?? (isEverywhere ? '127.0.0.1' : info.host);
  const share = info.shares[0]?.name ?? 'NAME';
  const lines = connectLines({ host, port: info.port, share, user: info.user ?? 'USER' });
  const shown = lines.map(([system, line]) => `  ${system.padEnd(10)} ${printable(line, 2048)}`);
  return info.port === standardPort ? shown : [...shown, '', `  ${portWarning}`];
}
