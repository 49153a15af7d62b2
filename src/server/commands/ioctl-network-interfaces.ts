/**
 * FSCTL_QUERY_NETWORK_INTERFACE_INFO: where a client may open further channels. [MS-SMB2] 3.3.5.15.11
 */
import { demand, NtStatus } from '../../base/status.ts';
import type { NetworkInterface } from '../../session/server-state.ts';
import {
  InterfaceCapability,
  type NetworkInterfaceInfo,
  NetworkInterfaceInfoList,
  SockaddrIn,
  SockaddrIn6,
} from '../../wire/smb2/ioctl-payload.ts';
import type { SessionContext } from '../command.ts';

const STORAGE_BYTES = 128;
const IPV4_MAPPED = '::ffff:';

/** The output, of at most `bytesMax`. Throws BUFFER_TOO_SMALL when it does not fit. */
export function networkInterfaces(context: SessionContext, bytesMax: number): Buffer {
  const { server, connection } = context;
  const isCapable = connection.negotiated?.dialect.isSmb3 === true && server.settings.multichannel;
  demand(isCapable, NtStatus.NOT_SUPPORTED, 'no multichannel');
  const found = server.networkInterfaces(connection.transport.localAddress);
  const output = NetworkInterfaceInfoList.encode(found.map(interfaceInfo));
  demand(output.length <= bytesMax, NtStatus.BUFFER_TOO_SMALL);
  return output;
}

function interfaceInfo(source: NetworkInterface): NetworkInterfaceInfo {
  const sockaddrStorage = Buffer.alloc(STORAGE_BYTES);
  const address = source.address.startsWith(IPV4_MAPPED)
    ? source.address.slice(IPV4_MAPPED.length)
    : source.address;
  if (/^\d+(\.\d+){3}$/.test(address)) {
    SockaddrIn.encodeInto({ port: 0, ipv4Address: ipv4Bytes(address) }, sockaddrStorage, 0);
  } else if (address.includes(':')) {
    const value = { port: 0, flowInfo: 0, ipv6Address: ipv6Bytes(address), scopeId: 0 };
    SockaddrIn6.encodeInto(value, sockaddrStorage, 0);
  }
  return {
    ifIndex: source.index,
    // [MS-SMB2] 2.2.32.5: a client opens several connections to one interface only when it can spread them.
    capability: InterfaceCapability.RSS_CAPABLE,
    linkSpeed: source.linkSpeedBits,
    sockaddrStorage,
  };
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

/** The 16 bytes of an address in any of the written forms. RFC 4291 2.2 */
function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const zeros = new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0);
  const bytes = Buffer.alloc(16);
  [...front, ...zeros, ...back].forEach((group, index) => {
    bytes.writeUInt16BE(group, index * 2);
  });
  return bytes;
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
