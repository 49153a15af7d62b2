/**
 * The Workstation Service: who this machine is. [MS-WKST]
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
import type { ServerCatalog, ServerIdentity, SessionRecord } from './server-catalog.ts';

/** The interface on the pipe `wkssvc`. */
export function workstationService(catalog: ServerCatalog): RpcEndpoint {
  const about = {
    name: 'wkssvc',
    uuid: '6bffd098-a112-3610-9833-46c3f87e345a',
    versionMajor: 1,
    versionMinor: 0,
  };
  return catalogService(about, catalog, operations);
}

const head = [
  platform,
  text<ServerIdentity>((server) => server.name),
  text<ServerIdentity>((server) => server.domainName),
  word<ServerIdentity>((server) => server.versionMajor),
  word<ServerIdentity>((server) => server.versionMinor),
];
const lanRoot = text<ServerIdentity>(() => '');

/** [MS-WKST] 2.2.5.1 to 2.2.5.3 */
const workstationLevels: InfoLevels<ServerIdentity> = new Map([
  [100, open(...head)],
  [101, open(...head, lanRoot)],
  [
    102,
    privileged(
      ...head,
      lanRoot,
      word<ServerIdentity>(() => 1),
    ),
  ],
]);

const userName = text<SessionRecord>((session) => session.userName);
const blank = text<SessionRecord>(() => '');

/** [MS-WKST] 2.2.5.9, 2.2.5.10 */
const userLevels: InfoLevels<SessionRecord> = new Map([
  [0, privileged(userName)],
  [1, privileged(userName, blank, blank, blank)],
]);

/** NetrWkstaGetInfo. [MS-WKST] 3.2.4.1 */
function workstationGetInfo({ reader, catalog, caller }: CatalogCall): Buffer {
  reader.unique(() => reader.text());
  const level = reader.u32();
  const absent = Win32Error.INVALID_LEVEL;
  return answerInfo({ levels: workstationLevels, level, caller, record: catalog.identity, absent });
}

/** NetrWkstaUserEnum: nobody is logged on at the console. [MS-WKST] 3.2.4.3 */
function userEnum({ reader, caller }: CatalogCall): Buffer {
  reader.unique(() => reader.text());
  return answerEnum({ levels: userLevels, request: readEnum(reader, userLevels), caller, records: () => [] });
}

/** [MS-WKST] 3.2.4; any other number is answered with a fault. */
const operations: CatalogOperations = new Map([
  [0, workstationGetInfo],
  [2, userEnum],
]);
