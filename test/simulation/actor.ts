/**
 * A client of a run: it connects when it has to, takes its steps, and leaves in the end.
 */
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import {
  ConnectionClosedError,
  type TestClient,
  type TestSession,
  type TestTree,
} from '../../src/testing/client.ts';
import type { ReplayRoute } from '../../src/testing/client-replay.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import type { Command } from '../../src/wire/smb2/header.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';
import { alice } from '../testing/memory-server.ts';
import type { ActorPlan } from './plan.ts';
import type { World } from './world.ts';

export abstract class Actor {
  readonly plan: ActorPlan;
  protected readonly world: World;
  /** What it sends that is done once, whatever becomes of its channel. */
  protected readonly changes: readonly Command[] = [];
  /** Its tree connect on each of its channels. */
  protected trees: readonly TestTree[] = [];
  readonly #guid: string;
  readonly #entropy: SeededEntropy;
  /** The next request of this kind is to lose its channel. */
  #losing: Command | undefined;
  #sessionId = 0;
  #isExpired = false;
  #epoch = 0;

  /** How what it sends once goes on when a channel is lost. */
  protected readonly route: Required<Omit<ReplayRoute, 'isBlind'>> = {
    survivor: () => this.trees.find(({ session }) => !session.connection.isClosed),
    pause: (times) => this.pause(times),
    sending: (tree, command) => this.#sending(tree, command),
  };

  constructor(world: World, plan: ActorPlan, number: number) {
    this.world = world;
    this.plan = plan;
    this.#guid = `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
    this.#entropy = new SeededEntropy(world.plan.seed * 31 + number);
  }

  /** Does something on the tree that it is connected to. Throws what the server refuses. */
  protected abstract act(random: SeededEntropy, tree: TestTree): Promise<string>;
  /** It has a new connection; the one before is gone, and perhaps the server. */
  protected abstract connected(tree: TestTree): Promise<void>;
  /** One of its channels is lost; what it has open it still has, on `tree`. */
  protected abstract moved(tree: TestTree): void;
  /** It has another channel. */
  protected joined(_tree: TestTree): void {}
  /** Closes what it has open. */
  protected abstract leave(): Promise<void>;

  /** Takes one step; what goes wrong with the connection it takes as it comes. */
  async step(seed: number): Promise<void> {
    const random = new SeededEntropy(seed);
    const { cutPerMille, lossPerMille, silencePerMille } = this.world.plan.features;
    await this.world.rest(random.below(40));
    const isCut = random.below(1000) < cutPerMille;
    const isWhole = random.below(2) === 0;
    if (isCut) this.world.clock.setTimer(random.below(60), () => this.#cut(isWhole ? undefined : random));
    if (lossPerMille > 0 && random.below(1000) < lossPerMille) this.#losing = random.pick(this.changes);
    if (random.below(1000) < silencePerMille) await this.world.rest(40_000);
    await this.#attempt(async () => this.act(random, await this.tree()));
    this.#checkCredits();
  }

  /** Goes away: properly, or, now and then, just like that. */
  async finish(random: SeededEntropy): Promise<void> {
    if (random.below(4) === 0) return this.#cut();
    await this.#attempt(async () => {
      const tree = await this.tree();
      await this.leave();
      await this.world.rest(2 * this.world.plan.features.network.delayMs + 1000);
      this.#checkBalance();
      await tree.disconnect();
      await tree.session.logOff();
      return 'leaves';
    });
    this.#hangUp();
  }

  /** Its tree connect, of which it has one at the end of this. */
  protected async tree(): Promise<TestTree> {
    const alive = this.trees.filter(({ session }) => !session.connection.isClosed);
    const [first] = alive;
    if (first !== undefined) {
      if (alive.length < this.trees.length) this.#loseChannel(alive, first);
      if (this.#isExpired) await this.#logOnAgain(first.session);
      if (this.world.plan.features.lossPerMille > 0) await this.#addChannels(first);
      return first;
    }
    this.#hangUp();
    try {
      return await this.#logOn();
    } catch (error) {
      this.#hangUp();
      throw error;
    }
  }

  /** [MS-SMB2] 3.2.4.1.8: what is sent from now on is from after the loss. */
  #loseChannel(alive: readonly TestTree[], first: TestTree): void {
    this.trees = alive;
    first.session.channelSequence.value += 1;
    this.world.note(this.plan.name, 'goes on on its other channel');
    this.moved(first);
  }

  /** [MS-SMB2] 3.2.5.1.6: the session has expired; its keys and opens stay. */
  async #logOnAgain(session: TestSession): Promise<void> {
    await session.reauthenticate(alice);
    this.#isExpired = false;
    this.world.note(this.plan.name, 'has logged on again');
  }

  async #logOn(): Promise<TestTree> {
    this.#isExpired = false;
    const previousSessionId = this.isUpToDate ? this.#sessionId : 0;
    const client = await this.#connect();
    const session = await client.logOn(alice, { previousSessionId });
    if (this.plan.isSealed && client.negotiated.cipher !== undefined) session.protection = 'seal';
    this.#sessionId = session.sessionId;
    this.#epoch = this.world.epoch;
    const tree = await session.connectTree('files');
    this.trees = [tree];
    await this.#addChannels(tree);
    this.world.note(this.plan.name, `is connected, session ${session.sessionId.toString(16)}`);
    await this.connected(tree);
    return tree;
  }

  /** Binds as many channels as the session is to have. */
  async #addChannels(tree: TestTree): Promise<void> {
    const { multichannel, channelCount } = this.world.plan.features;
    if (!multichannel || this.plan.dialect < DialectRevision.SMB_3_0) return;
    while (this.trees.length < channelCount) {
      const other = tree.on(await this.#bound(tree.session));
      this.trees = [...this.trees, other];
      this.joined(other);
    }
  }

  /** The session on another channel. */
  async #bound(session: TestSession): Promise<TestSession> {
    try {
      const other = await session.bind(await this.#connect(), alice);
      other.protection = session.protection;
      return other;
    } catch (error) {
      // With its only channel the session has gone, which the client has not noticed yet.
      if (this.isCut) throw new ConnectionClosedError('the first channel is lost', { cause: error });
      throw error;
    }
  }

  #hangUp(): void {
    for (const { session } of this.trees) session.connection.close();
    this.trees = [];
  }

  /** It is connected to the server that runs now, as far as it knows. */
  protected get isUpToDate(): boolean {
    return this.#epoch === this.world.epoch;
  }

  /** Undefined while it has none. */
  protected get sessionId(): number | undefined {
    return this.trees[0]?.session.sessionId;
  }

  /** Nothing that it sends arrives any more on one of its channels, whether it knows or not. */
  protected get isCut(): boolean {
    return this.trees.some((tree) => !this.#isAlive(tree));
  }

  /** The same on all of them. */
  protected get isCutOff(): boolean {
    return !this.trees.some((tree) => this.#isAlive(tree));
  }

  #isAlive({ session }: TestTree): boolean {
    for (const one of this.world.network.connections) if (one === session.connection.transport) return true;
    return false;
  }

  /** A GUID of its own, new each time. */
  protected newGuid(): string {
    const hex = this.#entropy.bytes(16).toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  #connect(): Promise<TestClient> {
    const { dialect, cipher, signingAlgorithm } = this.plan;
    const offer = {
      dialects: [dialect],
      ciphers: [cipher],
      signingAlgorithms: [signingAlgorithm],
      clientGuid: this.#guid,
    };
    return this.world.connect(offer, this.#entropy);
  }

  async #attempt(work: () => Promise<string>): Promise<void> {
    const { name } = this.plan;
    try {
      this.world.note(name, await work());
    } catch (error) {
      if (error instanceof ConnectionClosedError)
        this.world.note(name, `loses its connection: ${error.message}`);
      else if (error instanceof NtStatusError && this.#isPartOfIt(error))
        this.world.note(name, error.message);
      else this.world.fail(error);
    }
  }

  #isPartOfIt(error: NtStatusError): boolean {
    if (error.status !== NtStatus.NETWORK_SESSION_EXPIRED) return this.mayFail(error);
    this.#isExpired = true;
    this.interrupted();
    return this.world.plan.features.lifetimeMs > 0;
  }

  /** What was under way may have been refused half-way. */
  protected interrupted(): void {}

  /** Whether a refusal belongs to the game. */
  protected mayFail(_error: NtStatusError): boolean {
    return this.world.plan.features.faultPerMille > 0;
  }

  /** Cuts all of its channels; with `random`, one of them. */
  #cut(random?: SeededEntropy): void {
    if (this.trees.length === 0) return;
    this.world.note(this.plan.name, random === undefined ? 'is cut off' : 'loses a channel');
    for (const tree of random === undefined ? this.trees : [random.pick(this.trees)]) this.#cutOff(tree);
    this.world.counts.cuts += 1;
  }

  #cutOff({ session }: TestTree): void {
    for (const connection of this.world.network.connections) {
      if (connection === session.connection.transport) connection.cut();
    }
  }

  /** Waits before it sends again what the server could not do yet, the longer the more often. */
  protected pause(times: number): Promise<void> {
    return this.world.rest(Math.min(20 * 2 ** times, 1000));
  }

  /** A change is about to go out on `tree`: if that is to be, the channel is lost before it arrives, under it, or before its answer. */
  #sending(tree: TestTree, command: Command): void {
    const hasOther = this.trees.some((other) => other !== tree && this.#isAlive(other));
    if (this.#losing !== command || !hasOther) return;
    this.#losing = undefined;
    const { network, storeDelayMs } = this.world.plan.features;
    this.world.clock.setTimer(this.#entropy.below(2 * network.delayMs + storeDelayMs + 2), () => {
      this.world.note(this.plan.name, 'loses the channel of a change');
      this.world.counts.losses += 1;
      this.#cutOff(tree);
    });
  }

  /** Credits are never negative. [MS-SMB2] 3.2.4.1.2 */
  #checkCredits(): void {
    for (const { session } of this.trees) {
      if (session.connection.credits < 0) this.world.fail(new Error(`${this.plan.name} has no credits left`));
    }
  }

  /** With nothing on its way, both ends agree on the credits, and every request was answered. */
  #checkBalance(): void {
    for (const { session } of this.trees) {
      const { credits, outstandingCount, isClosed, transport } = session.connection;
      if (isClosed) continue;
      if (outstandingCount > 0)
        throw new Error(`${this.plan.name}: ${outstandingCount} requests are not answered`);
      const available = this.world.creditsOf(transport);
      if (available !== undefined && available !== credits) {
        throw new Error(`${this.plan.name} has ${credits} credits, the server says ${available}`);
      }
    }
  }
}
