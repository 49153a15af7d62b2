/**
 * Everything beyond data that a server keeps of a file, set and asked through the protocol, of whatever server.
 */
import { connect } from 'node:net';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { connectClient, streamTransport, type TestFile, type TestTree } from '../../src/testing/client.ts';
import { AceFlag, allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityControl, SecurityDescriptorCodec } from '../../src/wire/dtyp/security-descriptor.ts';
import { AccessMask, CreateOption, FileAttribute } from '../../src/wire/flags.ts';
import { FileFullEaInformationList } from '../../src/wire/fscc/extended-attributes.ts';
import { FileBasicInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass } from '../../src/wire/fscc/information-class-table.ts';
import { FileStreamInformationList } from '../../src/wire/fscc/names.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import type { Peer } from './peers/peer.ts';

const FSCTL_SET_SPARSE = 0x0009_00c4;
/** [MS-DTYP] 2.4.7 */
const OWNER_GROUP_DACL = 7;
const DACL = 4;

/** What the servers are to agree on. */
export interface Kept {
  readonly attributes: number;
  readonly creationTime: bigint;
  readonly lastWriteTime: bigint;
  /** By name in upper case, for servers differ in the case they tell. */
  readonly eas: Readonly<Record<string, string>>;
  readonly streams: Readonly<Record<string, string>>;
  /** Owner, group and DACL. */
  readonly descriptor: unknown;
}

/** What can be set; the rest follows. */
export interface Wanted {
  readonly attributes: number;
  readonly creationTime: bigint;
  readonly lastWriteTime: bigint;
  readonly eas: Readonly<Record<string, string>>;
  readonly streams: Readonly<Record<string, string>>;
  /** Rights of everyone in the descriptor, beside all rights of the administrators. */
  readonly everyone: number;
  readonly isDirectory: boolean;
  readonly isSparse?: boolean;
}

/** A tree of the server, logged on as its first account. */
export async function treeOf(peer: Peer, share: string): Promise<TestTree> {
  const socket = connect(peer.port, peer.host);
  const client = await connectClient(streamTransport(socket));
  const { name, password } = peer.account;
  const session = await client.logOn({ user: name, password });
  return session.connectTree(share, peer.host);
}

const allAccess = AccessMask.FILE_ALL_ACCESS;
const ofDirectory = { createOptions: CreateOption.DIRECTORY_FILE };

/** Makes the file if it is not there, and sets everything; the attributes at the end, for READONLY forbids much. */
export async function keep(tree: TestTree, name: string, wanted: Wanted): Promise<void> {
  const options = { desiredAccess: allAccess, ...(wanted.isDirectory ? ofDirectory : {}) };
  const file = await tree.open(name, options);
  for (const [stream, text] of Object.entries(wanted.streams)) {
    const opened = await tree.open(`${name}:${stream}`);
    await opened.write(0n, Buffer.from(text));
    await opened.close();
  }
  const eas = Object.entries(wanted.eas).map(([eaName, value]) => ({
    flags: 0,
    eaName,
    eaValue: Buffer.from(value),
  }));
  const { FileFullEaInformation, FileBasicInformation: basic } = FileInformationClass;
  await file.setInfo(InfoType.FILE, FileFullEaInformation, FileFullEaInformationList.encode(eas));
  await file.setInfo(InfoType.SECURITY, 0, descriptorFor(wanted), DACL);
  const { creationTime, lastWriteTime, attributes } = wanted;
  const change = { creationTime, lastWriteTime, lastAccessTime: 0n, changeTime: 0n };
  const asSet = FileBasicInformation.encode({ ...change, fileAttributes: attributes });
  await file.setInfo(InfoType.FILE, basic, asSet);
  // Samba takes the mark away when it sets the attributes.
  if (wanted.isSparse === true) await file.ioctl(FSCTL_SET_SPARSE, Buffer.from([1]));
  await file.close();
}

function descriptorFor({ everyone, isDirectory }: Wanted): Buffer {
  const flags = isDirectory ? AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT : 0;
  return SecurityDescriptorCodec.encode({
    control: SecurityControl.DACL_PROTECTED,
    sbz1: 0,
    dacl: aclOf(allow('S-1-5-32-544', allAccess, flags), allow('S-1-1-0', everyone, flags)),
  });
}

/** Asks the server for everything. */
export async function keptOf(tree: TestTree, name: string, isDirectory: boolean): Promise<Kept> {
  const desiredAccess = AccessMask.FILE_READ_ATTRIBUTES | AccessMask.FILE_READ_EA | AccessMask.READ_CONTROL;
  const file = await tree.open(name, { desiredAccess, ...(isDirectory ? ofDirectory : {}) });
  const basic = await file.query(FileInformationClass.FileBasicInformation, FileBasicInformation);
  const descriptor = await file.queryInfo(InfoType.SECURITY, 0, { additionalInformation: OWNER_GROUP_DACL });
  const eas = await easOf(file);
  const streams = await streamsOf(tree, file, name);
  await file.close();
  const { creationTime, lastWriteTime, fileAttributes } = basic;
  return {
    attributes: fileAttributes & ~FileAttribute.NORMAL,
    creationTime,
    lastWriteTime,
    eas,
    streams,
    descriptor: toldOf(descriptor),
  };
}

/** Owner, group and entries of a descriptor. */
export function toldOf(descriptor: Buffer): unknown {
  const { owner, group, dacl } = SecurityDescriptorCodec.decode(descriptor);
  const aces = dacl?.aces.map((ace) => ({ ...ace, applicationData: '' }));
  return { owner, group, aces };
}

async function easOf(file: TestFile): Promise<Record<string, string>> {
  const { FileFullEaInformation } = FileInformationClass;
  const told = await file.queryInfo(InfoType.FILE, FileFullEaInformation).catch((error: unknown) => {
    if (error instanceof NtStatusError && error.status === NtStatus.NO_EAS_ON_FILE) return Buffer.alloc(0);
    throw error;
  });
  const list = told.length === 0 ? [] : FileFullEaInformationList.decode(told);
  return Object.fromEntries(
    list.map(({ eaName, eaValue }) => [eaName.toUpperCase(), eaValue.toString()]).sort(),
  );
}

async function streamsOf(tree: TestTree, file: TestFile, name: string): Promise<Record<string, string>> {
  const { FileStreamInformation } = FileInformationClass;
  const list = FileStreamInformationList.decode(await file.queryInfo(InfoType.FILE, FileStreamInformation));
  const found: [string, string][] = [];
  for (const { streamName, streamSize } of list) {
    if (streamName === '::$DATA') continue;
    const stream = await tree.open(`${name}${streamName}`, { desiredAccess: AccessMask.FILE_READ_DATA });
    found.push([streamName, (await stream.read(0n, Number(streamSize))).toString()]);
    await stream.close();
  }
  return Object.fromEntries(found.sort());
}
