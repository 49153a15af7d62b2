/**
 * What a file of the memory store takes of the volume and of its owner's share.
 */
import type { Sid } from '../wire/dtyp/sid.ts';
import type { OwnerAccounts } from './owner-accounts.ts';
import type { SpaceLedger } from './sparse-data.ts';

/** The ledger of one file: its bytes count for the volume and for its owner. */
export class NodeLedger implements SpaceLedger {
  readonly #space: SpaceLedger;
  readonly #accounts: OwnerAccounts;
  #owner: Sid | undefined;
  #ownBytes = 0;

  constructor(space: SpaceLedger, accounts: OwnerAccounts) {
    this.#space = space;
    this.#accounts = accounts;
  }

  charge(bytes: number): void {
    this.#space.charge(bytes);
  }

  own(bytes: number): void {
    if (this.#owner !== undefined) this.#accounts.charge(this.#owner, bytes);
    this.#ownBytes += bytes;
  }

  changeOwner(owner: Sid | undefined): void {
    if (owner === this.#owner) return;
    this.#accounts.move(this.#ownBytes, this.#owner, owner);
    this.#owner = owner;
  }
}
