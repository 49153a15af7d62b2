/**
 * Create contexts of extensions that the document does not describe: Apple's (as in the AFP-over-SMB sources of macOS) and the
 * POSIX extensions (as in Linux and Samba). Both travel as [MS-SMB2] 2.2.13.2.
 */
import { SidCodec } from '../dtyp/sid.ts';
import type { Fields } from '../schema.ts';
import {
  constant,
  type Infer,
  lengthOf,
  nested,
  reserved,
  struct,
  u32,
  u64,
  utf16,
  when,
} from '../struct.ts';

/** CommandCode of the AAPL context. */
export const AaplCommand = Object.freeze({ SERVER_QUERY: 1, RESOLVE_ID: 2 });

/** What a server query asks for. */
export const AaplQuery = Object.freeze({ SERVER_CAPS: 1n, VOLUME_CAPS: 2n, MODEL_INFO: 4n });

/** Abilities of client and server. */
export const AaplCapability = Object.freeze({
  SUPPORTS_READ_DIR_ATTR: 0x01n,
  SUPPORTS_OSX_COPYFILE: 0x02n,
  UNIX_BASED: 0x04n,
  SUPPORTS_NFS_ACE: 0x08n,
  SUPPORTS_READ_DIR_ATTR_V2: 0x10n,
  SUPPORTS_HIGH_FIDELITY: 0x20n,
});

/** Abilities of the volume. */
export const AaplVolume = Object.freeze({
  SUPPORT_RESOLVE_ID: 1n,
  CASE_SENSITIVE: 2n,
  SUPPORTS_FULL_SYNC: 4n,
});

/** AAPL server query, carried as [MS-SMB2] 2.2.13.2. */
export const AaplServerQueryRequest = struct('AaplServerQueryRequest', {
  commandCode: constant(u32, AaplCommand.SERVER_QUERY),
  reserved: reserved(4),
  requestBitmap: u64,
  clientCapabilities: u64,
});
export type AaplServerQueryRequest = Infer<typeof AaplServerQueryRequest>;

const answers =
  (bit: bigint) =>
  (fields: Fields): boolean =>
    typeof fields['replyBitmap'] === 'bigint' && (fields['replyBitmap'] & bit) !== 0n;

/** Model of the server, shown as its icon; carried as [MS-SMB2] 2.2.14.2. */
export const AaplModel = struct('AaplModel', {
  padding: reserved(4),
  modelLength: lengthOf(u32, 'model'),
  model: utf16(),
});
export type AaplModel = Infer<typeof AaplModel>;

/** Answer to the AAPL server query, each part present when its bit is set; carried as [MS-SMB2] 2.2.14.2. */
export const AaplServerQueryResponse = struct('AaplServerQueryResponse', {
  commandCode: constant(u32, AaplCommand.SERVER_QUERY),
  reserved: reserved(4),
  replyBitmap: u64,
  serverCapabilities: when(nested(u64), answers(AaplQuery.SERVER_CAPS)),
  volumeCapabilities: when(nested(u64), answers(AaplQuery.VOLUME_CAPS)),
  model: when(nested(AaplModel), answers(AaplQuery.MODEL_INFO)),
});
export type AaplServerQueryResponse = Infer<typeof AaplServerQueryResponse>;

/** POSIX create context of the request, carried as [MS-SMB2] 2.2.13.2. */
export const PosixCreateRequest = struct('PosixCreateRequest', {
  /** Permission bits for a new file. */
  mode: u32,
});
export type PosixCreateRequest = Infer<typeof PosixCreateRequest>;

/** POSIX create context of the response, carried as [MS-SMB2] 2.2.14.2. */
export const PosixCreateResponse = struct('PosixCreateResponse', {
  linkCount: u32,
  reparseTag: u32,
  mode: u32,
  owner: nested(SidCodec),
  group: nested(SidCodec),
});
export type PosixCreateResponse = Infer<typeof PosixCreateResponse>;
