/**
 * Locks ranges of a file that others lock too, waits for some and gives up waiting; nobody else may hold what it holds. What a
 * lost channel leaves unanswered it sends again under the same LockSequence, and it is to be done once. [MS-SMB2] 3.3.5.14
 */
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { ConnectionClosedError, TestFile, type TestTree } from '../../src/testing/client.ts';
import { type Changed, sendChange } from '../../src/testing/client-replay.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { Actor } from './actor.ts';

const rangeCount = 3;
/** [MS-SMB2] 2.2.26: LockSequenceIndex is 1 to 64, LockSequenceNumber has four bits. */
const sequenceIndexCount = 64;

export class Locker extends Actor {
  protected override readonly changes = [Command.LOCK];
  #file: TestFile | undefined;
  #sequence = 0;

  protected override async connected(): Promise<void> {
    this.#file = undefined;
  }

  protected override moved(tree: TestTree): void {
    if (this.#file !== undefined) this.#file = new TestFile(tree, this.#file.created);
  }

  protected override async act(random: SeededEntropy, tree: TestTree): Promise<string> {
    this.#file ??= await tree.open('locks');
    const range = random.below(rangeCount);
    const flags = LockFlags.EXCLUSIVE_LOCK | (random.below(3) === 0 ? LockFlags.FAIL_IMMEDIATELY : 0);
    const { response, isReplay } = await this.#send(this.#file, { range, flags }, random.below(300));
    const { status } = response;
    if (status === NtStatus.LOCK_NOT_GRANTED || status === NtStatus.CANCELLED) {
      if (isReplay) await this.#startOver();
      return `does not get lock ${range}`;
    }
    if (status === NtStatus.NETWORK_SESSION_EXPIRED) throw new NtStatusError(status);
    if (status !== NtStatus.SUCCESS) throw new Error(`a lock is answered with ${status.toString(16)}`);
    await this.#hold(range, random);
    const { status: unlocked } = (await this.#send(this.#file, { range, flags: LockFlags.UNLOCK })).response;
    if (unlocked === NtStatus.NETWORK_SESSION_EXPIRED) throw new NtStatusError(unlocked);
    if (unlocked !== NtStatus.SUCCESS) throw new Error(`an unlock is answered with ${unlocked.toString(16)}`);
    return `held lock ${range}`;
  }

  /** Nobody else may hold it as long as a channel of its session is left. */
  async #hold(range: number, random: SeededEntropy): Promise<void> {
    const session = this.sessionId;
    const holder = { name: this.plan.name, isGone: () => this.isCutOff || this.sessionId !== session };
    const other = this.world.locks.get(range);
    if (other !== undefined && !other.isGone()) {
      throw new Error(`${this.plan.name} gets lock ${range}, which ${other.name} holds`);
    }
    this.world.locks.set(range, holder);
    await this.world.rest(random.below(200));
    if (this.world.locks.get(range) === holder) this.world.locks.delete(range);
  }

  protected override async leave(): Promise<void> {
    await this.#file?.close();
  }

  /** What was sent twice and given up may have been granted the first time: only without the open is that over. */
  async #startOver(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Locks or unlocks a range; what takes longer than `waitMs` is cancelled. */
  async #send(
    file: TestFile,
    { range, flags }: { range: number; flags: number },
    waitMs?: number,
  ): Promise<Changed> {
    const number = this.#sequence++;
    const index = 1 + (number % sequenceIndexCount);
    const isBlind = this.world.plan.sabotage === 'blind-replays';
    const sequence = isBlind ? 0 : (index << 4) | (Math.floor(number / sequenceIndexCount) & 0xf);
    const body = file.lockRequest([{ offset: BigInt(range), length: 1n, flags }], sequence);
    let [isPatient, cancel] = [true, (): void => {}];
    const giveUp = (): void => {
      isPatient = false;
      cancel();
    };
    const timer = waitMs === undefined ? undefined : this.world.clock.setTimer(waitMs, giveUp);
    const again = () => {
      this.world.counts.locksAgain += 1;
      this.world.note(this.plan.name, `sends again what it wants of lock ${range}`);
    };
    const sent = (request: { cancel(): void }) => {
      cancel = () => request.cancel();
      if (!isPatient) this.world.clock.setTimer(10, cancel);
    };
    try {
      return await sendChange(file.tree, { command: Command.LOCK, body, again, sent }, this.route);
    } catch (error) {
      if (error instanceof ConnectionClosedError) this.#file = undefined;
      throw error;
    } finally {
      timer?.cancel();
    }
  }
}
