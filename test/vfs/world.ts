/**
 * A volume on the memory store with the real core, for the tests of this folder.
 */
import assert from 'node:assert/strict';
import { type MemoryBackend, memoryBackend } from '../../src/backend/memory.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { type NtStatus, NtStatusError, statusName } from '../../src/base/status.ts';
import { createCore } from '../../src/fs/core.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { ClientNotifier, LeaseBreakNotice } from '../../src/vfs/client-notifier.ts';
import { CoreDriver } from '../../src/vfs/core-driver.ts';
import { createFile } from '../../src/vfs/create.ts';
import type { OpenRequest, OpenResult } from '../../src/vfs/create-parameters.ts';
import type { OpenFile } from '../../src/vfs/open-file.ts';
import type { OpenStore } from '../../src/vfs/open-store.ts';
import type { Requester } from '../../src/vfs/security.ts';
import { Volume, type VolumeOptions } from '../../src/vfs/volume.ts';
import { Waiter } from '../../src/vfs/waiter.ts';
import { AccessMask, CreateDisposition, CreateOption, ShareAccess } from '../../src/wire/flags.ts';

/** Everybody shares everything. */
export const shareAll = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;

export class World implements ClientNotifier {
  readonly clock = new VirtualClock();
  readonly backend: MemoryBackend = memoryBackend({ clock: this.clock });
  readonly oplockBreaks: { open: OpenFile; toLevel: number }[] = [];
  readonly leaseBreaks: LeaseBreakNotice[] = [];
  readonly expiredOpens: OpenFile[] = [];
  readonly driver: CoreDriver;
  readonly volume: Volume;

  constructor(options: Partial<VolumeOptions> = {}, store?: OpenStore) {
    const core = createCore({});
    this.driver = new CoreDriver({ core, clock: this.clock, log: silentLog, notifier: this, store });
    this.volume = new Volume({
      id: 'v',
      backend: this.backend,
      driver: this.driver,
      limits: defaultLimits,
      entropy: new SeededEntropy(1),
      log: silentLog,
      ...options,
    });
  }

  breakOplock(open: OpenFile, toLevel: number): void {
    this.oplockBreaks.push({ open, toLevel });
  }

  breakLease(notice: LeaseBreakNotice): void {
    this.leaseBreaks.push(notice);
  }

  expired(open: OpenFile): void {
    this.expiredOpens.push(open);
  }

  requester(name = 'anna', maximalAccess: number = AccessMask.FILE_ALL_ACCESS): Requester {
    return {
      token: { user: `S-1-5-21-1-2-3-${name.length}`, groups: new Set(['S-1-1-0']), privileges: new Set() },
      owner: { clientGuid: `client-${name}`, session: 1, user: name, share: 'S' },
      group: 'S-1-5-32-545',
      maximalAccess,
    };
  }

  /** One attempt, which may come back with a waiter. */
  async attempt(path: string, request: Partial<OpenRequest> = {}): Promise<OpenResult | Waiter> {
    return createFile(this.volume, {
      path,
      desiredAccess: AccessMask.FILE_ALL_ACCESS,
      fileAttributes: 0,
      shareAccess: shareAll,
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions: 0,
      requester: this.requester(),
      cache: { kind: 'none' },
      ...request,
    });
  }

  async open(path: string, request: Partial<OpenRequest> = {}): Promise<OpenFile> {
    return (await this.opened(path, request)).file;
  }

  async opened(path: string, request: Partial<OpenRequest> = {}): Promise<OpenResult> {
    const outcome = await this.attempt(path, request);
    assert(!(outcome instanceof Waiter), `${path} has to wait`);
    outcome.file.announce();
    return outcome;
  }

  makeDirectory(path: string): Promise<OpenFile> {
    return this.open(path, { createOptions: CreateOption.DIRECTORY_FILE });
  }

  /** Opens and closes. */
  async touch(path: string, request: Partial<OpenRequest> = {}): Promise<void> {
    await (await this.open(path, request)).close('close');
  }
}

/** Asserts that `work` fails with `status`. */
export async function rejects(
  work: Promise<unknown> | (() => Promise<unknown>),
  status: NtStatus,
): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert(error instanceof NtStatusError, `no NtStatusError: ${String(error)}`);
    assert.equal(statusName(error.status), statusName(status));
    return true;
  });
}
