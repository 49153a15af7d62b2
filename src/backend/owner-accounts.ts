/**
 * Space by owner: who owns a file, its security descriptor says. Files without one have no owner.
 */

import { type Sid, SidCodec } from '../wire/dtyp/sid.ts';
import type { QuotaAbility, QuotaEntry } from './contract.ts';
import { BackendError } from './error.ts';

const NO_LIMIT = -1n;
/** Where the offset of the owner is in a self-relative descriptor. [MS-DTYP] 2.4.6 */
const OWNER_OFFSET = 4;
const HEADER_BYTES = 20;

/** The owner that a self-relative descriptor names; undefined for bytes that name none. */
export function ownerOf(descriptor: Buffer | undefined): Sid | undefined {
  if (descriptor === undefined || descriptor.length < HEADER_BYTES) return undefined;
  const offset = descriptor.readUInt32LE(OWNER_OFFSET);
  if (offset < HEADER_BYTES || offset >= descriptor.length) return undefined;
  try {
    return SidCodec.decode(descriptor, offset, SidCodec.endOf(descriptor, offset, descriptor.length));
  } catch {
    return undefined;
  }
}

interface Account {
  usedBytes: number;
  thresholdBytes: bigint;
  limitBytes: bigint;
}

/** The accounts of a volume. */
export class OwnerAccounts implements QuotaAbility {
  readonly #accounts = new Map<Sid, Account>();
  readonly #limited = new Set<Sid>();

  read(): QuotaEntry[] {
    return [...this.#accounts].map(([owner, { usedBytes, thresholdBytes, limitBytes }]) => ({
      owner,
      usedBytes: BigInt(usedBytes),
      thresholdBytes,
      limitBytes,
    }));
  }

  write(entries: readonly Omit<QuotaEntry, 'usedBytes'>[]): void {
    for (const { owner, thresholdBytes, limitBytes } of entries) {
      this.#limit(owner, this.#account(owner), { thresholdBytes, limitBytes });
    }
  }

  remove(owner: Sid): void {
    const account = this.#accounts.get(owner);
    if (account === undefined) return;
    this.#limit(owner, account, { thresholdBytes: NO_LIMIT, limitBytes: NO_LIMIT });
    this.#dropIfEmpty(owner, account);
  }

  needsOwners(): boolean {
    return this.#limited.size > 0;
  }

  /** What was counted is to be counted anew; limits stay. */
  resetUse(): void {
    for (const [owner, account] of this.#accounts) {
      account.usedBytes = 0;
      this.#dropIfEmpty(owner, account);
    }
  }

  /** Takes `bytes` (gives back, when negative); throws EDQUOT beyond the owner's limit. */
  charge(owner: Sid, bytes: number): void {
    const account = this.#account(owner);
    const { limitBytes } = account;
    const isOver = bytes > 0 && limitBytes >= 0n && BigInt(account.usedBytes + bytes) > limitBytes;
    if (isOver) throw new BackendError('EDQUOT', 'write');
    account.usedBytes += bytes;
    this.#dropIfEmpty(owner, account);
  }

  /** What is there changes hands, whatever the limit of the new owner. */
  move(bytes: number, from: Sid | undefined, to: Sid | undefined): void {
    if (from !== undefined) this.charge(from, -bytes);
    if (to !== undefined) this.#account(to).usedBytes += bytes;
  }

  #account(owner: Sid): Account {
    const known = this.#accounts.get(owner);
    if (known !== undefined) return known;
    const account = { usedBytes: 0, thresholdBytes: NO_LIMIT, limitBytes: NO_LIMIT };
    this.#accounts.set(owner, account);
    return account;
  }

  #limit(owner: Sid, account: Account, limits: Pick<Account, 'thresholdBytes' | 'limitBytes'>): void {
    Object.assign(account, limits);
    const isLimited = limits.thresholdBytes !== NO_LIMIT || limits.limitBytes !== NO_LIMIT;
    if (isLimited) this.#limited.add(owner);
    else this.#limited.delete(owner);
  }

  #dropIfEmpty(owner: Sid, { usedBytes }: Account): void {
    if (usedBytes === 0 && !this.#limited.has(owner)) this.#accounts.delete(owner);
  }
}
