/**
 * Quotas of users, from stores that account space by owner; without that nothing is tracked and nothing limited.
 * [MS-FSCC] 2.4.41, [MS-SMB2] 3.3.5.20.4, 3.3.5.21.4
 */
import type { QuotaEntry } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
import type { Sid } from '../wire/dtyp/sid.ts';
import { AccessMask } from '../wire/flags.ts';
import { type FileQuotaInformation, FileQuotaInformationList, QueryQuotaInfo } from '../wire/fscc/quota.ts';
import type { OpenFile } from './open-file.ts';
import type { Requester } from './security.ts';
import type { Volume } from './volume.ts';

const unlimited = -1n;
/** A limit that means: forget the user's entry. [MS-FSCC] 2.4.41 */
const removal = -2n;

/** Quotas of others are the administrator's to see, and all limits to set. */
function isAdministrator({ token }: Requester): boolean {
  return token.privileges.has('takeOwnership');
}

/** QUERY_INFO: the users asked for, or as many of all as fit. Throws NO_MORE_ENTRIES behind the last. */
export async function queryQuota(file: OpenFile, input: Buffer, bytesMax: number): Promise<Buffer> {
  file.demandAccess(AccessMask.FILE_READ_DATA);
  const query = QueryQuotaInfo.decode(input);
  const entries = await visibleEntries(file);
  const wanted =
    query.sidList.length > 0
      ? query.sidList.map(({ sid }) => entries.find(({ owner }) => owner === sid) ?? unusedBy(sid))
      : entriesFrom(file, entries, query);
  demand(wanted.length > 0, NtStatus.NO_MORE_ENTRIES);
  const told = fitting(query.returnSingle ? wanted.slice(0, 1) : wanted, bytesMax);
  demand(told.length > 0, NtStatus.BUFFER_TOO_SMALL);
  if (query.sidList.length === 0) file.quotaPosition += told.length;
  return encoded(told);
}

async function visibleEntries({ volume, requester }: OpenFile): Promise<readonly QuotaEntry[]> {
  const entries = (await volume.backend.quota?.read()) ?? [];
  if (isAdministrator(requester)) return entries;
  return entries.filter(({ owner }) => owner === requester.token.user);
}

/** A user who owns nothing here. */
function unusedBy(owner: Sid): QuotaEntry {
  return { owner, usedBytes: 0n, thresholdBytes: unlimited, limitBytes: unlimited };
}

/** The rest of a scan: from its beginning, from a user, or from where the last answer ended. [MS-SMB2] 2.2.37.1 */
function entriesFrom(
  file: OpenFile,
  entries: readonly QuotaEntry[],
  { restartScan, startSid }: QueryQuotaInfo,
): readonly QuotaEntry[] {
  const [start] = startSid;
  if (start !== undefined) {
    const at = entries.findIndex(({ owner }) => owner === start);
    demand(at >= 0, NtStatus.INVALID_SID, 'no such user');
    file.quotaPosition = at;
  } else if (restartScan) file.quotaPosition = 0;
  return entries.slice(file.quotaPosition);
}

/** As many of the first entries as `bytesMax` holds. */
function fitting(entries: readonly QuotaEntry[], bytesMax: number): readonly QuotaEntry[] {
  let count = 0;
  let bytes = 0;
  for (const entry of entries) {
    bytes = Math.ceil(bytes / 8) * 8 + FileQuotaInformationList.sizeOf([informationOf(entry)]);
    if (bytes > bytesMax) break;
    count++;
  }
  return entries.slice(0, count);
}

function encoded(entries: readonly QuotaEntry[]): Buffer {
  return FileQuotaInformationList.encode(entries.map(informationOf));
}

function informationOf(entry: QuotaEntry): FileQuotaInformation {
  return {
    sid: entry.owner,
    changeTime: 0n,
    quotaUsed: entry.usedBytes,
    quotaThreshold: entry.thresholdBytes,
    quotaLimit: entry.limitBytes,
  };
}

/** SET_INFO: thresholds and limits of users. NOT_SUPPORTED where none are kept, ACCESS_DENIED to all but administrators. */
export async function setQuota(file: OpenFile, input: Buffer): Promise<void> {
  const { quota } = file.volume.backend;
  demand(quota, NtStatus.NOT_SUPPORTED, 'no quotas are kept');
  const entries = FileQuotaInformationList.decode(input);
  file.demandAccess(AccessMask.FILE_WRITE_DATA);
  demand(isAdministrator(file.requester), NtStatus.ACCESS_DENIED, 'quotas are set by administrators');
  for (const { quotaLimit, quotaThreshold } of entries) {
    const isLimit = quotaLimit >= removal && quotaThreshold >= removal;
    demand(isLimit, NtStatus.INVALID_PARAMETER, 'a negative limit');
  }
  for (const { sid, quotaLimit, quotaThreshold } of entries) {
    if (quotaLimit === removal) await quota.remove(sid);
    else await quota.write([{ ...unusedBy(sid), thresholdBytes: quotaThreshold, limitBytes: quotaLimit }]);
  }
}

/** How many of `freeBytes` `requester` may still use. */
export async function freeBytesFor(volume: Volume, requester: Requester, freeBytes: number): Promise<number> {
  const entries = (await volume.backend.quota?.read()) ?? [];
  const own = entries.find(({ owner }) => owner === requester.token.user);
  if (own === undefined || own.limitBytes === unlimited) return freeBytes;
  const left = own.limitBytes > own.usedBytes ? own.limitBytes - own.usedBytes : 0n;
  return Math.min(freeBytes, Number(left));
}
