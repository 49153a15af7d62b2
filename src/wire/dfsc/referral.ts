/**
 * DFS referrals. [MS-DFSC] 2.2
 */
import { utf16le } from '../../base/bytes.ts';
import { type Codec, WireError } from '../codec.ts';
import { type Guid, GuidCodec, nilGuid } from '../dtyp/guid.ts';
import { register } from '../registry.ts';

/** REQ_GET_DFS_REFERRAL. [MS-DFSC] 2.2.2 */
export interface DfsReferralRequest {
  readonly maxReferralLevel: number;
  readonly requestFileName: string;
}

/** ServerType: who the referral leads to. [MS-DFSC] 2.2.5.3 */
export const DfsServerType = Object.freeze({ NON_ROOT: 0, ROOT: 1 });

/** ReferralHeaderFlags. [MS-DFSC] 2.2.4 */
export const DfsHeaderFlag = Object.freeze({ REFERRAL_SERVERS: 1, STORAGE_SERVERS: 2, TARGET_FAILBACK: 4 });

/** ReferralEntryFlags. [MS-DFSC] 2.2.5.3, 2.2.5.4 */
export const DfsEntryFlag = Object.freeze({ NAME_LIST_REFERRAL: 2, TARGET_SET_BOUNDARY: 4 });

/** A DFS_REFERRAL_V3 or V4 that leads to a target. [MS-DFSC] 2.2.5.3.1, 2.2.5.4 */
export interface DfsReferral {
  readonly versionNumber: 3 | 4;
  readonly serverType: number;
  /** Without NAME_LIST_REFERRAL: domain referrals are not offered. */
  readonly referralEntryFlags: number;
  readonly timeToLiveSeconds: number;
  readonly dfsPath: string;
  readonly dfsAlternatePath: string;
  readonly networkAddress: string;
  readonly serviceSiteGuid: Guid;
}

/** RESP_GET_DFS_REFERRAL. [MS-DFSC] 2.2.4 */
export interface DfsReferralResponse {
  /** Bytes of the request's name that the referral stands for. */
  readonly pathConsumed: number;
  readonly referralHeaderFlags: number;
  readonly referrals: readonly DfsReferral[];
}

function check(condition: unknown, message: string): asserts condition {
  if (!condition) throw new WireError(message);
}

/** Text up to the NUL that ends it, within `end`. */
function textAt(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at + 2 <= end; at += 2) {
    if (bytes.readUInt16LE(at) === 0) return bytes.toString('utf16le', start, at);
  }
  throw new WireError('DFS referral: text without end');
}

function writeText(target: Buffer, at: number, text: string): number {
  check(!text.includes('\0'), 'DFS referral: NUL in text');
  const end = at + utf16le(text).copy(target, at);
  return target.writeUInt16LE(0, end);
}

function textBytes(text: string): number {
  return 2 * text.length + 2;
}

/** REQ_GET_DFS_REFERRAL. [MS-DFSC] 2.2.2 */
export const DfsReferralRequestCodec: Codec<DfsReferralRequest> = register(
  {
    name: 'REQ_GET_DFS_REFERRAL',
    decode(bytes: Buffer, start = 0, end = bytes.length): DfsReferralRequest {
      check(end - start >= 4 && end <= bytes.length, 'REQ_GET_DFS_REFERRAL: truncated');
      return {
        maxReferralLevel: bytes.readUInt16LE(start),
        requestFileName: textAt(bytes, start + 2, end),
      };
    },
    encode(value: DfsReferralRequest): Buffer {
      const target = Buffer.alloc(this.sizeOf(value));
      this.encodeInto(value, target, 0);
      return target;
    },
    sizeOf: (value: DfsReferralRequest) => 2 + textBytes(value.requestFileName),
    encodeInto(value: DfsReferralRequest, target: Buffer, start: number): number {
      return writeText(target, target.writeUInt16LE(value.maxReferralLevel, start), value.requestFileName);
    },
  },
  [{ maxReferralLevel: 4, requestFileName: '\\server\\share' }],
);

const headerBytes = 8;
const entryBytes = 34;
const textFields = ['dfsPath', 'dfsAlternatePath', 'networkAddress'] as const;

/** RESP_GET_DFS_REFERRAL with referrals of version 3 and 4; the texts follow all entries. [MS-DFSC] 2.2.4 */
export const DfsReferralResponseCodec: Codec<DfsReferralResponse> = register(
  {
    name: 'RESP_GET_DFS_REFERRAL',
    decode(bytes: Buffer, start = 0, end = bytes.length): DfsReferralResponse {
      check(end - start >= headerBytes && end <= bytes.length, 'RESP_GET_DFS_REFERRAL: truncated');
      const count = bytes.readUInt16LE(start + 2);
      const referrals: DfsReferral[] = [];
      let at = start + headerBytes;
      for (let index = 0; index < count; index++) {
        check(end - at >= entryBytes, 'RESP_GET_DFS_REFERRAL: truncated');
        referrals.push(referralAt(bytes, at, end));
        at += bytes.readUInt16LE(at + 2);
      }
      return {
        pathConsumed: bytes.readUInt16LE(start),
        referralHeaderFlags: bytes.readUInt32LE(start + 4),
        referrals,
      };
    },
    encode(value: DfsReferralResponse): Buffer {
      const target = Buffer.alloc(this.sizeOf(value));
      this.encodeInto(value, target, 0);
      return target;
    },
    sizeOf: ({ referrals }: DfsReferralResponse) =>
      referrals.reduce(
        (sum, referral) =>
          textFields.reduce((bytes, field) => bytes + textBytes(referral[field]), sum + entryBytes),
        headerBytes,
      ),
    encodeInto(
      { pathConsumed, referralHeaderFlags, referrals }: DfsReferralResponse,
      target: Buffer,
      start: number,
    ) {
      target.writeUInt16LE(pathConsumed, start);
      target.writeUInt16LE(referrals.length, start + 2);
      target.writeUInt32LE(referralHeaderFlags, start + 4);
      let entry = start + headerBytes;
      let text = entry + referrals.length * entryBytes;
      for (const referral of referrals) {
        text = writeReferral(referral, target, entry, text);
        entry += entryBytes;
      }
      return text;
    },
  },
  [
    { pathConsumed: 0, referralHeaderFlags: 0, referrals: [] },
    {
      pathConsumed: 28,
      referralHeaderFlags: DfsHeaderFlag.STORAGE_SERVERS,
      referrals: [
        {
          versionNumber: 4,
          serverType: DfsServerType.NON_ROOT,
          referralEntryFlags: DfsEntryFlag.TARGET_SET_BOUNDARY,
          timeToLiveSeconds: 300,
          dfsPath: '\\server\\share',
          dfsAlternatePath: '\\server\\share',
          networkAddress: '\\other\\data',
          serviceSiteGuid: nilGuid,
        },
      ],
    },
  ],
);

function referralAt(bytes: Buffer, at: number, end: number): DfsReferral {
  const versionNumber = bytes.readUInt16LE(at);
  check(versionNumber === 3 || versionNumber === 4, 'DFS referral: version is not 3 or 4');
  const sizeBytes = bytes.readUInt16LE(at + 2);
  check(sizeBytes >= entryBytes && sizeBytes <= end - at, 'DFS referral: size of the entry');
  const referralEntryFlags = bytes.readUInt16LE(at + 6);
  check((referralEntryFlags & DfsEntryFlag.NAME_LIST_REFERRAL) === 0, 'DFS referral: list of names');
  return {
    versionNumber,
    serverType: bytes.readUInt16LE(at + 4),
    referralEntryFlags,
    timeToLiveSeconds: bytes.readUInt32LE(at + 8),
    dfsPath: textAt(bytes, at + bytes.readUInt16LE(at + 12), end),
    dfsAlternatePath: textAt(bytes, at + bytes.readUInt16LE(at + 14), end),
    networkAddress: textAt(bytes, at + bytes.readUInt16LE(at + 16), end),
    serviceSiteGuid: GuidCodec.decode(bytes, at + 18, at + entryBytes),
  };
}

function writeReferral(referral: DfsReferral, target: Buffer, entry: number, text: number): number {
  target.writeUInt16LE(referral.versionNumber, entry);
  target.writeUInt16LE(entryBytes, entry + 2);
  target.writeUInt16LE(referral.serverType, entry + 4);
  target.writeUInt16LE(referral.referralEntryFlags, entry + 6);
  target.writeUInt32LE(referral.timeToLiveSeconds, entry + 8);
  let end = text;
  let field = entry + 12;
  for (const name of textFields) {
    field = target.writeUInt16LE(end - entry, field);
    end = writeText(target, end, referral[name]);
  }
  GuidCodec.encodeInto(referral.serviceSiteGuid, target, field);
  return end;
}
