/**
 * Locks ranges of a file that others lock too, waits for some and gives up waiting; nobody else may hold what it holds.
 */
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import {
  ConnectionClosedError,
  type SentRequest,
  TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { Actor } from './actor.ts';

const rangeCount = 3;

export class Locker extends Actor {
  #file: TestFile | undefined;

  protected override async connected(): Promise<void> {
    this.#file = undefined;
  }

  protected override moved(tree: TestTree): void {
    if (this.#file !== undefined) this.#file = new TestFile(tree, this.#file.created);
  }

  protected override async act(random: SeededEntropy, tree: TestTree): Promise<string> {
    this.#file ??= await tree.open('locks');
    const file = this.#file;
    const range = random.below(rangeCount);
    const flags = LockFlags.EXCLUSIVE_LOCK | (random.below(3) === 0 ? LockFlags.FAIL_IMMEDIATELY : 0);
    const sent = file.lock([{ offset: BigInt(range), length: 1n, flags }]);
    const status = await this.#patiently(sent, random.below(300));
    if (status === NtStatus.LOCK_NOT_GRANTED || status === NtStatus.CANCELLED)
      return `does not get lock ${range}`;
    if (status === NtStatus.NETWORK_SESSION_EXPIRED) throw new NtStatusError(status);
    if (status !== NtStatus.SUCCESS) throw new Error(`a lock is answered with ${status.toString(16)}`);
    const { connection } = tree.session;
    const holder = { name: this.plan.name, isGone: () => connection.isClosed || this.isCut };
    const other = this.world.locks.get(range);
    if (other !== undefined && !other.isGone()) {
      throw new Error(`${this.plan.name} gets lock ${range}, which ${other.name} holds`);
    }
    this.world.locks.set(range, holder);
    await this.world.rest(random.below(200));
    if (this.world.locks.get(range) === holder) this.world.locks.delete(range);
    const unlock = file.lock([{ offset: BigInt(range), length: 1n, flags: LockFlags.UNLOCK }]);
    const { status: unlocked } = await unlock.response;
    if (unlocked === NtStatus.NETWORK_SESSION_EXPIRED) throw new NtStatusError(unlocked);
    if (unlocked !== NtStatus.SUCCESS) throw new Error(`an unlock is answered with ${unlocked.toString(16)}`);
    return `held lock ${range}`;
  }

  protected override async leave(): Promise<void> {
    await this.#file?.close();
  }

  /** The final status of a request that is cancelled after `waitMs`. */
  async #patiently(sent: SentRequest, waitMs: number): Promise<number> {
    const timer = this.world.clock.setTimer(waitMs, () => sent.cancel());
    try {
      return (await sent.response).status;
    } catch (error) {
      if (error instanceof ConnectionClosedError) this.#file = undefined;
      throw error;
    } finally {
      timer.cancel();
    }
  }
}
