/**
 * Flags and identifiers of NTLM messages.
 */

/** NEGOTIATE flags, without NTLMSSP_ and NEGOTIATE_. [MS-NLMP] 2.2.2.5 */
export const NtlmFlag = Object.freeze({
  UNICODE: 0x0000_0001,
  OEM: 0x0000_0002,
  REQUEST_TARGET: 0x0000_0004,
  SIGN: 0x0000_0010,
  SEAL: 0x0000_0020,
  LM_KEY: 0x0000_0080,
  NTLM: 0x0000_0200,
  ANONYMOUS: 0x0000_0800,
  ALWAYS_SIGN: 0x0000_8000,
  TARGET_TYPE_DOMAIN: 0x0001_0000,
  TARGET_TYPE_SERVER: 0x0002_0000,
  EXTENDED_SESSIONSECURITY: 0x0008_0000,
  TARGET_INFO: 0x0080_0000,
  VERSION: 0x0200_0000,
  ENCRYPTION_128: 0x2000_0000,
  KEY_EXCH: 0x4000_0000,
  ENCRYPTION_56: 0x8000_0000,
});

/** Whether any of `mask` is set in `flags`. */
export function hasFlag(flags: number, mask: number): boolean {
  return (flags & mask) !== 0;
}

/** AvId of AV_PAIR. [MS-NLMP] 2.2.2.1 */
export const AvId = Object.freeze({
  EOL: 0x0000,
  NB_COMPUTER_NAME: 0x0001,
  NB_DOMAIN_NAME: 0x0002,
  DNS_COMPUTER_NAME: 0x0003,
  DNS_DOMAIN_NAME: 0x0004,
  DNS_TREE_NAME: 0x0005,
  FLAGS: 0x0006,
  TIMESTAMP: 0x0007,
  SINGLE_HOST: 0x0008,
  TARGET_NAME: 0x0009,
  CHANNEL_BINDINGS: 0x000a,
});

/** Value of the AV_PAIR FLAGS: the AUTHENTICATE message has a MIC. [MS-NLMP] 2.2.2.1 */
export const AV_FLAG_MIC = 0x0000_0002;
