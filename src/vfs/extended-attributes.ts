/**
 * Extended attributes: names without regard to case, values of bytes. [MS-FSCC] 2.4.16
 */
import type { BackendPath, MaybePromise } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
import type { FileFullEaInformation } from '../wire/fscc/extended-attributes.ts';
import type { VersionedPlace } from './known-facts.ts';
import { chain } from './maybe-promise.ts';
import type { Volume } from './volume.ts';

export type EaEntry = FileFullEaInformation;

/** Bytes of all attributes of one file together. */
const eaBytesMax = 65_536;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const forbidden = /["*+,/:;<=>?[\\\]|\u0000-\u001f]/;

/** Throws INVALID_EA_NAME for a name that no file system would take. [MS-FSCC] 2.4.16 */
export function checkEaNames(entries: readonly EaEntry[]): void {
  for (const { eaName } of entries) {
    demand(!eaName.toUpperCase().startsWith(ownPrefix), NtStatus.ACCESS_DENIED, "the server's own");
    demand(eaName.length > 0 && !forbidden.test(eaName), NtStatus.INVALID_EA_NAME);
  }
}

/**
 * Names of attributes in which this server keeps what is its own. No client can name them, for a colon is not allowed, and
 * none is shown them.
 */
const ownPrefix = 'SMBKIT:';

/** Under this name {@link import('./object-id.ts')} keeps what belongs to a file and not to its content: overwriting leaves it. */
export const objectIdName = 'OBJECTID';

const none: ReadonlyMap<string, Buffer> = new Map();

/** The clients' attributes of what is at a place; none where the store keeps none. */
export function readEas(volume: Volume, place: VersionedPlace): MaybePromise<ReadonlyMap<string, Buffer>> {
  const { extendedAttributes } = volume.backend;
  if (extendedAttributes === undefined || place.stat?.hasExtendedAttributes === false) return none;
  const all = volume.facts.attributes(place, extendedAttributes);
  return chain(all, shownEas);
}

function shownEas(all: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  if (all.size === 0) return none;
  // An empty value is none to clients: setting one removes the attribute. [MS-FSA] 2.1.5.15.5
  return new Map([...all].filter(([name, value]) => !name.startsWith(ownPrefix) && value.length > 0));
}

/** What this server keeps at `path` under `name`. */
export async function readOwn(volume: Volume, path: BackendPath, name: string): Promise<Buffer | undefined> {
  const all = await volume.backend.extendedAttributes?.read(path);
  return all?.get(ownPrefix + name);
}

/** Keeps `value` at `path` under `name`; undefined forgets it. Throws NOT_SUPPORTED where the store cannot. */
export async function writeOwn(
  volume: Volume,
  path: BackendPath,
  name: string,
  value: Buffer | undefined,
): Promise<void> {
  const { extendedAttributes } = volume.backend;
  demand(extendedAttributes, NtStatus.NOT_SUPPORTED);
  const after = new Map(await extendedAttributes.read(path));
  if (value === undefined) after.delete(ownPrefix + name);
  else after.set(ownPrefix + name, value);
  await volume.facts.changed(extendedAttributes.write(path, after));
}

/** Adds, replaces and (with an empty value) removes attributes. */
export async function changeEas(
  volume: Volume,
  path: BackendPath,
  entries: readonly EaEntry[],
  keeping: 'others' | 'nothing' = 'others',
): Promise<void> {
  const { extendedAttributes } = volume.backend;
  demand(extendedAttributes, NtStatus.EAS_NOT_SUPPORTED);
  checkEaNames(entries);
  const former = await extendedAttributes.read(path);
  const kept =
    keeping === 'others' ? [...former] : [...former].filter(([name]) => name === ownPrefix + objectIdName);
  const after = new Map(kept);
  for (const { eaName, eaValue } of entries) {
    const name = eaName.toUpperCase();
    if (eaValue.length === 0) after.delete(name);
    else after.set(name, Buffer.from(eaValue));
  }
  demand(eaSizeOf(after) <= eaBytesMax, NtStatus.EA_TOO_LARGE);
  await volume.facts.changed(extendedAttributes.write(path, after));
}

/** EaSize of what is at a place; costs nothing on stores without attributes. */
export function eaSizeAt(volume: Volume, place: VersionedPlace): MaybePromise<number> {
  if (volume.backend.extendedAttributes === undefined || place.stat?.hasExtendedAttributes === false)
    return 0;
  return chain(readEas(volume, place), eaSizeOf);
}

/** EaSize: what the attributes take as OS/2 counted it; 0 without any. [MS-FSCC] 2.4.13 */
export function eaSizeOf(attributes: ReadonlyMap<string, Buffer>): number {
  if (attributes.size === 0) return 0;
  let size = 4;
  for (const [name, value] of attributes) size += 5 + Buffer.byteLength(name, 'latin1') + value.length;
  return size;
}
