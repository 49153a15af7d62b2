/**
 * Session keys in the form of tshark's table `smb2_seskey_list`.
 */

/**
 * One row: the session's id as on the wire (little-endian) and its key, both in hexadecimal; the two decryption keys
 * stay empty, tshark derives them. [MS-SMB2] 2.2.1.2
 */
export function keyLogLine(sessionId: number, fullSessionKey: Buffer): string {
  const id = Buffer.alloc(8);
  id.writeBigUInt64LE(BigInt(sessionId));
  return `${id.toString('hex')},${fullSessionKey.toString('hex')},"",""`;
}
