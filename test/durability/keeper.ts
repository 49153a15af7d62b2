/**
 * A client that is promised to find its files open again after the server's process has died: with what it may cache, and with
 * its locks. [MS-SMB2] 3.3.5.9.12
 */
import { NtStatus } from '../../src/base/status.ts';
import { ConnectionClosedError, TestFile, type TestTree } from '../../src/testing/client.ts';
import { type CachedFile, CachingClient } from '../../src/testing/client-cache.ts';
import { type CacheWish, reconnectOptions, wishOptions } from '../../src/testing/client-grant.ts';
import { CreateDisposition } from '../../src/wire/flags.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';

const blockBytes = 64;
const range = { offset: 0n, length: 1n };

export class Keeper {
  /** The last value that the server has answered for, and the last one that was sent to it. */
  #answered = 0;
  #sent = 0;
  #value = 0;
  readonly #client: CachingClient;
  readonly #file: CachedFile;
  readonly #lock: CacheWish;
  #locked: TestFile;

  /** Opens its two files and locks one of them. `number` tells it from other keepers. */
  static async start(tree: TestTree, number: number): Promise<Keeper> {
    const guid = (kind: number): string =>
      `00000000-0000-4000-800${kind}-${number.toString(16).padStart(12, '0')}`;
    const keeper: { the?: Keeper } = {};
    const client = new CachingClient(
      tree,
      {
        writing: (_file, _index, data) => keeper.the?.writing(data.readUInt32LE(0)) ?? (() => {}),
        flushing: () => () => {},
        noticed: () => {},
      },
      blockBytes,
    );
    const wish = { kind: 'lease', isDurable: true, isPersistent: true } as const;
    const file = await client.open(`kept-${number}`, { ...wish, leaseKey: guid(1), createGuid: guid(2) });
    const lock: CacheWish = { ...wish, kind: 'none', leaseKey: guid(3), createGuid: guid(4) };
    const { dialect } = tree.session.connection.negotiated;
    const locked = await tree.open(`locked-${number}`, wishOptions(lock, dialect));
    const { status } = await locked.lock([{ ...range, flags: LockFlags.EXCLUSIVE_LOCK }]).response;
    if (status !== NtStatus.SUCCESS) throw new Error(`not locked: ${status.toString(16)}`);
    keeper.the = new Keeper(client, file, { lock, locked });
    return keeper.the;
  }

  private constructor(client: CachingClient, file: CachedFile, of: { lock: CacheWish; locked: TestFile }) {
    this.#client = client;
    this.#file = file;
    this.#lock = of.lock;
    this.#locked = of.locked;
  }

  /** Writes one value after the other until the connection is lost. */
  async run(): Promise<void> {
    try {
      for (;;) {
        this.#value += 1;
        await this.#file.write(0, blockOf(this.#value));
        await this.#file.flush();
      }
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
  }

  /** Takes its files up again on `tree`, and has `other` look at them; what was lost, one line each. */
  async comeBack(tree: TestTree, other: TestTree): Promise<readonly string[]> {
    const losses: string[] = [];
    const { dialect } = tree.session.connection.negotiated;
    const { fileId } = this.#locked;
    await this.#client.reconnect(tree);
    if (!this.#file.isOpen) return [`${this.#file.name} is not open any more`];
    const { created } = await tree.open(this.#nameOfLocked(), {
      ...reconnectOptions(this.#lock, dialect, { fileId, state: 0 }),
      createDisposition: CreateDisposition.OPEN,
    });
    this.#locked = new TestFile(tree, created);
    const rival = await other.open(this.#nameOfLocked());
    const flags = LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY;
    const { status } = await rival.lock([{ ...range, flags }]).response;
    if (status !== NtStatus.LOCK_NOT_GRANTED) losses.push(`${this.#nameOfLocked()} is not locked any more`);
    await rival.close();
    const kept = this.#file.keptCount > 0 ? this.#value : undefined;
    const found = (await (await other.open(this.#file.name)).read(0n, blockBytes)).readUInt32LE(0);
    const isRight = kept === undefined ? found >= this.#answered && found <= this.#sent : found === kept;
    if (!isRight) {
      losses.push(
        `${this.#file.name}: found ${found}, kept ${kept}, answered ${this.#answered}, sent ${this.#sent}`,
      );
    }
    return losses;
  }

  writing(value: number): () => void {
    this.#sent = value;
    return () => {
      this.#answered = value;
    };
  }

  #nameOfLocked(): string {
    return this.#file.name.replace('kept', 'locked');
  }
}

function blockOf(value: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.writeUInt32LE(value);
  return block;
}
