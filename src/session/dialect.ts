/**
 * The five dialects as values: what each can do, asked here once instead of compared everywhere. [MS-SMB2] 1.7, 2.2.3
 */

export interface Dialect {
  /** DialectRevision on the wire. */
  readonly revision: number;
  readonly name: string;
  /** Belongs to the SMB 3.x family. */
  readonly isSmb3: boolean;
  /** Credits are charged by payload, and more than 64 KiB may be moved at once. [MS-SMB2] 3.3.5.4 */
  readonly hasMultiCredit: boolean;
  readonly hasLeasing: boolean;
  /** Directory leases, persistent handles, multichannel, durable handles and leases of version 2. */
  readonly hasDirectoryLeasing: boolean;
  /** Encryption offered by SMB2_GLOBAL_CAP_ENCRYPTION (3.0, 3.0.2). 3.1.1 uses a negotiate context. */
  readonly hasEncryptionCapability: boolean;
  readonly hasEncryption: boolean;
  /** Negotiate contexts and the pre-authentication hash. */
  readonly hasNegotiateContexts: boolean;
  /** The data of error responses comes in contexts. [MS-SMB2] 2.2.2 */
  readonly hasErrorContexts: boolean;
  /** FSCTL_VALIDATE_NEGOTIATE_INFO is answered. [MS-SMB2] 3.3.5.15.12 */
  readonly hasValidateNegotiate: boolean;
}

const smb2 = {
  isSmb3: false,
  hasMultiCredit: false,
  hasLeasing: false,
  hasDirectoryLeasing: false,
  hasEncryptionCapability: false,
  hasEncryption: false,
  hasNegotiateContexts: false,
  hasErrorContexts: false,
  hasValidateNegotiate: true,
};
const smb3 = { ...smb2, isSmb3: true, hasMultiCredit: true, hasLeasing: true, hasDirectoryLeasing: true };

export const SMB_2_0_2: Dialect = Object.freeze({ ...smb2, revision: 0x0202, name: '2.0.2' });
export const SMB_2_1: Dialect = Object.freeze({
  ...smb2,
  revision: 0x0210,
  name: '2.1',
  hasMultiCredit: true,
  hasLeasing: true,
});
export const SMB_3_0: Dialect = Object.freeze({
  ...smb3,
  revision: 0x0300,
  name: '3.0',
  hasEncryptionCapability: true,
  hasEncryption: true,
});
export const SMB_3_0_2: Dialect = Object.freeze({ ...SMB_3_0, revision: 0x0302, name: '3.0.2' });
export const SMB_3_1_1: Dialect = Object.freeze({
  ...smb3,
  revision: 0x0311,
  name: '3.1.1',
  hasEncryption: true,
  hasNegotiateContexts: true,
  hasErrorContexts: true,
  hasValidateNegotiate: false,
});

/** From the oldest to the newest. */
export const dialects: readonly Dialect[] = Object.freeze([
  SMB_2_0_2,
  SMB_2_1,
  SMB_3_0,
  SMB_3_0_2,
  SMB_3_1_1,
]);

export type DialectName = '2.0.2' | '2.1' | '3.0' | '3.0.2' | '3.1.1';

/** The dialects from `min` to `max`, both included. */
export function dialectsBetween(min: DialectName, max: DialectName): readonly Dialect[] {
  const first = dialects.findIndex((dialect) => dialect.name === min);
  const last = dialects.findIndex((dialect) => dialect.name === max);
  return dialects.slice(first, last + 1);
}

/** The newest of `allowed` that the client offers. [MS-SMB2] 3.3.5.4 */
export function commonDialect(allowed: readonly Dialect[], offered: readonly number[]): Dialect | undefined {
  return allowed.findLast((dialect) => offered.includes(dialect.revision));
}
