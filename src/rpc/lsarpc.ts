/**
 * The Local Security Authority, as far as the security tab of file dialogs needs it: names of SIDs, SIDs of names, the
 * machine's domain. [MS-LSAD], [MS-LSAT]
 */
import { NtStatus } from '../base/status.ts';
import { WireError } from '../wire/codec.ts';
import { GuidCodec, nilGuid } from '../wire/dtyp/guid.ts';
import { SidCodec } from '../wire/dtyp/sid.ts';
import { type AccountDirectory, findByName, findBySid } from './accounts.ts';
import {
  FaultStatus,
  type OperationTable,
  operation,
  type RpcCaller,
  type RpcEndpoint,
  RpcFault,
} from './endpoint.ts';
import {
  readNames,
  readSids,
  referencesOf,
  type Translated,
  type WriteTranslation,
  writeDomains,
  writeFullSid,
  writeName,
  writeNameEx,
  writeRelativeSid,
  writeRelativeSidEx,
  writeSidPointer,
  writeTranslations,
  writeUnicode,
} from './lsa-translation.ts';
import { NdrReader, NdrWriter } from './ndr.ts';

interface Call {
  readonly reader: NdrReader;
  readonly accounts: AccountDirectory;
  readonly caller: RpcCaller;
}

/** The interface on the pipe `lsarpc`. */
export function localSecurityAuthority(accounts: AccountDirectory): RpcEndpoint {
  return {
    name: 'lsarpc',
    uuid: '12345778-1234-abcd-ef00-0123456789ab',
    versionMajor: 0,
    versionMinor: 0,
    call(opnum, stub, caller) {
      return operation(operations, opnum)({ reader: new NdrReader(stub), accounts, caller });
    },
  };
}

const SOME_NOT_MAPPED = 0x0000_0107;

/** The one policy there is. Nothing hangs on the handle, so it is no secret and the same for everyone. */
const policyHandle = Buffer.concat([
  Buffer.alloc(4),
  GuidCodec.encode('6c6f6369-6c70-4f6c-8963-79736d626b74'),
]);
const nullHandle = Buffer.concat([Buffer.alloc(4), GuidCodec.encode(nilGuid)]);

function checkHandle({ reader, caller }: Call): void {
  if (caller.isAnonymous) throw new RpcFault(FaultStatus.ACCESS_DENIED);
  if (!reader.bytes(policyHandle.length).equals(policyHandle))
    throw new RpcFault(FaultStatus.CONTEXT_MISMATCH);
}

function writeOpened(writer: NdrWriter, caller: RpcCaller): void {
  writer.bytes(caller.isAnonymous ? nullHandle : policyHandle);
  writer.u32(caller.isAnonymous ? NtStatus.ACCESS_DENIED : NtStatus.SUCCESS);
}

/** LsarOpenPolicy, LsarOpenPolicy2: whom and what for makes no difference. [MS-LSAD] 3.1.4.4.1, 3.1.4.4.2 */
function openPolicy({ caller }: Call): Buffer {
  const writer = new NdrWriter();
  writeOpened(writer, caller);
  return writer.stub();
}

/** LsarOpenPolicy3: revision 1, no further features. [MS-LSAD] 3.1.4.4.9 */
function openPolicy3({ caller }: Call): Buffer {
  const writer = new NdrWriter();
  for (const value of [1, 1, 1, 0]) writer.u32(value);
  writeOpened(writer, caller);
  return writer.stub();
}

/** LsarClose. [MS-LSAD] 3.1.4.9.4 */
function close(call: Call): Buffer {
  checkHandle(call);
  const writer = new NdrWriter();
  writer.bytes(nullHandle);
  writer.u32(NtStatus.SUCCESS);
  return writer.stub();
}

/** POLICY_INFORMATION_CLASS. [MS-LSAD] 2.2.4.1 */
const PolicyInformation = Object.freeze({ PRIMARY_DOMAIN: 3, ACCOUNT_DOMAIN: 5, DNS_DOMAIN: 12 });

/** A member of a workgroup: a domain name, but no domain. [MS-LSAD] 2.2.4.5, 2.2.4.6, 2.2.4.14 */
const policyWriters: ReadonlyMap<number, (writer: NdrWriter, accounts: AccountDirectory) => void> = new Map([
  [
    PolicyInformation.PRIMARY_DOMAIN,
    (writer: NdrWriter, { domainName }: AccountDirectory): void => {
      writeUnicode(writer, domainName, 'withTerminator');
      writeSidPointer(writer, undefined);
    },
  ],
  [
    PolicyInformation.ACCOUNT_DOMAIN,
    (writer: NdrWriter, { machineName, machineSid }: AccountDirectory): void => {
      writeUnicode(writer, machineName, 'withTerminator');
      writeSidPointer(writer, SidCodec.encode(machineSid));
    },
  ],
  [
    PolicyInformation.DNS_DOMAIN,
    (writer: NdrWriter, { domainName }: AccountDirectory): void => {
      for (const name of [domainName, '', '']) writeUnicode(writer, name, 'withTerminator');
      writer.bytes(GuidCodec.encode(nilGuid));
      writeSidPointer(writer, undefined);
    },
  ],
]);

/** LsarQueryInformationPolicy and …2. [MS-LSAD] 3.1.4.4.3, 3.1.4.4.4 */
function queryInformation(call: Call): Buffer {
  checkHandle(call);
  const { reader, accounts } = call;
  const level = reader.u16();
  const write = policyWriters.get(level);
  const writer = new NdrWriter();
  const writeUnion = (body: (writer: NdrWriter, accounts: AccountDirectory) => void): void => {
    writer.u16(level);
    writer.align(4);
    body(writer, accounts);
  };
  writer.pointer(write === undefined ? undefined : () => writeUnion(write));
  writer.u32(write === undefined ? NtStatus.INVALID_PARAMETER : NtStatus.SUCCESS);
  return writer.stub();
}

/** The answer of every call that translates. [MS-LSAT] 3.1.4.4 to 3.1.4.11 */
function answerTranslation(translated: readonly Translated[], write: WriteTranslation): Buffer {
  const mappedCount = translated.filter(({ account }) => account !== undefined).length;
  const references = referencesOf(translated);
  const writer = new NdrWriter();
  writeDomains(writer, references);
  writeTranslations(writer, translated, references, write);
  writer.u32(mappedCount);
  if (mappedCount === translated.length) writer.u32(NtStatus.SUCCESS);
  else writer.u32(mappedCount === 0 ? NtStatus.NONE_MAPPED : SOME_NOT_MAPPED);
  return writer.stub();
}

/** LsarLookupSids and LsarLookupSids2. [MS-LSAT] 3.1.4.11, 3.1.4.10 */
function lookupSids(write: WriteTranslation): (call: Call) => Buffer {
  return (call) => {
    checkHandle(call);
    const { reader, accounts } = call;
    const sids = readSids(reader);
    return answerTranslation(
      sids.map((sid) => ({ asked: sid, account: findBySid(accounts, sid) })),
      write,
    );
  };
}

/** LsarLookupNames to LsarLookupNames3. [MS-LSAT] 3.1.4.8, 3.1.4.7, 3.1.4.6 */
function lookupNames(write: WriteTranslation): (call: Call) => Buffer {
  return (call) => {
    checkHandle(call);
    const { reader, accounts } = call;
    const names = readNames(reader);
    return answerTranslation(
      names.map((name) => ({ asked: name, account: findByName(accounts, name) })),
      write,
    );
  };
}

/** LsarGetUserName: who the caller is. [MS-LSAT] 3.1.4.4 */
function userName({ reader, caller }: Call): Buffer {
  reader.unique(() => reader.text());
  if (reader.pointer()) throw new WireError('LsarGetUserName: a user name in the request');
  const wantsDomain = reader.pointer();
  const writer = new NdrWriter();
  const name = caller.isAnonymous ? 'ANONYMOUS LOGON' : caller.userName;
  const domain = caller.isAnonymous ? 'NT AUTHORITY' : caller.domainName;
  writer.pointer(() => writeUnicode(writer, name));
  writer.pointer(wantsDomain ? () => writer.pointer(() => writeUnicode(writer, domain)) : undefined);
  writer.u32(NtStatus.SUCCESS);
  return writer.stub();
}

/** [MS-LSAD] 3.1.4, [MS-LSAT] 3.1.4; any other number is answered with a fault. */
const operations: OperationTable<(call: Call) => Buffer> = new Map([
  [0, close],
  [6, openPolicy],
  [7, queryInformation],
  [14, lookupNames(writeRelativeSid)],
  [15, lookupSids(writeName)],
  [44, openPolicy],
  [45, userName],
  [46, queryInformation],
  [57, lookupSids(writeNameEx)],
  [58, lookupNames(writeRelativeSidEx)],
  [68, lookupNames(writeFullSid)],
  [130, openPolicy3],
]);
