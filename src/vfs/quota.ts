/**
 * Quotas of users: none are kept, so every list is empty. [MS-FSCC] 2.4.41
 */
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask } from '../wire/flags.ts';
import { FileQuotaInformationList, QueryQuotaInfo } from '../wire/fscc/quota.ts';
import type { OpenFile } from './open-file.ts';

/** A user asked for by SID has used nothing and is not limited. [MS-SMB2] 3.3.5.20.4 */
export async function queryQuota(file: OpenFile, input: Buffer, bytesMax: number): Promise<Buffer> {
  file.demandAccess(AccessMask.FILE_READ_DATA);
  const { sidList } = QueryQuotaInfo.decode(input);
  demand(sidList.length > 0, NtStatus.NO_MORE_ENTRIES);
  const unlimited = { changeTime: 0n, quotaUsed: 0n, quotaThreshold: -1n, quotaLimit: -1n };
  const buffer = FileQuotaInformationList.encode(sidList.map(({ sid }) => ({ sid, ...unlimited })));
  demand(buffer.length <= bytesMax, NtStatus.BUFFER_TOO_SMALL);
  return buffer;
}
