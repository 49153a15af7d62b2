/**
 * Waits for changes in the root and gives up waiting.
 */
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { TestFile, type TestTree } from '../../src/testing/client.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { AccessMask, CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { Actor } from './actor.ts';

const awaited: ReadonlySet<number> = new Set([
  NtStatus.SUCCESS,
  NtStatus.CANCELLED,
  NtStatus.NOTIFY_ENUM_DIR,
  NtStatus.NOTIFY_CLEANUP,
]);

export class Watcher extends Actor {
  #directory: TestFile | undefined;

  protected override async connected(): Promise<void> {
    this.#directory = undefined;
  }

  /** Others may have the root to themselves. */
  protected override mayFail(error: NtStatusError): boolean {
    return error.status === NtStatus.SHARING_VIOLATION || super.mayFail(error);
  }

  protected override moved(tree: TestTree): void {
    if (this.#directory !== undefined) this.#directory = new TestFile(tree, this.#directory.created);
  }

  protected override async act(random: SeededEntropy, tree: TestTree): Promise<string> {
    this.#directory ??= await tree.open('', {
      createOptions: CreateOption.DIRECTORY_FILE,
      desiredAccess: AccessMask.FILE_LIST_DIRECTORY | AccessMask.FILE_READ_ATTRIBUTES,
    });
    const { FILE_NAME, DIR_NAME, LAST_WRITE } = CompletionFilter;
    const sent = this.#directory.watch(FILE_NAME | DIR_NAME | LAST_WRITE, random.below(2));
    const timer = this.world.clock.setTimer(random.below(1500), () => sent.cancel());
    const { status } = await sent.response.finally(() => timer.cancel());
    if (status === NtStatus.NETWORK_SESSION_EXPIRED) throw new NtStatusError(status);
    if (!awaited.has(status)) throw new Error(`a watch is answered with ${status.toString(16)}`);
    return `watched: ${status === NtStatus.SUCCESS ? 'something happened' : 'nothing'}`;
  }

  protected override async leave(): Promise<void> {
    await this.#directory?.close();
  }
}
