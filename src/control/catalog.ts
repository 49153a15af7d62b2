/**
 * What the server tells over its pipes: shares, sessions, open files, and who is who.
 */
import type { Clock } from '../base/clock.ts';
import { printable } from '../base/log.ts';
import type { RpcCaller } from '../rpc/endpoint.ts';
import {
  type ConnectionRecord,
  type FileRecord,
  type ServerCatalog,
  type ServerIdentity,
  type SessionRecord,
  type ShareRecord,
  ShareType,
} from '../rpc/server-catalog.ts';
import type { ServerState } from '../session/server-state.ts';
import type { Session } from '../session/session.ts';
import type { TreeConnect } from '../session/tree-connect.ts';
import { OpenFile } from '../vfs/open-file.ts';

/** Every share admits as many clients as the server. [MS-SRVS] 2.2.4.24 shi2_max_uses */
const noLimit = 0xffff_ffff;

/** The catalogue of a running server; `source` is asked at every call. */
export function serverCatalog(serverName: string, source: () => ServerState, clock: Clock): ServerCatalog {
  const identity: ServerIdentity = {
    name: serverName.toUpperCase(),
    domainName: 'WORKGROUP',
    comment: '',
    versionMajor: 10,
    versionMinor: 0,
  };
  return {
    identity,
    shares: (caller) => shareRecords(source(), caller),
    sessions: () => sessionsOf(source()).map(sessionRecord),
    connections: () => treesOf(source()).map(connectionRecord),
    files: () => sessionsOf(source()).flatMap(fileRecords),
    now: () => clock.now(),
  };
}

function shareRecords(state: ServerState, caller: RpcCaller): readonly ShareRecord[] {
  const trees = treesOf(state);
  return [...state.shares.values()]
    .filter((share) => !share.isHidden || caller.isAdministrator)
    .map((share) => ({
      name: share.name,
      type: share.target.kind === 'pipe' ? (ShareType.IPC | ShareType.SPECIAL) >>> 0 : ShareType.DISK,
      comment: share.comment,
      // Where a share lies on the machine is nobody's business, and no Windows path either.
      path: '',
      currentUses: trees.filter((tree) => tree.share === share).length,
      maxUses: noLimit,
      flags: 0,
      securityDescriptor: Buffer.alloc(0),
    }));
}

const sessionsOf = (state: ServerState) =>
  [...state.sessions.values()].filter((session) => session.state === 'valid');
const treesOf = (state: ServerState) => sessionsOf(state).flatMap((session) => [...session.trees.values()]);

const clientOf = (session: Session) => [...session.channels.keys()][0]?.transport.remoteAddress ?? '';
const userOf = (session: Session) => printable(session.authenticated?.identity.name ?? '');

function secondsSince(session: Session, startMs: number | undefined): number {
  const { clock } = session.server;
  return startMs === undefined ? 0 : Math.max(0, Math.floor((clock.monotonicMs() - startMs) / 1000));
}

const activeSeconds = (session: Session) => secondsSince(session, [...session.channels.keys()][0]?.createdMs);

function sessionRecord(session: Session): SessionRecord {
  return {
    clientName: clientOf(session),
    userName: userOf(session),
    openCount: session.openCount,
    activeSeconds: activeSeconds(session),
    idleSeconds: 0,
    isGuest: session.authenticated?.identity.kind === 'guest',
  };
}

function connectionRecord(tree: TreeConnect): ConnectionRecord {
  const { session, share } = tree;
  return {
    id: tree.treeId,
    type: share.target.kind === 'pipe' ? ShareType.IPC : ShareType.DISK,
    openCount: [...session.opens].filter((open) => open.tree === tree).length,
    userCount: 1,
    activeSeconds: activeSeconds(session),
    userName: userOf(session),
    clientName: clientOf(session),
    shareName: share.name,
  };
}

function fileRecords(session: Session): readonly FileRecord[] {
  return [...session.opens].flatMap((open) => {
    if (!(open.target instanceof OpenFile)) return [];
    const path = `${open.tree.share.name}/${open.target.link.path}`.replaceAll('/', '\\');
    // [MS-SRVS] 2.2.4.6: an id of 32 bits.
    return [
      { id: open.fileId.volatile >>> 0, permissions: 1, lockCount: 0, path, userName: userOf(session) },
    ];
  });
}
