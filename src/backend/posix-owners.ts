/**
 * Owners of local files as SIDs: accounts of the server where a user id stands for one, otherwise those by which Samba names
 * the accounts of a Unix system.
 */
import type { Sid } from '../wire/dtyp/sid.ts';
import type { BackendStat } from './contract.ts';

/** "Unix User" and "Unix Group". */
const unixUser = 'S-1-22-1';
const unixGroup = 'S-1-22-2';
/** Pairs remembered; a system has few. */
const COUNT_MAX = 10_000;

export interface OwnerOptions {
  /** The account that a user id stands for. */
  readonly ownerOf?: (uid: number) => Sid | undefined;
  /** To whom new files are given. */
  readonly owner?: number;
}

type Owners = Pick<BackendStat, 'owner' | 'group'>;

export class PosixOwners {
  readonly #options: OwnerOptions;
  readonly #known = new Map<string, Owners>();
  /** What was asked for last: most files of a folder are one account's. */
  #last:
    | { readonly uid: number | bigint; readonly gid: number | bigint; readonly owners: Owners }
    | undefined;

  constructor(options: OwnerOptions) {
    this.#options = options;
  }

  /** Owner and group; neither for the files that the server makes: their maker is not known. */
  of({ uid, gid }: { readonly uid: number | bigint; readonly gid: number | bigint }): Owners {
    if (this.#last?.uid === uid && this.#last.gid === gid) return this.#last.owners;
    const owners = this.#ownersOf(uid, gid);
    this.#last = { uid, gid, owners };
    return owners;
  }

  #ownersOf(uid: number | bigint, gid: number | bigint): Owners {
    const key = `${uid}:${gid}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const owners = this.#sidsOf(Number(uid), Number(gid));
    if (this.#known.size < COUNT_MAX) this.#known.set(key, owners);
    return owners;
  }

  #sidsOf(uid: number, gid: number): Owners {
    const group = `${unixGroup}-${gid}`;
    const account = this.#options.ownerOf?.(uid);
    if (account !== undefined) return { owner: account, group };
    const isOwn = uid === (this.#options.owner ?? process.geteuid?.());
    return isOwn ? {} : { owner: `${unixUser}-${uid}`, group };
  }
}
