/**
 * What the store keeps beside files, remembered between opens: security descriptors and extended attributes seldom change, and a
 * store that tells versions says when they did.
 *
 * Unless a store says otherwise, a version that is younger than its clock can tell apart proves nothing: what was read then may
 * have changed once more within the same tick. So only what belongs to a version of some age is remembered.
 */
import type {
  BackendPath,
  BackendStat,
  ExtendedAttributeAbility,
  MaybePromise,
  SecurityAbility,
} from '../backend/contract.ts';
import { type SecurityDescriptor, SecurityDescriptorCodec } from '../wire/dtyp/security-descriptor.ts';
import { chain } from './maybe-promise.ts';

/** Files whose facts are remembered: those asked for lately, and as many before them. */
const FILE_COUNT_MAX = 16_384;

/** Age of a version from which on it names one state of the file only: 2 s, the coarsest clock of file systems in use. */
const SETTLED_NS = 2_000_000_000n;

interface Facts {
  readonly version: bigint;
  /** `null`: the store keeps none. */
  security?: SecurityDescriptor | null;
  attributes?: ReadonlyMap<string, Buffer>;
}

/** Where a file is, and in which version, as the store told a moment ago. */
export interface VersionedPlace {
  readonly path: BackendPath;
  readonly stat?:
    | Pick<BackendStat, 'fileId' | 'version' | 'isVersionExact' | 'hasExtendedAttributes'>
    | undefined;
}

export class KnownFacts {
  readonly #nowNs: () => bigint;
  #files = new Map<bigint, Facts>();
  /** What was remembered before; what is asked for moves over, the rest goes when there is as much again. */
  #older = new Map<bigint, Facts>();

  /** `nowNs`: the wall clock, in nanoseconds since 1970. */
  constructor(nowNs: () => bigint) {
    this.#nowNs = nowNs;
  }

  /** The descriptor that the store keeps, asked for where it is not known. */
  security(
    place: VersionedPlace,
    from: Pick<SecurityAbility, 'read'>,
  ): MaybePromise<SecurityDescriptor | undefined> {
    const facts = this.#factsOf(place);
    if (facts?.security !== undefined) return facts.security ?? undefined;
    return chain(from.read(place.path), keepSecurity, facts);
  }

  /** All attributes that the store keeps, asked for where they are not known. */
  attributes(
    place: VersionedPlace,
    from: Pick<ExtendedAttributeAbility, 'read'>,
  ): MaybePromise<ReadonlyMap<string, Buffer>> {
    const facts = this.#factsOf(place);
    if (facts?.attributes !== undefined) return facts.attributes;
    return chain(from.read(place.path), keepAttributes, facts);
  }

  /** This server changes what the store keeps beside some file, where a store need not tell by the version. */
  async changed(written: MaybePromise<void>): Promise<void> {
    try {
      await written;
    } finally {
      this.#files.clear();
      this.#older.clear();
    }
  }

  /** Where facts of the version are found or put; undefined where nothing can be remembered. */
  #factsOf({ stat }: VersionedPlace): Facts | undefined {
    const version = stat?.version;
    if (stat === undefined || version === undefined) return undefined;
    const known = this.#files.get(stat.fileId);
    if (known?.version === version) return known;
    const older = this.#older.get(stat.fileId);
    if (older?.version === version) return this.#remember(stat.fileId, older);
    if (stat.isVersionExact !== true && this.#nowNs() - version < SETTLED_NS) return undefined;
    // Always another object: who still reads for the former version has that one.
    return this.#remember(stat.fileId, { version });
  }

  #remember(fileId: bigint, facts: Facts): Facts {
    if (this.#files.size >= FILE_COUNT_MAX && !this.#files.has(fileId)) {
      this.#older = this.#files;
      this.#files = new Map();
    }
    this.#files.set(fileId, facts);
    return facts;
  }
}

function keepSecurity(bytes: Buffer | undefined, facts: Facts | undefined): SecurityDescriptor | undefined {
  const found = bytes === undefined ? undefined : SecurityDescriptorCodec.decode(bytes);
  if (facts !== undefined) facts.security = found ?? null;
  return found;
}

function keepAttributes(
  found: ReadonlyMap<string, Buffer>,
  facts: Facts | undefined,
): ReadonlyMap<string, Buffer> {
  if (facts !== undefined) facts.attributes = found;
  return found;
}
