import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuotaAbility, QuotaEntry } from '../../src/backend/contract.ts';
import { NtStatus } from '../../src/base/status.ts';
import { volumeQueries } from '../../src/vfs/query-volume-table.ts';
import { freeBytesFor, queryQuota, setQuota } from '../../src/vfs/quota.ts';
import type { Requester } from '../../src/vfs/security.ts';
import { AccessMask, CreateOption } from '../../src/wire/flags.ts';
import { FileFsControlInformation, QuotaControlFlag } from '../../src/wire/fscc/file-system.ts';
import { FileSystemInformationClass } from '../../src/wire/fscc/information-class-table.ts';
import { FileQuotaInformationList, QueryQuotaInfo } from '../../src/wire/fscc/quota.ts';
import { rejects, World } from './world.ts';

const [anna, bert, carl] = ['S-1-5-21-1-2-3-4', 'S-1-5-21-1-2-3-5', 'S-1-5-21-1-2-3-6'];
const entryBytes = 40 + 28;

/** Accounts of three users, whatever the files say. */
class Accounts implements QuotaAbility {
  readonly entries = new Map<string, QuotaEntry>();

  constructor() {
    for (const [at, owner] of [anna, bert, carl].entries()) {
      const usedBytes = BigInt(at * 1000);
      this.entries.set(owner, { owner, usedBytes, thresholdBytes: -1n, limitBytes: 5000n });
    }
  }

  read(): readonly QuotaEntry[] {
    return [...this.entries.values()];
  }

  write(entries: readonly QuotaEntry[]): void {
    for (const entry of entries) {
      const usedBytes = this.entries.get(entry.owner)?.usedBytes ?? 0n;
      this.entries.set(entry.owner, { ...entry, usedBytes });
    }
  }

  remove(owner: string): void {
    this.entries.delete(owner);
  }
}

function withQuotas() {
  const accounts = new Accounts();
  const world = new World();
  Object.defineProperty(world.backend, 'quota', { value: accounts });
  const administrator: Requester = {
    ...world.requester(),
    token: { ...world.requester().token, privileges: new Set(['takeOwnership']) },
  };
  const root = (requester = administrator) =>
    world.open('', { requester, createOptions: CreateOption.DIRECTORY_FILE });
  return { accounts, world, root, administrator };
}

type Query = Partial<Parameters<typeof QueryQuotaInfo.encode>[0]>;

async function asked(file: Parameters<typeof queryQuota>[0], query: Query = {}, bytesMax = 1000) {
  const all = { returnSingle: false, restartScan: false, sidList: [], startSid: [] };
  const bytes = await queryQuota(file, QueryQuotaInfo.encode({ ...all, ...query }), bytesMax);
  return FileQuotaInformationList.decode(bytes).map(({ sid }) => sid);
}

test('an administrator scans the quotas of all, as many at once as there is room for', async () => {
  const { root } = withQuotas();
  const file = await root();
  assert.deepEqual(await asked(file, {}, entryBytes * 2 + 4), [anna, bert]);
  assert.deepEqual(await asked(file), [carl]);
  await rejects(asked(file), NtStatus.NO_MORE_ENTRIES);
  assert.deepEqual(await asked(file, { restartScan: true, returnSingle: true }), [anna]);
  assert.deepEqual(await asked(file, { startSid: [bert] }), [bert, carl]);
  await rejects(asked(file, { startSid: ['S-1-1-0'] }), NtStatus.INVALID_SID);
  await rejects(asked(file, { restartScan: true }, entryBytes - 1), NtStatus.BUFFER_TOO_SMALL);
});

test('users who are asked for are told of in the order of the question, those without files too', async () => {
  const { root } = withQuotas();
  const file = await root();
  const query = QueryQuotaInfo.encode({
    returnSingle: false,
    restartScan: false,
    sidList: [carl, 'S-1-1-0'].map((sid) => ({ sid })),
    startSid: [],
  });
  const [first, second] = FileQuotaInformationList.decode(await queryQuota(file, query, 1000));
  assert.deepEqual(
    { used: first?.quotaUsed, limit: first?.quotaLimit, threshold: first?.quotaThreshold },
    { used: 2000n, limit: 5000n, threshold: -1n },
  );
  assert.deepEqual({ used: second?.quotaUsed, limit: second?.quotaLimit }, { used: 0n, limit: -1n });
});

test('everybody else sees the own quota alone and sets none', async () => {
  const { root, world, accounts } = withQuotas();
  const file = await root(world.requester());
  assert.deepEqual(await asked(file), [anna]);
  const change = FileQuotaInformationList.encode([informationOf(anna, 1n)]);
  await rejects(setQuota(file, change), NtStatus.ACCESS_DENIED);
  assert.equal(accounts.entries.get(anna)?.limitBytes, 5000n);
});

function informationOf(sid: string, quotaLimit: bigint) {
  return { sid, changeTime: 0n, quotaUsed: 0n, quotaThreshold: -1n, quotaLimit };
}

test('limits are set and taken away; nothing is done when one of them is none', async () => {
  const { root, accounts } = withQuotas();
  const file = await root();
  const changes = [informationOf(anna, 7n), informationOf(bert, -2n), informationOf(carl, -1n)];
  await setQuota(file, FileQuotaInformationList.encode(changes));
  const limits = [...accounts.entries.values()].map(({ owner, limitBytes }) => [owner, limitBytes]);
  assert.deepEqual(limits, [
    [anna, 7n],
    [carl, -1n],
  ]);
  const wrong = [informationOf(anna, 9n), informationOf(carl, -3n)];
  await rejects(setQuota(file, FileQuotaInformationList.encode(wrong)), NtStatus.INVALID_PARAMETER);
  assert.equal(accounts.entries.get(anna)?.limitBytes, 7n);
});

test('a store without quotas refuses to set them and tells everybody that nothing is limited', async () => {
  const world = new World();
  Object.defineProperty(world.backend, 'quota', { value: undefined });
  const file = await world.open('', { createOptions: CreateOption.DIRECTORY_FILE });
  const change = FileQuotaInformationList.encode([informationOf(anna, 7n)]);
  await rejects(setQuota(file, change), NtStatus.NOT_SUPPORTED);
  await rejects(asked(file), NtStatus.NO_MORE_ENTRIES);
  assert.equal(await flagsOf(world), 0);
  assert.equal(await freeBytesFor(world.volume, world.requester(), 123), 123);
});

test('the volume says that it tracks quotas, and what a user has left', async () => {
  const { world } = withQuotas();
  assert.equal(await flagsOf(world), QuotaControlFlag.QUOTA_TRACK | QuotaControlFlag.QUOTA_ENFORCE);
  assert.equal(await freeBytesFor(world.volume, world.requester(), 1e9), 5000);
  assert.equal(await freeBytesFor(world.volume, world.requester('bertX'), 1e9), 4000);
  assert.equal(await freeBytesFor(world.volume, world.requester(), 100), 100);
});

async function flagsOf({ volume, backend }: World): Promise<number> {
  const row = volumeQueries.get(FileSystemInformationClass.FileFsControlInformation);
  assert.equal(row?.access, AccessMask.FILE_READ_DATA);
  const answer = await row.answer({ volume, stat: backend.volume(), callerFreeBytes: 0 });
  return FileFsControlInformation.decode(answer).fileSystemControlFlags;
}

test('what is made while somebody has a limit counts for its maker, what was made before for nobody', async () => {
  const world = new World();
  const write = async (path: string, requester: Requester) => {
    const file = await world.open(path, { requester });
    const handle = file.handle;
    try {
      await handle.write(Buffer.alloc(3000), 0);
    } finally {
      await file.close('close');
    }
  };
  const bertling = world.requester('bertX');
  await write('before', bertling);
  assert.equal(await world.backend.security.read('before'), undefined);
  assert.deepEqual(await world.backend.quota.read(), []);
  await world.backend.quota.write([
    { owner: bertling.token.user, usedBytes: 0n, thresholdBytes: -1n, limitBytes: 5000n },
  ]);
  await write('counted', bertling);
  await assert.rejects(write('refused', bertling), { code: 'EDQUOT' });
  await write('counted', world.requester());
  await write('of another', world.requester());
  const used = (await world.backend.quota.read()).map(({ owner, usedBytes }) => [owner, usedBytes]);
  assert.deepEqual(used, [
    [bertling.token.user, 4096n],
    [world.requester().token.user, 4096n],
  ]);
  await world.backend.quota.remove(bertling.token.user);
  await write('after', bertling);
  assert.equal(await world.backend.security.read('after'), undefined);
});
