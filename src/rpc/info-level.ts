/**
 * The pattern of [MS-SRVS] and [MS-WKST]: records that are asked for at a numbered level of detail, one at a time or in lists.
 */
import { WireError } from '../wire/codec.ts';
import type { RpcCaller } from './endpoint.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';

/** Return values. [MS-ERREF] 2.2 */
export const Win32Error = Object.freeze({
  SUCCESS: 0,
  ACCESS_DENIED: 5,
  NOT_SUPPORTED: 50,
  INVALID_PARAMETER: 87,
  INVALID_NAME: 123,
  INVALID_LEVEL: 124,
  MORE_DATA: 234,
  NERR_NET_NAME_NOT_FOUND: 2310,
});

/** Writes one member of a record. */
export type Member<R> = (writer: NdrWriter, record: R) => void;

/** One level of detail. */
export interface InfoLevel<R> {
  /** Only administrators get it. */
  readonly isPrivileged: boolean;
  /** The structure's members in order. */
  readonly members: readonly Member<R>[];
}

/** The levels of one kind of record. */
export type InfoLevels<R> = ReadonlyMap<number, InfoLevel<R>>;

/** A 32-bit member. */
export function word<R>(value: (record: R) => number): Member<R> {
  return (writer, record) => writer.u32(value(record));
}

/** A member that points to a string. */
export function text<R>(value: (record: R) => string): Member<R> {
  return (writer, record) => writer.textPointer(value(record));
}

/** A level that everyone gets. */
export function open<R>(...members: Member<R>[]): InfoLevel<R> {
  return { isPrivileged: false, members };
}

/** A level that only administrators get. */
export function privileged<R>(...members: Member<R>[]): InfoLevel<R> {
  return { isPrivileged: true, members };
}

function refusal<R>(levels: InfoLevels<R>, level: number, caller: RpcCaller): number {
  const found = levels.get(level);
  if (found === undefined) return Win32Error.INVALID_LEVEL;
  return found.isPrivileged && !caller.isAdministrator ? Win32Error.ACCESS_DENIED : Win32Error.SUCCESS;
}

function writeRecord<R>(writer: NdrWriter, levels: InfoLevels<R>, level: number, record: R): void {
  for (const member of levels.get(level)?.members ?? []) member(writer, record);
}

/** What a query of one record is about. */
export interface InfoQuery<R> {
  readonly levels: InfoLevels<R>;
  readonly level: number;
  readonly caller: RpcCaller;
  /** Undefined: there is no such record. */
  readonly record: R | undefined;
  /** Returned when there is no such record. */
  readonly absent: number;
}

/** The answer of a `…GetInfo` call: the level, a pointer to the structure or null, the return value. */
export function answerInfo<R>({ levels, level, caller, record, absent }: InfoQuery<R>): Buffer {
  const writer = new NdrWriter();
  const refused = refusal(levels, level, caller);
  const found = refused === Win32Error.SUCCESS ? record : undefined;
  writer.u32(level);
  // A level without a structure is an arm of the union without a member.
  if (levels.has(level)) {
    writer.pointer(found === undefined ? undefined : () => writeRecord(writer, levels, level, found));
  }
  writer.u32(refused !== Win32Error.SUCCESS ? refused : found === undefined ? absent : Win32Error.SUCCESS);
  return writer.stub();
}

/** The parameters that all `…Enum` calls end with. */
export interface EnumRequest {
  readonly level: number;
  readonly preferredBytes: number;
  /** Undefined: the caller passed a null pointer. */
  readonly resume: number | undefined;
}

/**
 * Reads the enumeration structure, whose container has to be empty, PreferedMaximumLength and ResumeHandle. Of a level that is
 * not among `levels` nothing more is read: its layout is not known.
 */
export function readEnum(reader: NdrReader, levels: ReadonlyMap<number, unknown>): EnumRequest {
  const level = reader.u32();
  if (reader.u32() !== level) throw new WireError('NDR: union of another level');
  if (!levels.has(level)) return { level, preferredBytes: 0, resume: undefined };
  if (reader.pointer()) {
    const count = reader.u32();
    const hasBuffer = reader.pointer();
    if (count !== 0 || (hasBuffer && reader.u32() !== 0)) throw new WireError('NDR: container not empty');
  }
  const preferredBytes = reader.u32();
  return { level, preferredBytes, resume: reader.unique(() => reader.u32()) };
}

/** What a query of many records is about. */
export interface EnumQuery<R> {
  readonly levels: InfoLevels<R>;
  readonly request: EnumRequest;
  readonly caller: RpcCaller;
  /** Called only when the caller may see them. */
  readonly records: () => readonly R[];
}

/** The answer of an `…Enum` call: as many records as the caller wants bytes of, and where to go on. [MS-SRVS] 3.1.4.8 */
export function answerEnum<R>({ levels, request, caller, records }: EnumQuery<R>): Buffer {
  const { level, preferredBytes, resume } = request;
  const refused = refusal(levels, level, caller);
  const all = refused === Win32Error.SUCCESS ? records().slice(resume ?? 0) : [];
  const count = countThatFits(levels, level, all, preferredBytes);
  const isMore = count < all.length;
  const writer = new NdrWriter();
  writer.u32(level);
  writer.u32(level);
  if (levels.has(level)) writer.pointer(() => writeContainer(writer, levels, level, all.slice(0, count)));
  writer.u32(all.length);
  writer.pointer(resume === undefined ? undefined : () => writer.u32(isMore ? resume + count : 0));
  writer.u32(refused !== Win32Error.SUCCESS ? refused : isMore ? Win32Error.MORE_DATA : Win32Error.SUCCESS);
  return writer.stub();
}

function writeContainer<R>(
  writer: NdrWriter,
  levels: InfoLevels<R>,
  level: number,
  records: readonly R[],
): void {
  const writeArray = (): void => {
    writer.u32(records.length);
    for (const record of records) writeRecord(writer, levels, level, record);
  };
  writer.u32(records.length);
  writer.pointer(records.length === 0 ? undefined : writeArray);
}

const everything = 0xffff_ffff;

/** How many of the records to return: at least one, so that a caller who goes on gets on. */
function countThatFits<R>(
  levels: InfoLevels<R>,
  level: number,
  records: readonly R[],
  bytesMax: number,
): number {
  if (bytesMax === everything) return records.length;
  let bytes = 0;
  let count = 0;
  for (const record of records) {
    const writer = new NdrWriter();
    writer.constructed(() => writeRecord(writer, levels, level, record));
    bytes += writer.stub().length;
    if (bytes > bytesMax && count > 0) break;
    count++;
  }
  return count;
}
