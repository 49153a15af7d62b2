/**
 * Shares beyond those of the common fixture: read-only ones, pipes, and folders of this machine.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { silentLog } from '../../src/base/log.ts';
import { localSecurityAuthority } from '../../src/rpc/lsarpc.ts';
import { serverService } from '../../src/rpc/srvsvc.ts';
import { workstationService } from '../../src/rpc/wkssvc.ts';
import type { Server } from '../../src/server/server.ts';
import type { Share } from '../../src/session/tree-connect.ts';
import type { CoreDriver } from '../../src/vfs/core-driver.ts';
import { PipeShare } from '../../src/vfs/pipe.ts';
import { Volume } from '../../src/vfs/volume.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { accounts, catalogOf, dataShare, ipcShare } from '../rpc/fixtures.ts';
import type { AbuseOptions } from './fixture.ts';
import { type Scene, underAbuse } from './scene.ts';

const plain = {
  comment: '',
  isHidden: false,
  encryption: 'available',
  isContinuouslyAvailable: false,
} as const;

/** What a share permits that may be read only. */
export const readingRights =
  AccessMask.FILE_READ_DATA |
  AccessMask.FILE_READ_EA |
  AccessMask.FILE_EXECUTE |
  AccessMask.FILE_READ_ATTRIBUTES |
  AccessMask.READ_CONTROL |
  AccessMask.SYNCHRONIZE;

/** The file-system core of a server's shares. */
export function driverOf(server: Server): CoreDriver {
  const target = server.state.shares.get('files')?.target;
  assert.ok(target instanceof Volume);
  return target.driver;
}

/** One more share over `backend`; two of one `id` are two ways to the same files. */
export function addVolume(
  server: Server,
  name: string,
  {
    backend,
    rights = AccessMask.FILE_ALL_ACCESS,
    id = name,
  }: { backend?: Backend; rights?: number; id?: string },
): void {
  const { limits, entropy, clock } = server.state;
  const share: Share = {
    ...plain,
    name,
    target: new Volume({
      id,
      backend: backend ?? memoryBackend({ clock }),
      driver: driverOf(server),
      limits,
      entropy,
      log: silentLog,
    }),
    maximalAccess: () => rights,
  };
  server.addShare(share);
}

/** IPC$ with its three pipes. */
export function addPipes(server: Server): void {
  const catalog = catalogOf([dataShare, ipcShare]);
  const endpoints = [serverService(catalog), workstationService(catalog), localSecurityAuthority(accounts)];
  const target = new PipeShare(endpoints, server.state.limits);
  server.addShare({ ...plain, name: 'IPC$', target, maximalAccess: () => AccessMask.FILE_ALL_ACCESS });
}

/** A folder that is shared, in one that is not. */
export interface Folder {
  /** What lies beside the share, and must never be reached. */
  readonly outside: string;
  readonly inside: string;
}

/** As {@link underAbuse}, the share `files` being a folder of this machine. */
export async function underAbuseOfFolder(
  body: (scene: Scene, folder: Folder) => Promise<void>,
  options: AbuseOptions = {},
): Promise<void> {
  const outside = mkdtempSync(join(tmpdir(), 'smbkit-abuse-'));
  const inside = join(outside, 'share');
  mkdirSync(inside);
  let isFirst = true;
  const wrapStore = (store: Backend): Backend => {
    if (!isFirst) return store;
    isFirst = false;
    return localBackend(inside);
  };
  try {
    await underAbuse((scene) => body(scene, { outside, inside }), { wrapStore, ...options });
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
}
