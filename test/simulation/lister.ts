/**
 * Lists directories that others change and changes them, caching what is there and what is not as its leases allow, and has
 * every name that it is told checked.
 */
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { hasDirectoryLeasing } from '../../src/testing/cached-directory.ts';
import {
  createRequestOf,
  type OpenOptions,
  succeeded,
  TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { type CachedDirectory, type CachedOpen, CachingClient } from '../../src/testing/client-cache.ts';
import { diskIdOf, wantsDiskId, wishOptions } from '../../src/testing/client-grant.ts';
import { type Changed, sendChange } from '../../src/testing/client-replay.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import {
  AccessMask,
  CreateDisposition,
  CreateOption,
  LeaseState,
  ShareAccess,
} from '../../src/wire/flags.ts';
import { FileDispositionInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { CloseRequest } from '../../src/wire/smb2/close.ts';
import { CreateResponse } from '../../src/wire/smb2/create.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { Actor } from './actor.ts';
import { ABSENT, type NameChange } from './name-history.ts';
import { blockBytes, sharedDirectories, sharedNames } from './world.ts';

const { READ, WRITE, DELETE } = ShareAccess;
const { READ_CACHING: R, HANDLE_CACHING: H } = LeaseState;
const heldMax = 3;

/** What others do to a name may stand in the way of what it wants; then nothing was done. */
const refusals: ReadonlySet<number> = new Set([
  NtStatus.OBJECT_NAME_NOT_FOUND,
  NtStatus.OBJECT_NAME_COLLISION,
  NtStatus.SHARING_VIOLATION,
  NtStatus.DELETE_PENDING,
  NtStatus.ACCESS_DENIED,
]);

/** Opens for who moves or deletes: nobody else may meanwhile, so that the name stays what it is. */
const forMoving: OpenOptions = {
  desiredAccess: AccessMask.DELETE | AccessMask.FILE_READ_ATTRIBUTES,
  shareAccess: READ | WRITE,
  createDisposition: CreateDisposition.OPEN,
};
/** Opens that keep a file which is deleted from going. */
const forHolding: OpenOptions = {
  desiredAccess: AccessMask.FILE_READ_DATA | AccessMask.FILE_READ_ATTRIBUTES,
  shareAccess: READ | WRITE | DELETE,
  createDisposition: CreateDisposition.OPEN,
};
const forLooking: OpenOptions = { ...forHolding, desiredAccess: AccessMask.FILE_READ_ATTRIBUTES };

/** A name in a directory. */
interface Entry {
  readonly directory: CachedDirectory;
  readonly name: string;
}

interface Opened extends Entry {
  readonly file: TestFile;
  readonly fileId: bigint;
}

export class Lister extends Actor {
  protected override readonly changes = [
    ...[Command.CREATE, Command.SET_INFO, Command.SET_INFO, Command.SET_INFO, Command.CLOSE],
  ];
  readonly #directories = new Map<string, CachedDirectory>();
  readonly #leaseKeys = new Map<string, string>();
  #held: Opened[] = [];
  /** Files that it wanted deleted: when they go with an open of its own, that is a change of its own. */
  readonly #doomed = new Set<bigint>();
  #client: CachingClient | undefined;

  protected override async connected(tree: TestTree): Promise<void> {
    this.#held = [];
    this.#leaseKeys.clear();
    if (this.#client === undefined) {
      const noticed = ({ name }: CachedOpen, what: string) => {
        if (what.startsWith('may cache')) this.world.counts.directoryBreaks += 1;
        if (what === 'is opened again') this.world.counts.createsAgain += 1;
        this.world.note(this.plan.name, `${name} ${what}`);
      };
      const unused = () => () => {};
      const { pause, sending } = this.route;
      const observer = { writing: unused, flushing: unused, noticed, pause, sending };
      this.#client = new CachingClient(tree, observer, blockBytes);
    } else await this.#client.reconnect(tree);
    for (const other of this.trees.slice(1)) this.#client.addChannel(other);
  }

  protected override joined(tree: TestTree): void {
    this.#client?.addChannel(tree);
  }

  protected override moved(tree: TestTree): void {
    this.#client?.move(tree);
    this.#held = this.#held.map((one) => ({ ...one, file: new TestFile(tree, one.file.created) }));
  }

  protected override mayFail(error: NtStatusError): boolean {
    return refusals.has(error.status) || super.mayFail(error);
  }

  protected override async act(random: SeededEntropy): Promise<string> {
    const directory = await this.#directory(random.pick(sharedDirectories));
    const entry = { directory, name: random.pick(sharedNames) };
    if (this.#held.length >= heldMax) return this.#release(random);
    switch (random.pick(tasks)) {
      case 'look':
        return this.#look(entry);
      case 'create':
        return this.#create(entry, random);
      case 'remove':
        return this.#remove(entry, random);
      case 'rename':
        return this.#rename(entry, random);
      case 'hold':
        this.#held.push(await this.#open(entry, forHolding, random));
        return `holds ${pathOf(entry)}`;
      case 'release':
        return this.#release(random);
      case 'close':
        await directory.close();
        return `closes ${directory.name}${directory.isOpen ? ', which stays open' : ''}`;
      default:
        return this.#list(directory, random.below(6) === 0);
    }
  }

  protected override async leave(): Promise<void> {
    for (const { file } of this.#held) await this.#close(file);
    for (const directory of this.#directories.values()) await directory.closeNow();
  }

  async #list(directory: CachedDirectory, isPiecemeal = false): Promise<string> {
    const histories = sharedNames.map((name) => this.world.historyOf(directory.name, name));
    const asked = histories.map((history) => history.listing());
    const { entries, source } = await directory.list({ isPiecemeal });
    this.world.counts.listings += 1;
    const text = `lists ${directory.name} (${source}): ${[...entries].map((entry) => entry.join(' ')).join(', ')}`;
    // Whoever has not noticed yet that the server is another one may be told what the one before knew.
    if (!this.isUpToDate) return text;
    this.world.note(this.plan.name, text);
    for (const [i, name] of sharedNames.entries()) {
      const value = entries.get(name) ?? ABSENT;
      if (source === 'server') asked[i]?.(value);
      else this.#checkCached({ directory, name }, value);
    }
    for (const name of entries.keys()) if (!sharedNames.includes(name)) throw new Error(`${name} is listed`);
    return 'has listed';
  }

  async #look(entry: Entry): Promise<string> {
    const known = entry.directory.known(entry.name);
    if (known === undefined) return `looks for ${pathOf(entry)}: ${await this.#lookNow(entry)}`;
    this.world.note(this.plan.name, `knows ${pathOf(entry)}: ${known}`);
    if (this.isUpToDate) this.#checkCached(entry, known);
    return 'has looked';
  }

  #checkCached({ directory, name }: Entry, value: bigint): void {
    this.world.counts.cachedNames += 1;
    this.world.historyOf(directory.name, name).cached(value);
  }

  /** Asks the server. */
  async #lookNow(entry: Entry): Promise<bigint> {
    const { directory, name } = entry;
    const asked = this.world.historyOf(directory.name, name).looking();
    const found = await directory.lookUp(name, async () => {
      try {
        const { file, fileId } = await this.#open(entry, forLooking);
        await this.#close(file);
        return fileId;
      } catch (error) {
        if (error instanceof NtStatusError && error.status === NtStatus.OBJECT_NAME_NOT_FOUND) return ABSENT;
        throw error;
      }
    });
    if (this.isUpToDate) asked(found);
    return found;
  }

  async #create(entry: Entry, random: SeededEntropy): Promise<string> {
    const { directory, name } = entry;
    const isDirectory = random.below(4) === 0;
    const options = {
      ...forMoving,
      createDisposition: CreateDisposition.CREATE,
      createOptions: isDirectory ? CreateOption.DIRECTORY_FILE : CreateOption.NON_DIRECTORY_FILE,
    };
    const history = this.world.historyOf(directory.name, name);
    const change = history.changing('new');
    // What a failing store makes half is taken away again.
    if (this.world.plan.features.faultPerMille > 0) history.changing(ABSENT);
    const made = await directory.changing(() =>
      this.#tried([change], () => this.#open(entry, options, random)),
    );
    change.done(made.fileId);
    this.world.note(this.plan.name, `makes ${pathOf(entry)}, ${made.fileId}`);
    await this.#close(made.file);
    return `made ${pathOf(entry)}`;
  }

  async #remove(entry: Entry, random: SeededEntropy): Promise<string> {
    const { directory, name } = entry;
    return directory.changing(async () => {
      const { file, fileId } = await this.#open(entry, forMoving, random);
      const change = this.world.historyOf(directory.name, name).changing(ABSENT);
      const disposition = FileDispositionInformation.encode({ deletePending: true });
      await this.#tried([change], () => this.#set(file, Class.FileDispositionInformation, disposition));
      this.#doomed.add(fileId);
      this.world.note(this.plan.name, `deletes ${pathOf(entry)}, ${fileId}`);
      await this.#close(file);
      return `deleted ${pathOf(entry)}: ${await this.#lookNow(entry)}`;
    });
  }

  async #rename(entry: Entry, random: SeededEntropy): Promise<string> {
    const { directory, name } = entry;
    const to = {
      directory: await this.#directory(random.pick(sharedDirectories)),
      name: random.pick(sharedNames),
    };
    const fileName = pathOf(to);
    if (fileName === pathOf(entry)) return 'renames nothing';
    return directory.changing(() =>
      to.directory.changing(async () => {
        const { file, fileId } = await this.#open(entry, forMoving, random);
        const changes = [
          this.world.historyOf(directory.name, name).changing(ABSENT),
          this.world.historyOf(to.directory.name, to.name).changing(fileId),
        ];
        const replaceIfExists = random.below(2) === 0;
        const names = FileRenameInformation.encode({ replaceIfExists, rootDirectory: 0n, fileName });
        const renaming = () => this.#set(file, Class.FileRenameInformation, names);
        try {
          await this.#tried(changes, renaming);
          for (const change of changes) change.done();
          this.world.note(this.plan.name, `renames ${pathOf(entry)}, ${fileId}, to ${fileName}`);
        } finally {
          await this.#close(file);
        }
        return `renamed ${pathOf(entry)} to ${fileName}`;
      }),
    );
  }

  /** Closes one that it holds, with which a file may go that somebody else wanted deleted. */
  async #release(random: SeededEntropy): Promise<string> {
    if (this.#held.length === 0) return 'holds nothing';
    const held = random.pick(this.#held);
    this.#held = this.#held.filter((one) => one !== held);
    // It may have opened the directory anew since, with the same lease, which is spared.
    const directory = this.#directories.get(held.directory.name) ?? held.directory;
    const closing = () => this.#close(held.file);
    await (this.#doomed.has(held.fileId) ? directory.changing(closing) : closing());
    if (!directory.isOpen) return `lets go of ${pathOf(held)}`;
    const found = await this.#lookNow({ directory, name: held.name });
    this.world.note(this.plan.name, `lets go of ${pathOf(held)}: ${found}`);
    // Somebody who caches must have heard of it by then.
    const { network, storeDelayMs } = this.world.plan.features;
    await this.world.rest(2 * network.delayMs + storeDelayMs + 1);
    return this.#list(directory);
  }

  /** Does `work`; if it is refused, `changes` did not happen. */
  async #tried<T>(changes: readonly NameChange[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isRefused = error instanceof NtStatusError && refusals.has(error.status);
      // A store that fails may have done it before.
      if (isRefused && this.world.plan.features.faultPerMille === 0)
        for (const change of changes) change.refused();
      throw error;
    }
  }

  async #directory(name: string): Promise<CachedDirectory> {
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    const { caching, multichannel } = this.world.plan.features;
    const mayCache = caching === 'lease' && hasDirectoryLeasing(client.tree);
    const known = this.#directories.get(name);
    if (known?.isOpen === true) {
      if (!mayCache || known.state !== 0) return known;
      // What the lease was good for is over: another one is asked for.
      await known.closeNow();
    }
    const wish = {
      ...({ kind: mayCache ? 'lease' : 'none', isDurable: false, isReplayable: multichannel } as const),
      ...{ leaseState: R | H, leaseKey: this.#leaseKeyOf(name), createGuid: this.newGuid() },
    };
    const directory = await client.openDirectory(name, wish);
    this.#directories.set(name, directory);
    this.world.note(this.plan.name, `opens ${name}, may cache ${directory.state}`);
    return directory;
  }

  /** The same for as long as it is connected, so that what it opened before is not in its way. */
  #leaseKeyOf(directory: string): string {
    const key = this.#leaseKeys.get(directory) ?? this.newGuid();
    this.#leaseKeys.set(directory, key);
    return key;
  }

  /** Opens a name so that what comes of it leaves its own lease on the directory alone; `random`: or, now and then, not. */
  async #open(entry: Entry, options: OpenOptions, random?: SeededEntropy): Promise<Opened> {
    const tree = await this.tree();
    const { dialect } = tree.session.connection.negotiated;
    const isOwn = random === undefined || random.below(5) > 0;
    const wish = wishOptions(
      {
        ...({ kind: 'lease', leaseState: random?.below(2) === 0 ? R : 0, leaseKey: this.newGuid() } as const),
        parentLeaseKey: isOwn ? entry.directory.parentLeaseKey : undefined,
        ...{ isDurable: false, isReplayable: true, createGuid: this.newGuid() },
      },
      dialect,
    );
    const contexts = [...(wish.contexts ?? []), wantsDiskId];
    const body = createRequestOf(pathOf(entry), { ...options, ...wish, contexts });
    const { response, on } = await this.#once(tree, Command.CREATE, body);
    const created = succeeded(response).decode(CreateResponse);
    return { ...entry, file: new TestFile(on, created), fileId: diskIdOf(created) };
  }

  async #set({ tree, fileId }: TestFile, fileInfoClass: number, buffer: Buffer): Promise<void> {
    const fixed = { infoType: InfoType.FILE, additionalInformation: 0 };
    const body = SetInfoRequest.encode({ ...fixed, fileInfoClass, fileId, buffer });
    succeeded((await this.#once(tree, Command.SET_INFO, body)).response);
  }

  /** CLOSE has no replay: when it was done before the channel was lost, the open is not known any more. */
  async #close({ tree, fileId }: TestFile): Promise<void> {
    const body = CloseRequest.encode({ flags: 0, fileId });
    const { response, isReplay } = await this.#once(tree, Command.CLOSE, body);
    if (!isReplay || response.status !== NtStatus.FILE_CLOSED) succeeded(response);
  }

  #once(tree: TestTree, command: Command, body: Buffer): Promise<Changed> {
    const again = () => {
      this.world.note(this.plan.name, `sends command ${command} again`);
      if (command === Command.CREATE) this.world.counts.createsAgain += 1;
      if (command === Command.SET_INFO) this.world.counts.setInfosAgain += 1;
    };
    return sendChange(tree, { command, body, again }, this.route);
  }
}

const pathOf = ({ directory, name }: Entry): string => `${directory.name}\\${name}`;

const tasks = [
  ...['list', 'list', 'list', 'list', 'list', 'list', 'list', 'look', 'look', 'look', 'look', 'look'],
  ...['create', 'create', 'create', 'remove', 'remove', 'rename', 'hold', 'hold', 'hold', 'release', 'close'],
] as const;
