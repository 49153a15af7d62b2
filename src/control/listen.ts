/**
 * Which port the server gets, and what to say when it gets none.
 */
import { codeOf, reasonOf } from './system-error.ts';

/** The port of SMB over TCP; Windows before 11 24H2 can use no other. [MS-SMB2] 2.1 */
export const standardPort = 445;
/** Where the server goes when 445 is not to be had. */
export const fallbackPort = 1445;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface ListenWish {
  readonly host: string;
  /** Absent: 445 where permitted, otherwise 1445. */
  readonly port?: number | undefined;
  /** Without a port: 445 or nothing. */
  readonly strictPort: boolean;
}

/** The port could not be had; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

export interface Listening extends Endpoint {
  /** Why the port is not 445 although nothing else was asked for. */
  readonly notice?: string;
}

/** Calls `listen` with the wished port, or with 445 and then 1445. Throws {@link ListenError}. */
export async function listenAsWished(
  listen: (endpoint: Endpoint) => Promise<Endpoint>,
  { host, port, strictPort }: ListenWish,
): Promise<Listening> {
  const wanted = port ?? standardPort;
  try {
    return await listen({ host, port: wanted });
  } catch (error) {
    const code = codeOf(error);
    const mayFallBack = port === undefined && !strictPort && (code === 'EACCES' || code === 'EADDRINUSE');
    if (!mayFallBack) throw new ListenError(explain(error, host, wanted), { cause: error });
    const notice = `${explain(error, host, wanted)}; using ${fallbackPort} instead`;
    return await fallBack(listen, host, notice);
  }
}

async function fallBack(
  listen: (endpoint: Endpoint) => Promise<Endpoint>,
  host: string,
  notice: string,
): Promise<Listening> {
  try {
    return { ...(await listen({ host, port: fallbackPort })), notice };
  } catch (error) {
    throw new ListenError(`${notice}, but ${explain(error, host, fallbackPort)}`, { cause: error });
  }
}

/** The cause and the fix. */
function explain(error: unknown, host: string, port: number): string {
  switch (codeOf(error)) {
    case 'EACCES':
      return `port ${port} is not permitted to this user (to allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start=${port})`;
    case 'EADDRINUSE':
      return `port ${port} is in use by another program (find it: ss -ltnp 'sport = :${port}'; on Windows: stop the LanmanServer service; or take another: --port 0)`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine (take 127.0.0.1 for this machine only, 0.0.0.0 for all networks)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${host} is not known (give an address, such as 127.0.0.1 or 0.0.0.0)`;
    default:
      return `${host} port ${port} cannot be listened on: ${reasonOf(error)}`;
  }
}
