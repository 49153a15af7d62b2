/**
 * The classes of QUERY_DIRECTORY, and how an entry fills each. [MS-FSCC] 2.4, [MS-SMB2] 3.3.5.18
 */
import type { ChainCodec, ChainWriter } from '../wire/chain.ts';
import * as directory from '../wire/fscc/directory.ts';
import { FileInformationClass as Class } from '../wire/fscc/information-class-table.ts';
import { allocationOf } from './attributes.ts';
import type { ListedEntry } from './directory-listing.ts';
import { listedShortName } from './short-names.ts';

/** Appends entries until one does not fit. */
export interface EntryWriter {
  append(entry: ListedEntry): boolean;
  readonly end: number;
}

export interface DirectoryClass {
  /** Bytes of an entry without its name: less room than this is INFO_LENGTH_MISMATCH. */
  readonly fixedBytes: number;
  writer(target: Buffer): EntryWriter;
}

/** What any class tells of an entry; each takes of it what it has room for. */
type Fields = directory.FileIdAllExtdBothDirectoryInformation;

/** What is worked out for the classes only that tell it. */
interface Traits {
  readonly hasShortName?: boolean;
  /** The tag of a reparse point has a field of its own. */
  readonly hasTag?: boolean;
}

function fieldsOf(entry: ListedEntry, { hasShortName = false, hasTag = false }: Traits): Fields {
  const { name, stat, eaSize, reparseTag } = entry;
  // [MS-FSCC] 2.4.21: the parent's id is not told, for it may lie outside the share.
  const fileId = name === '..' ? 0n : stat.fileId;
  return {
    creationTime: stat.creationTime,
    lastAccessTime: stat.lastAccessTime,
    lastWriteTime: stat.lastWriteTime,
    changeTime: stat.changeTime,
    endOfFile: stat.kind === 'directory' ? 0n : BigInt(stat.sizeBytes),
    allocationSize: allocationOf(stat),
    fileAttributes: entry.attributes,
    // [MS-FSCC] 2.4.8: of a reparse point EaSize is its tag.
    eaSize: hasTag || reparseTag === 0 ? eaSize : reparseTag,
    reparsePointTag: reparseTag,
    fileId,
    fileId128: fileId,
    shortName: hasShortName ? listedShortName(name) : '',
    fileName: name,
  };
}

class Writer implements EntryWriter {
  readonly #chain: ChainWriter<Fields>;
  readonly #traits: Traits;

  constructor(chain: ChainWriter<Fields>, traits: Traits) {
    this.#chain = chain;
    this.#traits = traits;
  }

  get end(): number {
    return this.#chain.end;
  }

  append(entry: ListedEntry): boolean {
    return this.#chain.append(fieldsOf(entry, this.#traits));
  }
}

type List = Pick<ChainCodec<Fields>, 'writer'>;

function classOf(list: List, fixedBytes: number, traits: Traits = {}): DirectoryClass {
  return { fixedBytes, writer: (target) => new Writer(list.writer(target), traits) };
}

const short: Traits = { hasShortName: true };
const tag: Traits = { hasTag: true };
const both: Traits = { hasShortName: true, hasTag: true };

export const directoryClasses: ReadonlyMap<number, DirectoryClass> = new Map<number, DirectoryClass>([
  [Class.FileDirectoryInformation, classOf(directory.FileDirectoryInformationList, 64)],
  [Class.FileFullDirectoryInformation, classOf(directory.FileFullDirectoryInformationList, 68)],
  [Class.FileBothDirectoryInformation, classOf(directory.FileBothDirectoryInformationList, 94, short)],
  [Class.FileNamesInformation, classOf(directory.FileNamesInformationList, 12)],
  [Class.FileIdBothDirectoryInformation, classOf(directory.FileIdBothDirectoryInformationList, 104, short)],
  [Class.FileIdFullDirectoryInformation, classOf(directory.FileIdFullDirectoryInformationList, 80)],
  [Class.FileIdExtdDirectoryInformation, classOf(directory.FileIdExtdDirectoryInformationList, 88, tag)],
  [
    Class.FileIdExtdBothDirectoryInformation,
    classOf(directory.FileIdExtdBothDirectoryInformationList, 114, both),
  ],
  [Class.FileId64ExtdDirectoryInformation, classOf(directory.FileId64ExtdDirectoryInformationList, 80, tag)],
  [
    Class.FileId64ExtdBothDirectoryInformation,
    classOf(directory.FileId64ExtdBothDirectoryInformationList, 106, both),
  ],
  [
    Class.FileIdAllExtdDirectoryInformation,
    classOf(directory.FileIdAllExtdDirectoryInformationList, 96, tag),
  ],
  [
    Class.FileIdAllExtdBothDirectoryInformation,
    classOf(directory.FileIdAllExtdBothDirectoryInformationList, 122, both),
  ],
]);
