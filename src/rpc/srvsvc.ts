/**
 * The Server Service: shares, server information, sessions. [MS-SRVS]
 */
import { type CatalogCall, type CatalogOperations, catalogService, platform } from './catalog-service.ts';
import type { RpcEndpoint } from './endpoint.ts';
import {
  answerEnum,
  answerInfo,
  type InfoLevels,
  open,
  privileged,
  readEnum,
  text,
  Win32Error,
  word,
} from './info-level.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import type {
  ConnectionRecord,
  FileRecord,
  ServerCatalog,
  ServerIdentity,
  SessionRecord,
  ShareRecord,
} from './server-catalog.ts';
import { writeTimeOfDay } from './time-of-day.ts';

/** The interface on the pipe `srvsvc`. */
export function serverService(catalog: ServerCatalog): RpcEndpoint {
  const about = {
    name: 'srvsvc',
    uuid: '4b324fc8-1670-01d3-1278-5a47bf6ee188',
    versionMajor: 3,
    versionMinor: 0,
  };
  return catalogService(about, catalog, operations);
}

/** Workstation, server, NT, NT server. [MS-SRVS] 2.2.2.7 */
const serverType = 0x0000_9003;

const shareName = text<ShareRecord>((share) => share.name);
const shareType = word<ShareRecord>((share) => share.type);
const shareComment = text<ShareRecord>((share) => share.comment);
const shareFlags = word<ShareRecord>((share) => share.flags);
const shareHead = [shareName, shareType, shareComment];
const shareUse = [
  word<ShareRecord>(() => 0),
  word<ShareRecord>((share) => share.maxUses),
  word<ShareRecord>((share) => share.currentUses),
  text<ShareRecord>((share) => share.path),
  // A password of a share-level share: there are none.
  (writer: NdrWriter) => writer.textPointer(undefined),
];
const shareSecurity = [
  word<ShareRecord>((share) => share.securityDescriptor.length),
  (writer: NdrWriter, { securityDescriptor }: ShareRecord) =>
    writer.bytesPointer(securityDescriptor.length > 0 ? securityDescriptor : undefined),
];

/** [MS-SRVS] 2.2.4.22 to 2.2.4.30; who gets what: 3.1.4.8, 3.1.4.10 */
const shareEnumLevels: InfoLevels<ShareRecord> = new Map([
  [0, open(shareName)],
  [1, open(...shareHead)],
  [2, privileged(...shareHead, ...shareUse)],
  [501, open(...shareHead, shareFlags)],
  [502, privileged(...shareHead, ...shareUse, ...shareSecurity)],
  [
    503,
    privileged(
      ...shareHead,
      ...shareUse,
      text<ShareRecord>(() => '*'),
      ...shareSecurity,
    ),
  ],
]);

const shareInfoLevels: InfoLevels<ShareRecord> = new Map([
  ...shareEnumLevels,
  [1004, privileged(shareComment)],
  [1005, open(shareFlags)],
  [1006, privileged(word<ShareRecord>((share) => share.maxUses))],
  [1501, privileged(...shareSecurity)],
]);

const serverHead = [platform, text<ServerIdentity>((server) => server.name)];
const serverDetail = [
  ...serverHead,
  word<ServerIdentity>((server) => server.versionMajor),
  word<ServerIdentity>((server) => server.versionMinor),
  word<ServerIdentity>(() => serverType),
  text<ServerIdentity>((server) => server.comment),
];

const serverSettings = [
  ...serverDetail,
  // Users: unlimited. Auto-disconnect after 15 minutes. Visible. Announce interval and jitter. Licenses.
  ...[0xffff_ffff, 15, 0, 240, 3000, 0].map((value) => word<ServerIdentity>(() => value)),
  text<ServerIdentity>(() => 'C:\\'),
];

/** [MS-SRVS] 2.2.4.40 to 2.2.4.43. Level 102 is open, as administration tools of other systems ask for it first. */
const serverLevels: InfoLevels<ServerIdentity> = new Map([
  [100, open(...serverHead)],
  [101, open(...serverDetail)],
  [102, open(...serverSettings)],
  [
    103,
    open(
      ...serverSettings,
      word<ServerIdentity>(() => 0),
    ),
  ],
  // Settings of the LAN Manager service; privileged, and never present.
  [502, privileged<ServerIdentity>()],
  [503, privileged<ServerIdentity>()],
]);
const neverPresent = new Set([502, 503]);

const sessionClient = text<SessionRecord>((session) => session.clientName);
const sessionUser = text<SessionRecord>((session) => session.userName);
const sessionTimes = [
  word<SessionRecord>((session) => session.activeSeconds),
  word<SessionRecord>((session) => session.idleSeconds),
];
const sessionDetail = [
  sessionClient,
  sessionUser,
  word<SessionRecord>((session) => session.openCount),
  ...sessionTimes,
  word<SessionRecord>((session) => (session.isGuest ? 1 : 0)),
];
const sessionClientType = text<SessionRecord>(() => '');

/** [MS-SRVS] 2.2.4.14 to 2.2.4.18 */
const sessionLevels: InfoLevels<SessionRecord> = new Map([
  [0, privileged(sessionClient)],
  [1, privileged(...sessionDetail)],
  [2, privileged(...sessionDetail, sessionClientType)],
  [10, privileged(sessionClient, sessionUser, ...sessionTimes)],
  [
    502,
    privileged(
      ...sessionDetail,
      sessionClientType,
      text<SessionRecord>(() => ''),
    ),
  ],
]);

/** [MS-SRVS] 2.2.4.1, 2.2.4.2 */
const connectionLevels: InfoLevels<ConnectionRecord> = new Map([
  [0, privileged(word<ConnectionRecord>((connection) => connection.id))],
  [
    1,
    privileged(
      word<ConnectionRecord>((connection) => connection.id),
      word<ConnectionRecord>((connection) => connection.type),
      word<ConnectionRecord>((connection) => connection.openCount),
      word<ConnectionRecord>((connection) => connection.userCount),
      word<ConnectionRecord>((connection) => connection.activeSeconds),
      text<ConnectionRecord>((connection) => connection.userName),
      text<ConnectionRecord>((connection) => connection.shareName),
    ),
  ],
]);

/** [MS-SRVS] 2.2.4.5, 2.2.4.6 */
const fileLevels: InfoLevels<FileRecord> = new Map([
  [2, privileged(word<FileRecord>((file) => file.id))],
  [
    3,
    privileged(
      word<FileRecord>((file) => file.id),
      word<FileRecord>((file) => file.permissions),
      word<FileRecord>((file) => file.lockCount),
      text<FileRecord>((file) => file.path),
      text<FileRecord>((file) => file.userName),
    ),
  ],
]);

function uniqueText(reader: NdrReader): string | undefined {
  return reader.unique(() => reader.text());
}

/** True where a caller gave no filter, or one that equals `value` whatever the case. */
function passes(filter: string | undefined, value: string): boolean {
  return !filter || filter.toLowerCase() === value.toLowerCase();
}

function withoutBackslashes(name: string | undefined): string | undefined {
  return name?.replace(/^\\+/, '');
}

/** NetrConnectionEnum. [MS-SRVS] 3.1.4.1 */
function connectionEnum({ reader, catalog, caller }: CatalogCall): Buffer {
  uniqueText(reader);
  const qualifier = withoutBackslashes(uniqueText(reader));
  const matches = (connection: ConnectionRecord): boolean =>
    passes(qualifier, connection.shareName) || passes(qualifier, connection.clientName);
  const request = readEnum(reader, connectionLevels);
  const records = (): ConnectionRecord[] => catalog.connections().filter(matches);
  return answerEnum({ levels: connectionLevels, request, caller, records });
}

/** NetrFileEnum. [MS-SRVS] 3.1.4.2 */
function fileEnum({ reader, catalog, caller }: CatalogCall): Buffer {
  uniqueText(reader);
  const basePath = (uniqueText(reader) ?? '').toLowerCase();
  const userName = uniqueText(reader);
  const matches = (file: FileRecord): boolean =>
    passes(userName, file.userName) && file.path.toLowerCase().startsWith(basePath);
  const request = readEnum(reader, fileLevels);
  const records = (): FileRecord[] => catalog.files().filter(matches);
  return answerEnum({ levels: fileLevels, request, caller, records });
}

/** NetrSessionEnum. [MS-SRVS] 3.1.4.5 */
function sessionEnum({ reader, catalog, caller }: CatalogCall): Buffer {
  uniqueText(reader);
  const clientName = withoutBackslashes(uniqueText(reader));
  const userName = uniqueText(reader);
  const matches = (session: SessionRecord): boolean =>
    passes(clientName, withoutBackslashes(session.clientName) ?? '') && passes(userName, session.userName);
  const request = readEnum(reader, sessionLevels);
  const records = (): SessionRecord[] => catalog.sessions().filter(matches);
  return answerEnum({ levels: sessionLevels, request, caller, records });
}

/** NetrShareEnum and NetrShareEnumSticky: all shares are sticky. [MS-SRVS] 3.1.4.8, 3.1.4.9 */
function shareEnum({ reader, catalog, caller }: CatalogCall): Buffer {
  uniqueText(reader);
  const request = readEnum(reader, shareEnumLevels);
  return answerEnum({ levels: shareEnumLevels, request, caller, records: () => catalog.shares(caller) });
}

/** NetrShareGetInfo. [MS-SRVS] 3.1.4.10 */
function shareGetInfo({ reader, catalog, caller }: CatalogCall): Buffer {
  uniqueText(reader);
  const name = reader.text();
  const level = reader.u32();
  const record = catalog.shares(caller).find((share) => share.name.toLowerCase() === name.toLowerCase());
  return answerInfo({
    levels: shareInfoLevels,
    level,
    caller,
    record,
    absent: Win32Error.NERR_NET_NAME_NOT_FOUND,
  });
}

/** NetrServerGetInfo. [MS-SRVS] 3.1.4.17 */
function serverGetInfo({ reader, catalog, caller }: CatalogCall): Buffer {
  uniqueText(reader);
  const level = reader.u32();
  const record = neverPresent.has(level) ? undefined : catalog.identity;
  return answerInfo({ levels: serverLevels, level, caller, record, absent: Win32Error.NOT_SUPPORTED });
}

/** NetrRemoteTOD. [MS-SRVS] 3.1.4.21 */
function remoteTimeOfDay({ reader, catalog }: CatalogCall): Buffer {
  uniqueText(reader);
  const writer = new NdrWriter();
  writer.pointer(() => writeTimeOfDay(writer, catalog.now()));
  writer.u32(Win32Error.SUCCESS);
  return writer.stub();
}

/** NameType of NetprNameValidate and the longest name of each type we know. [MS-SRVS] 3.1.4.32 */
const nameLengths: ReadonlyMap<number, number> = new Map([
  [1, 20], // user
  [2, 256], // password
  [3, 20], // group
  [4, 15], // computer
  [6, 15], // domain
  [9, 80], // share
]);
const illegalInNames = /["/\\[\]:|<>+;,?*=\p{Cc}]/u;

/** NetprNameValidate. [MS-SRVS] 3.1.4.32 */
function nameValidate({ reader }: CatalogCall): Buffer {
  uniqueText(reader);
  const name = reader.text();
  const lengthMax = nameLengths.get(reader.u32());
  reader.u32();
  const isValid =
    lengthMax !== undefined && name.length > 0 && name.length <= lengthMax && !illegalInNames.test(name);
  return returnValue(
    lengthMax === undefined ? Win32Error.INVALID_PARAMETER : isValid ? 0 : Win32Error.INVALID_NAME,
  );
}

function returnValue(value: number): Buffer {
  const writer = new NdrWriter();
  writer.u32(value);
  return writer.stub();
}

/** Shares and sessions are not administered through this interface. */
const denied = (): Buffer => returnValue(Win32Error.ACCESS_DENIED);

/** The same for a call that also returns a pointer to the wrong parameter, which is null. */
function deniedWithParameter(): Buffer {
  const writer = new NdrWriter();
  writer.pointer(undefined);
  writer.u32(Win32Error.ACCESS_DENIED);
  return writer.stub();
}

/** [MS-SRVS] 3.1.4; any other number is answered with a fault. */
const operations: CatalogOperations = new Map([
  [8, connectionEnum],
  [9, fileEnum],
  [11, denied], // NetrFileClose
  [12, sessionEnum],
  [13, denied], // NetrSessionDel
  [14, deniedWithParameter], // NetrShareAdd
  [15, shareEnum],
  [16, shareGetInfo],
  [17, deniedWithParameter], // NetrShareSetInfo
  [18, denied], // NetrShareDel
  [19, denied], // NetrShareDelSticky
  [21, serverGetInfo],
  [22, deniedWithParameter], // NetrServerSetInfo
  [28, remoteTimeOfDay],
  [33, nameValidate],
  [36, shareEnum],
]);
