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

function classOf<T>(
  list: ChainCodec<T>,
  fixedBytes: number,
  entryOf: (entry: ListedEntry) => T,
): DirectoryClass {
  return {
    fixedBytes,
    writer(target) {
      const writer: ChainWriter<T> = list.writer(target);
      return {
        append: (entry) => writer.append(entryOf(entry)),
        get end() {
          return writer.end;
        },
      };
    },
  };
}

const common = ({ name, stat, attributes }: ListedEntry): directory.FileDirectoryInformation => ({
  creationTime: stat.creationTime,
  lastAccessTime: stat.lastAccessTime,
  lastWriteTime: stat.lastWriteTime,
  changeTime: stat.changeTime,
  endOfFile: stat.kind === 'directory' ? 0n : BigInt(stat.sizeBytes),
  allocationSize: allocationOf(stat),
  fileAttributes: attributes,
  fileName: name,
});

/** [MS-FSCC] 2.4.8: of a reparse point EaSize is its tag. */
const withEa = (entry: ListedEntry): directory.FileFullDirectoryInformation => ({
  ...common(entry),
  eaSize: entry.reparseTag === 0 ? entry.eaSize : entry.reparseTag,
});
const withTag = (entry: ListedEntry): { reparsePointTag: number; eaSize: number } => ({
  eaSize: entry.eaSize,
  reparsePointTag: entry.reparseTag,
});
const short = ({ name }: ListedEntry): { shortName: string } => ({ shortName: listedShortName(name) });
/** [MS-FSCC] 2.4.21: the parent's id is not told, for it may lie outside the share. */
const idOf = ({ name, stat }: ListedEntry): bigint => (name === '..' ? 0n : stat.fileId);
const id = (entry: ListedEntry): { fileId: bigint } => ({ fileId: idOf(entry) });
const id128 = (entry: ListedEntry): { fileId128: bigint } => ({ fileId128: idOf(entry) });

export const directoryClasses: ReadonlyMap<number, DirectoryClass> = new Map<number, DirectoryClass>([
  [Class.FileDirectoryInformation, classOf(directory.FileDirectoryInformationList, 64, common)],
  [Class.FileFullDirectoryInformation, classOf(directory.FileFullDirectoryInformationList, 68, withEa)],
  [
    Class.FileBothDirectoryInformation,
    classOf(directory.FileBothDirectoryInformationList, 94, (entry) => ({
      ...withEa(entry),
      ...short(entry),
    })),
  ],
  [
    Class.FileNamesInformation,
    classOf(directory.FileNamesInformationList, 12, ({ name }) => ({ fileName: name })),
  ],
  [
    Class.FileIdBothDirectoryInformation,
    classOf(directory.FileIdBothDirectoryInformationList, 104, (entry) => ({
      ...withEa(entry),
      ...short(entry),
      ...id(entry),
    })),
  ],
  [
    Class.FileIdFullDirectoryInformation,
    classOf(directory.FileIdFullDirectoryInformationList, 80, (entry) => ({
      ...withEa(entry),
      ...id(entry),
    })),
  ],
  [
    Class.FileIdExtdDirectoryInformation,
    classOf(directory.FileIdExtdDirectoryInformationList, 88, (entry) => ({
      ...common(entry),
      ...withTag(entry),
      ...id128(entry),
    })),
  ],
  [
    Class.FileIdExtdBothDirectoryInformation,
    classOf(directory.FileIdExtdBothDirectoryInformationList, 114, (entry) => ({
      ...common(entry),
      ...withTag(entry),
      ...id128(entry),
      ...short(entry),
    })),
  ],
  [
    Class.FileId64ExtdDirectoryInformation,
    classOf(directory.FileId64ExtdDirectoryInformationList, 80, (entry) => ({
      ...common(entry),
      ...withTag(entry),
      ...id(entry),
    })),
  ],
  [
    Class.FileId64ExtdBothDirectoryInformation,
    classOf(directory.FileId64ExtdBothDirectoryInformationList, 106, (entry) => ({
      ...common(entry),
      ...withTag(entry),
      ...id(entry),
      ...short(entry),
    })),
  ],
  [
    Class.FileIdAllExtdDirectoryInformation,
    classOf(directory.FileIdAllExtdDirectoryInformationList, 96, (entry) => ({
      ...common(entry),
      ...withTag(entry),
      ...id(entry),
      ...id128(entry),
    })),
  ],
  [
    Class.FileIdAllExtdBothDirectoryInformation,
    classOf(directory.FileIdAllExtdBothDirectoryInformationList, 122, (entry) => ({
      ...common(entry),
      ...withTag(entry),
      ...id(entry),
      ...id128(entry),
      ...short(entry),
    })),
  ],
]);
