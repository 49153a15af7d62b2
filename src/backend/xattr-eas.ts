/**
 * Extended attributes of clients: each in the attribute `user.NAME` of the file, as Samba keeps them, or aside.
 */
import { BackendError } from './error.ts';
import type { LocalFile, MetadataStore } from './metadata-store.ts';
import { attributeOfEa, eaOfAttribute, isPrivateEa } from './samba-names.ts';
import type { Task } from './task.ts';
import type { XattrKeeper } from './xattr-keeper.ts';

type EaMap = ReadonlyMap<string, Buffer>;

export class ExtendedAttributes {
  readonly #keeper: XattrKeeper;
  readonly #side: MetadataStore;

  constructor(keeper: XattrKeeper, side: MetadataStore) {
    this.#keeper = keeper;
    this.#side = side;
  }

  /** All of them, by name in upper case. */
  *read(file: LocalFile): Task<EaMap> {
    const found = new Map(this.#aside(file));
    for (const [name, [attribute = '']] of yield* this.#carried(file)) {
      const value = yield* this.#keeper.read(file, Buffer.from(attribute, 'latin1'));
      if (value !== undefined) found.set(name, value);
    }
    return found;
  }

  /** Replaces all of them. EACCES for names that are the server's own. */
  *write(file: LocalFile, wanted: EaMap): Task<void> {
    for (const name of wanted.keys())
      if (isPrivateEa(name)) throw new BackendError('EACCES', 'setxattr', name);
    const carried = yield* this.#carried(file);
    for (const [name, bytes] of wanted) {
      const [attribute] = carried.get(name) ?? [];
      yield* this.#keep(file, name, { bytes, name: Buffer.from(attribute ?? attributeOfEa(name), 'latin1') });
    }
    for (const [name, attributes] of carried) {
      if (wanted.has(name)) continue;
      for (const attribute of attributes) yield* this.#keeper.remove(file, Buffer.from(attribute, 'latin1'));
    }
    const aside = [...this.#aside(file)].filter(([name]) => wanted.has(name));
    this.#putAside(file, new Map(aside));
  }

  *#keep(file: LocalFile, ea: string, value: { name: Buffer; bytes: Buffer }): Task<void> {
    const { bytes } = value;
    if ((yield* this.#keeper.read(file, value.name))?.equals(bytes)) return;
    const without = (): Map<string, Buffer> =>
      new Map([...this.#aside(file)].filter(([name]) => name !== ea));
    yield* this.#keeper.keep(file, value, {
      isUsed: this.#aside(file).has(ea),
      keep: () => this.#putAside(file, without().set(ea, bytes)),
      drop: () => this.#putAside(file, without()),
    });
  }

  /** The names of the attributes that hold EAs; several where they differ in case only, of which the first counts. */
  *#carried(file: LocalFile): Task<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const attribute of yield* this.#keeper.list(file)) {
      const name = eaOfAttribute(attribute);
      if (name === undefined) continue;
      const former = found.get(name);
      if (former === undefined) found.set(name, [attribute]);
      else former.push(attribute);
    }
    return found;
  }

  #aside({ reference }: LocalFile): EaMap {
    return this.#side.read(reference).extendedAttributes ?? new Map();
  }

  #putAside(file: LocalFile, extendedAttributes: EaMap): void {
    const former = this.#side.read(file.reference);
    if (extendedAttributes.size === 0 && !former.extendedAttributes?.size) return;
    this.#side.write(file.reference, { ...former, extendedAttributes });
  }
}
