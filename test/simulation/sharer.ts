/**
 * Reads and writes the blocks that all share, caching as it may, and has every read checked.
 */
import { NtStatus, type NtStatusError } from '../../src/base/status.ts';
import type { TestTree } from '../../src/testing/client.ts';
import { type CachedFile, type CachedOpen, CachingClient } from '../../src/testing/client-cache.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';
import { Actor } from './actor.ts';
import { blockBytes, blockOf, blocksPerFile, sharedFiles, valueIn } from './world.ts';

export class Sharer extends Actor {
  protected override readonly changes = [Command.CREATE, Command.WRITE];
  readonly #files = new Map<string, CachedFile>();
  #client: CachingClient | undefined;

  protected override async connected(tree: TestTree): Promise<void> {
    if (this.#client === undefined) {
      const writing = (file: CachedFile, index: number, data: Buffer) =>
        this.world.register(file.name, index).writing(valueIn(data));
      const flushing = (file: CachedFile) => {
        const promises = Array.from({ length: blocksPerFile }, (_, index) =>
          this.world.register(file.name, index).flushing(),
        );
        return () => {
          for (const promise of promises) promise();
        };
      };
      const noticed = (file: CachedOpen, what: string) => {
        if (what.startsWith('is taken up')) this.world.counts.reclaims += 1;
        if (what === 'is written to again') this.world.counts.writesAgain += 1;
        if (what === 'is opened again') this.world.counts.createsAgain += 1;
        this.world.note(this.plan.name, `${file.name} ${what}`);
        if (what === 'is lost' && file.wish.isPersistent === true && this.#keepsOpens) {
          this.world.fail(new Error(`${file.name} of ${this.plan.name} was persistent, and is lost`));
        }
      };
      const observer = {
        ...{ writing, flushing, noticed, pause: this.route.pause, sending: this.route.sending },
        replaysBlindly: this.world.plan.sabotage === 'blind-replays',
      };
      this.#client = new CachingClient(tree, observer, blockBytes);
    } else await this.#client.reconnect(tree);
    for (const other of this.trees.slice(1)) this.#client.addChannel(other);
  }

  /** Whatever became of its connections and servers, each of its persistent opens is still there. */
  get #keepsOpens(): boolean {
    const { crashes, faultPerMille, silencePerMille, lifetimeMs } = this.world.plan.features;
    return crashes.length + faultPerMille + silencePerMille + lifetimeMs === 0;
  }

  protected override joined(tree: TestTree): void {
    this.#client?.addChannel(tree);
  }

  protected override moved(tree: TestTree): void {
    this.#client?.move(tree);
  }

  protected override async act(random: SeededEntropy): Promise<string> {
    const name = random.pick(sharedFiles);
    const index = random.below(blocksPerFile);
    const what = random.pick([
      'read',
      'read',
      'read',
      'write',
      'write',
      'write',
      'flush',
      'close',
      'closeNow',
    ]);
    const file = await this.#open(name, random);
    switch (what) {
      case 'read':
        return this.#read(file, index);
      case 'write': {
        const value = this.world.newValue();
        const { writesAgain } = this.world.counts;
        await file.write(index, blockOf(value));
        if (this.world.counts.writesAgain > writesAgain) return this.#writeOver(file, index);
        return `writes ${value} to ${name}/${index}${file.keptCount > 0 ? ', which it keeps' : ''}`;
      }
      case 'flush': {
        await file.flush();
        return `flushes ${name}`;
      }
      case 'close':
        await file.close();
        return `closes ${name}${file.isOpen ? ', which stays open' : ''}`;
      default:
        await file.closeNow();
        return `closes ${name}`;
    }
  }

  /** What a persistent open holds is kept for its client while that is away. */
  protected override mayFail(error: NtStatusError): boolean {
    const isKept = error.status === NtStatus.FILE_NOT_AVAILABLE && this.world.plan.features.persistent;
    return isKept || super.mayFail(error);
  }

  protected override async leave(): Promise<void> {
    for (const file of this.#files.values()) await file.closeNow();
  }

  /** What was written before was sent twice: the first of them must not come after what is written now. */
  async #writeOver(file: CachedFile, index: number): Promise<string> {
    await file.write(index, blockOf(this.world.newValue()));
    await this.world.rest(1000);
    return this.#read(file, index);
  }

  /** A CREATE that was sent twice made one open. */
  async #checkOpenedOnce(createGuid: string): Promise<void> {
    await this.world.rest(1000);
    const count = this.world.opensMadeBy(createGuid);
    if (count > 1) throw new Error(`${this.plan.name} has opened ${count} times what it meant to open once`);
  }

  async #read(file: CachedFile, index: number): Promise<string> {
    const register = this.world.register(file.name, index);
    const read = register.reading();
    const { data, source } = await file.read(index);
    const value = valueIn(data);
    // Whoever has not noticed yet that the server is another one may read what the one before had.
    if (this.isUpToDate) {
      if (source === 'server') read(value);
      if (source === 'cache') register.cached(value);
    }
    this.world.counts.reads += 1;
    return `reads ${value} from ${file.name}/${index} (${source})`;
  }

  async #open(name: string, random: SeededEntropy): Promise<CachedFile> {
    const known = this.#files.get(name);
    if (known?.isOpen === true) return known;
    const { features, sabotage } = this.world.plan;
    const { caching, durable, multichannel, persistent } = features;
    const { createsAgain } = this.world.counts;
    const wish = {
      kind: caching,
      isDurable: durable || persistent,
      isPersistent: persistent && this.plan.dialect >= DialectRevision.SMB_3_0,
      isReplayable: multichannel && sabotage !== 'blind-replays',
      leaseKey: this.newGuid(),
      createGuid: this.newGuid(),
    };
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    const file = await client.open(name, wish, random.pick(this.trees));
    this.#files.set(name, file);
    if (this.world.counts.createsAgain > createsAgain) await this.#checkOpenedOnce(wish.createGuid);
    this.world.note(this.plan.name, `opens ${name}, may cache ${file.state}`);
    return file;
  }
}
