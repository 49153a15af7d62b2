/**
 * Quotas of users. [MS-FSCC] 2.4.41, [MS-SMB2] 2.2.37.1
 */
import { chain } from '../chain.ts';
import { fileTime } from '../dtyp/filetime.ts';
import { SidCodec } from '../dtyp/sid.ts';
import {
  bool,
  type Infer,
  i64,
  lengthOf,
  list,
  nested,
  next,
  offsetOf,
  reserved,
  struct,
  u32,
} from '../struct.ts';

/** FILE_QUOTA_INFORMATION; a limit of -1 is none, one of -2 removes the user's entry. [MS-FSCC] 2.4.41 */
export const FileQuotaInformation = struct('FileQuotaInformation', {
  nextEntryOffset: next(),
  sidLength: lengthOf(u32, 'sid'),
  changeTime: fileTime,
  quotaUsed: i64,
  quotaThreshold: i64,
  quotaLimit: i64,
  sid: nested(SidCodec),
});
export type FileQuotaInformation = Infer<typeof FileQuotaInformation>;
export const FileQuotaInformationList = chain(FileQuotaInformation, { align: 8 });

/** FILE_GET_QUOTA_INFORMATION: a user asked for. [MS-FSCC] 2.4.41.1 */
export const FileGetQuotaInformation = struct('FileGetQuotaInformation', {
  nextEntryOffset: next(),
  sidLength: lengthOf(u32, 'sid'),
  sid: nested(SidCodec),
});
export type FileGetQuotaInformation = Infer<typeof FileGetQuotaInformation>;
export const FileGetQuotaInformationList = chain(FileGetQuotaInformation, { align: 4 });

const sidBuffer = 16;

/**
 * SMB2_QUERY_QUOTA_INFO: a list of users, or the one user to start from, or neither. StartSidOffset may be zero and still
 * count, so the start is a list of none or one. [MS-SMB2] 2.2.37.1
 */
export const QueryQuotaInfo = struct('QueryQuotaInfo', {
  returnSingle: bool,
  restartScan: bool,
  reserved: reserved(2),
  sidListLength: lengthOf(u32, 'sidList'),
  startSidLength: lengthOf(u32, 'startSid'),
  startSidOffset: offsetOf(u32, 'startSid', sidBuffer),
  sidList: nested(FileGetQuotaInformationList),
  startSid: list(SidCodec),
});
export type QueryQuotaInfo = Infer<typeof QueryQuotaInfo>;
