/**
 * Opens, renames, deletes, locks and closes what others work on, in every way that the protocol has, does not answer breaks, and does not mind being
 * refused. Nothing of it may upset the server or stay behind.
 */
import { NtStatus, type NtStatusError } from '../../src/base/status.ts';
import {
  createRequestOf,
  type OpenOptions,
  succeeded,
  TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { type CacheWish, wishOptions } from '../../src/testing/client-grant.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { AccessMask, type CreateDisposition, CreateOption, ShareAccess } from '../../src/wire/flags.ts';
import { FileDispositionInformation, FileEndOfFileInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { CloseRequest } from '../../src/wire/smb2/close.ts';
import { ALL_ONES_FILE_ID } from '../../src/wire/smb2/file-id.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { WriteRequest } from '../../src/wire/smb2/write.ts';
import { Actor } from './actor.ts';

const names = [
  'x',
  'X',
  'y',
  'dir',
  'dir\\x',
  'dir\\Y',
  'x:stream',
  'y:stream:$DATA',
  '',
  'other\\z',
  'no\\way',
];
const access = [
  AccessMask.MAXIMUM_ALLOWED,
  AccessMask.GENERIC_READ,
  AccessMask.GENERIC_READ | AccessMask.GENERIC_WRITE | AccessMask.DELETE,
  AccessMask.DELETE,
  AccessMask.FILE_READ_ATTRIBUTES,
];
const heldMax = 5;

/** What a server never answers, however it is treated. */
const scandals: ReadonlySet<number> = new Set([NtStatus.INTERNAL_ERROR, NtStatus.UNSUCCESSFUL]);

export class Rowdy extends Actor {
  #held: TestFile[] = [];

  protected override async connected(): Promise<void> {
    this.#held = [];
  }

  protected override mayFail({ status }: NtStatusError): boolean {
    return !scandals.has(status);
  }

  protected override moved(tree: TestTree): void {
    this.#held = this.#held.map(({ created }) => new TestFile(tree, created));
  }

  protected override async act(random: SeededEntropy, tree: TestTree): Promise<string> {
    const isFull = this.#held.length >= heldMax;
    const file =
      this.#held.length > 0 && (isFull || random.below(3) > 0) ? random.pick(this.#held) : undefined;
    if (file === undefined)
      return random.below(4) === 0 ? this.#compound(random, tree) : this.#open(random, tree);
    switch (
      random.pick(['close', 'close', 'rename', 'delete', 'write', 'read', 'truncate', 'list', 'lock'])
    ) {
      case 'rename':
        return this.#rename(random, file);
      case 'delete':
        return this.#delete(random, file);
      case 'write':
        return `writes ${await file.write(BigInt(random.below(5000)), random.bytes(random.below(3000)))}`;
      case 'read':
        return `reads ${(await file.read(BigInt(random.below(5000)), 1 + random.below(3000))).length}`;
      case 'truncate': {
        const endOfFile = BigInt(random.below(4000));
        const change = FileEndOfFileInformation.encode({ endOfFile });
        await file.setInfo(InfoType.FILE, Class.FileEndOfFileInformation, change);
        return `truncates to ${endOfFile}`;
      }
      case 'list':
        return `lists ${(await file.queryDirectory(Class.FileIdBothDirectoryInformation)).length} bytes`;
      case 'lock':
        return this.#lock(random, file);
      default:
        this.#held = this.#held.filter((one) => one !== file);
        await file.close();
        return 'closes';
    }
  }

  protected override async leave(): Promise<void> {
    for (const file of this.#held) if (this.world.plan.seed % 2 === 0) await file.close();
  }

  async #open(random: SeededEntropy, tree: TestTree): Promise<string> {
    const name = random.pick(names);
    const file = await tree.open(name, this.#options(random, tree, name));
    this.#held.push(file);
    return `opens ${name}`;
  }

  #options(random: SeededEntropy, tree: TestTree, name: string): OpenOptions {
    const { dialect } = tree.session.connection.negotiated;
    const { DIRECTORY_FILE, NON_DIRECTORY_FILE, DELETE_ON_CLOSE, WRITE_THROUGH } = CreateOption;
    const kind = random.pick<CacheWish['kind']>(['none', 'none', 'none', 'oplock', 'lease']);
    const isDurable = random.below(2) === 0;
    const wish = { kind, isDurable, leaseKey: this.newGuid(), createGuid: this.newGuid() };
    const options = {
      desiredAccess: random.pick(access),
      shareAccess: random.pick([0, ShareAccess.READ, ShareAccess.READ | ShareAccess.WRITE, 7, 7, 7]),
      createDisposition: random.pick<CreateDisposition>([0, 1, 1, 2, 3, 3, 3, 4, 5]),
      createOptions: random.pick([
        0,
        0,
        0,
        DIRECTORY_FILE,
        NON_DIRECTORY_FILE,
        DELETE_ON_CLOSE,
        WRITE_THROUGH,
      ]),
    };
    this.world.note(this.plan.name, `asks for "${name}" ${JSON.stringify({ kind, isDurable, ...options })}`);
    return { ...wishOptions(wish, dialect), ...options };
  }

  /** CREATE, WRITE and CLOSE in one message. [MS-SMB2] 3.2.4.1.4 */
  async #compound(random: SeededEntropy, tree: TestTree): Promise<string> {
    const name = random.pick(names);
    const related = { header: { flags: HeaderFlags.RELATED_OPERATIONS } };
    const fileId = ALL_ONES_FILE_ID;
    const data = random.bytes(random.below(500));
    const write = WriteRequest.encode({ offset: 0n, fileId, channel: 0, remainingBytes: 0, flags: 0, data });
    const sent = tree.session.connection.sendCompound([
      tree.spec(Command.CREATE, createRequestOf(name, this.#options(random, tree, name))),
      tree.spec(Command.WRITE, write, related),
      tree.spec(Command.CLOSE, CloseRequest.encode({ flags: 0, fileId }), related),
    ]);
    for (const response of await Promise.all(sent.map((one) => one.response))) succeeded(response);
    return `opens, writes and closes ${name}`;
  }

  async #rename(random: SeededEntropy, file: TestFile): Promise<string> {
    const fileName = random.pick(names);
    const replaceIfExists = random.below(2) === 0;
    const change = FileRenameInformation.encode({ replaceIfExists, rootDirectory: 0n, fileName });
    await file.setInfo(InfoType.FILE, Class.FileRenameInformation, change);
    return `renames to ${fileName}`;
  }

  async #delete(random: SeededEntropy, file: TestFile): Promise<string> {
    const deletePending = random.below(4) > 0;
    const change = FileDispositionInformation.encode({ deletePending });
    await file.setInfo(InfoType.FILE, Class.FileDispositionInformation, change);
    return deletePending ? 'wants it deleted' : 'does not want it deleted';
  }

  /** Waits for the lock no longer than it has patience. */
  async #lock(random: SeededEntropy, file: TestFile): Promise<string> {
    const flags = random.pick([
      LockFlags.SHARED_LOCK,
      LockFlags.EXCLUSIVE_LOCK,
      LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY,
      LockFlags.UNLOCK,
    ]);
    const sent = file.lock([{ offset: BigInt(random.below(4)), length: BigInt(random.below(4)), flags }]);
    const timer = this.world.clock.setTimer(random.below(300), () => sent.cancel());
    succeeded(await sent.response.finally(() => timer.cancel()));
    return `locks with ${flags}`;
  }
}
