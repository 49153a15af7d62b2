/**
 * A server to ask over RPC.
 */
import { EMPTY } from '../../src/base/bytes.ts';
import { fileTimeOfUnixMs } from '../../src/base/clock.ts';
import { type AccountDirectory, SidNameUse } from '../../src/rpc/accounts.ts';
import type { RpcCaller } from '../../src/rpc/endpoint.ts';
import { type ServerCatalog, type ShareRecord, ShareType } from '../../src/rpc/server-catalog.ts';

export const ann: RpcCaller = {
  userName: 'ann',
  domainName: 'SRV',
  sid: 'S-1-5-21-1-2-3-1000',
  isAnonymous: false,
  isAdministrator: false,
};
export const administrator: RpcCaller = { ...ann, userName: 'root', isAdministrator: true };
export const anonymous: RpcCaller = { ...ann, userName: '', isAnonymous: true };

export const dataShare: ShareRecord = {
  name: 'data',
  type: ShareType.DISK,
  comment: 'Files',
  path: 'C:\\data',
  currentUses: 1,
  maxUses: 0xffff_ffff,
  flags: 0,
  securityDescriptor: EMPTY,
};
export const ipcShare: ShareRecord = {
  ...dataShare,
  name: 'IPC$',
  type: ShareType.IPC + ShareType.SPECIAL,
  comment: '',
  path: '',
};

/** A catalog; `shares` are what everyone sees. */
export function catalogOf(shares: readonly ShareRecord[]): ServerCatalog {
  return {
    identity: { name: 'SRV', domainName: 'HOME', comment: 'smbkit', versionMajor: 10, versionMinor: 0 },
    shares: () => shares,
    sessions: () => [
      {
        clientName: '\\\\10.0.0.1',
        userName: 'ann',
        openCount: 2,
        activeSeconds: 5,
        idleSeconds: 1,
        isGuest: false,
      },
    ],
    connections: () => [],
    files: () => [{ id: 7, permissions: 3, lockCount: 1, path: 'C:\\data\\a', userName: 'ann' }],
    now: () => fileTimeOfUnixMs(1_709_210_096_780),
  };
}

export const accounts: AccountDirectory = {
  machineName: 'SRV',
  machineSid: 'S-1-5-21-1-2-3',
  domainName: 'HOME',
  accountOfSid: (sid) =>
    sid === ann.sid ? { sid, name: 'ann', domainName: 'SRV', use: SidNameUse.USER } : undefined,
  accountOfName: (name) =>
    name.toLowerCase() === 'ann'
      ? { sid: ann.sid, name: 'ann', domainName: 'SRV', use: SidNameUse.USER }
      : undefined,
};
