/**
 * How names and SIDs lie in the calls that translate them. [MS-LSAT] 2.2
 */
import { type Sid, SidCodec } from '../wire/dtyp/sid.ts';
import { type Account, SidNameUse } from './accounts.ts';
import type { NdrReader, NdrWriter } from './ndr.ts';

/** One thing that was asked for, and what it stands for; undefined where it stands for nothing known. */
export interface Translated {
  readonly asked: string;
  readonly account: Account | undefined;
}

/** A domain that translated accounts belong to. */
interface ReferencedDomain {
  readonly name: string;
  readonly sid: Buffer;
}

/** Referenced domains and, per account, the index of its own; -1 where there is none. [MS-LSAT] 2.2.12 */
export interface DomainReferences {
  readonly domains: readonly ReferencedDomain[];
  indexOf(account: Account | undefined): number;
}

const noDomain = 0xffff_ffff;
/** SIDs and names of one call. [MS-LSAT] 2.2.18, 3.1.4.8 */
const sidCountMax = 20_480;
const nameCountMax = 1000;

/** Bytes of the SID of an account's domain: the SID itself of a domain, otherwise all but the last sub-authority. */
function domainSidOf({ sid, use }: Account): Buffer {
  const bytes = SidCodec.encode(sid);
  if (use === SidNameUse.DOMAIN) return bytes;
  const domain = Buffer.from(bytes.subarray(0, -4));
  domain.writeUInt8(bytes.readUInt8(1) - 1, 1);
  return domain;
}

/** The last sub-authority; all ones of a domain. */
export function relativeIdOf({ sid, use }: Account): number {
  return use === SidNameUse.DOMAIN ? noDomain : SidCodec.encode(sid).readUInt32LE(SidCodec.sizeOf(sid) - 4);
}

/** The domains of all translated accounts, each once. */
export function referencesOf(translated: readonly Translated[]): DomainReferences {
  const domains: ReferencedDomain[] = [];
  const indexes = new Map<string, number>();
  const keyOf = (account: Account): string => `${domainSidOf(account).toString('hex')} ${account.domainName}`;
  for (const { account } of translated) {
    if (account === undefined || indexes.has(keyOf(account))) continue;
    indexes.set(keyOf(account), domains.length);
    domains.push({ name: account.domainName, sid: domainSidOf(account) });
  }
  return {
    domains,
    indexOf: (account) => (account === undefined ? noDomain : (indexes.get(keyOf(account)) ?? noDomain)),
  };
}

/** Reads LSAPR_SID_ENUM_BUFFER. [MS-LSAT] 2.2.18 */
export function readSids(reader: NdrReader): Sid[] {
  reader.u32();
  if (!reader.pointer()) return [];
  const count = reader.arrayCount(4, sidCountMax);
  const isPresent: boolean[] = [];
  for (let index = 0; index < count; index++) isPresent.push(reader.pointer());
  return isPresent.filter(Boolean).map(() => readSid(reader));
}

function readSid(reader: NdrReader): Sid {
  const count = reader.arrayCount(4);
  return SidCodec.decode(reader.bytes(8 + 4 * count));
}

/** Reads the counted array of RPC_UNICODE_STRING that names are asked for with. [MS-LSAT] 3.1.4.8 */
export function readNames(reader: NdrReader): string[] {
  reader.u32();
  const count = reader.arrayCount(8, nameCountMax);
  const isPresent: boolean[] = [];
  for (let index = 0; index < count; index++) {
    reader.align(4);
    reader.u16();
    reader.u16();
    isPresent.push(reader.pointer());
  }
  return isPresent.map((present) => (present ? reader.text() : ''));
}

/** Which of the two customs of MaximumLength a string follows. */
export type TextRoom = 'exact' | 'withTerminator';

/** RPC_UNICODE_STRING; inside a constructed type its units are deferred. [MS-DTYP] 2.3.10 */
export function writeUnicode(writer: NdrWriter, text: string, room: TextRoom = 'exact'): void {
  const units = Buffer.from(text, 'utf16le');
  const roomBytes = units.length + (room === 'withTerminator' ? 2 : 0);
  writer.align(4);
  writer.u16(units.length);
  writer.u16(roomBytes);
  writer.pointer(() => {
    writer.u32(roomBytes / 2);
    writer.u32(0);
    writer.u32(units.length / 2);
    writer.bytes(units);
  });
}

/** A pointer to an RPC_SID. [MS-DTYP] 2.4.2.3 */
export function writeSidPointer(writer: NdrWriter, sid: Buffer | undefined): void {
  const write = (bytes: Buffer): void => {
    writer.u32(bytes.readUInt8(1));
    writer.bytes(bytes);
  };
  writer.pointer(sid === undefined ? undefined : () => write(sid));
}

/** MaxEntries, which means nothing. [MS-LSAT] 2.2.12 */
const maxEntries = 32;

/** A pointer to LSAPR_REFERENCED_DOMAIN_LIST. [MS-LSAT] 2.2.12 */
export function writeDomains(writer: NdrWriter, { domains }: DomainReferences): void {
  const writeArray = (): void => {
    writer.u32(domains.length);
    for (const domain of domains) {
      writeUnicode(writer, domain.name, 'withTerminator');
      writeSidPointer(writer, domain.sid);
    }
  };
  writer.pointer(() => {
    writer.u32(domains.length);
    writer.pointer(domains.length === 0 ? undefined : writeArray);
    writer.u32(maxEntries);
  });
}

/** One element of an array of translations. */
export type WriteTranslation = (writer: NdrWriter, translated: Translated, domainIndex: number) => void;

/** A counted array of translations: LSAPR_TRANSLATED_NAMES, …_SIDS and their extended forms. [MS-LSAT] 2.2.16 to 2.2.25 */
export function writeTranslations(
  writer: NdrWriter,
  translated: readonly Translated[],
  references: DomainReferences,
  write: WriteTranslation,
): void {
  const writeArray = (): void => {
    writer.u32(translated.length);
    for (const each of translated) write(writer, each, references.indexOf(each.account));
  };
  writer.constructed(() => {
    writer.u32(translated.length);
    writer.pointer(translated.length === 0 ? undefined : writeArray);
  });
}

function writeUse(writer: NdrWriter, account: Account | undefined): void {
  writer.align(4);
  writer.u16(account?.use ?? SidNameUse.UNKNOWN);
}

/** LSA_TRANSLATED_NAME: an unknown SID is named by its own text. [MS-LSAT] 2.2.19 */
export const writeName: WriteTranslation = (writer, { asked, account }, domainIndex) => {
  writeUse(writer, account);
  writeUnicode(writer, account?.name ?? asked);
  writer.u32(domainIndex);
};

/** LSAPR_TRANSLATED_NAME_EX. [MS-LSAT] 2.2.21 */
export const writeNameEx: WriteTranslation = (writer, translated, domainIndex) => {
  writeName(writer, translated, domainIndex);
  writer.u32(0);
};

/** LSA_TRANSLATED_SID. [MS-LSAT] 2.2.14 */
export const writeRelativeSid: WriteTranslation = (writer, { account }, domainIndex) => {
  writeUse(writer, account);
  writer.u32(account === undefined ? 0 : relativeIdOf(account));
  writer.u32(domainIndex);
};

/** LSAPR_TRANSLATED_SID_EX. [MS-LSAT] 2.2.23 */
export const writeRelativeSidEx: WriteTranslation = (writer, translated, domainIndex) => {
  writeRelativeSid(writer, translated, domainIndex);
  writer.u32(0);
};

/** LSAPR_TRANSLATED_SID_EX2. [MS-LSAT] 2.2.25 */
export const writeFullSid: WriteTranslation = (writer, { account }, domainIndex) => {
  writeUse(writer, account);
  writeSidPointer(writer, account === undefined ? undefined : SidCodec.encode(account.sid));
  writer.u32(domainIndex);
  writer.u32(0);
};
