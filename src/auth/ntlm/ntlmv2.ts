/**
 * The computations of NTLMv2. [MS-NLMP] 3.3.2
 */
import { utf16le } from '../../base/bytes.ts';
import { hmacMd5 } from '../../crypto/hash.ts';
import { md4 } from '../../crypto/md4.ts';
import { wipe } from '../../crypto/secret.ts';
import { WireError } from '../../wire/codec.ts';
import { type AvPairs, decodeAvPairs, encodeAvPairs } from './av-pairs.ts';

/** Bytes of NTProofStr, and of every key here. */
export const PROOF_BYTES = 16;
/** NTLMv2_CLIENT_CHALLENGE up to its AV_PAIRs. [MS-NLMP] 2.2.2.7 */
const TEMP_FIXED_BYTES = 28;
const TIME = 8;
const CLIENT_CHALLENGE = 16;

/** The NT hash of a password: what accounts are stored with. [MS-NLMP] 3.3.1 NTOWFv1 */
export function ntHashOf(password: string): Buffer {
  const encoded = utf16le(password);
  const hash = md4(encoded);
  wipe(encoded);
  return hash;
}

/** NTOWFv2: the response key of a user in the domain the client names. [MS-NLMP] 3.3.2 */
export function responseKeyOf(ntHash: Buffer, userName: string, domainName: string): Buffer {
  return hmacMd5(ntHash, utf16le(upperCase(userName) + domainName));
}

/** NTProofStr over the server's challenge and `temp`, the rest of the response. [MS-NLMP] 3.3.2 */
export function proofOf(responseKey: Buffer, serverChallenge: Buffer, temp: Buffer): Buffer {
  return hmacMd5(responseKey, serverChallenge, temp);
}

/** SessionBaseKey, which for NTLMv2 is the KeyExchangeKey too. [MS-NLMP] 3.3.2, 3.4.5.1 */
export function sessionBaseKeyOf(responseKey: Buffer, proof: Buffer): Buffer {
  return hmacMd5(responseKey, proof);
}

/** An NtChallengeResponse of NTLMv2, taken apart. [MS-NLMP] 2.2.2.8 */
export interface Ntlmv2Response {
  readonly proof: Buffer;
  /** Everything behind the proof, which the proof covers. */
  readonly temp: Buffer;
  readonly avPairs: AvPairs;
}

/**
 * Takes an NtChallengeResponse apart. Throws WireError for everything that is not one of NTLMv2: those of LM and NTLMv1 have 24
 * bytes, fewer than NTLMv2 needs.
 */
export function decodeNtlmv2Response(response: Buffer): Ntlmv2Response {
  if (response.length < PROOF_BYTES + TEMP_FIXED_BYTES) throw new WireError('NTLMv2 response: too short');
  const temp = response.subarray(PROOF_BYTES);
  // [MS-NLMP] 2.2.2.7: RespType and HiRespType.
  if (temp.readUInt16LE(0) !== 0x0101) throw new WireError('NTLMv2 response: version');
  const avPairs = decodeAvPairs(temp.subarray(TEMP_FIXED_BYTES));
  return { proof: response.subarray(0, PROOF_BYTES), temp, avPairs };
}

/** NTLMv2_CLIENT_CHALLENGE as a client writes it. [MS-NLMP] 2.2.2.7, 3.3.2 */
export function encodeTemp(time: bigint, clientChallenge: Buffer, avPairs: AvPairs): Buffer {
  const fixed = Buffer.alloc(TEMP_FIXED_BYTES);
  fixed.writeUInt16LE(0x0101, 0);
  fixed.writeBigUInt64LE(time, TIME);
  clientChallenge.copy(fixed, CLIENT_CHALLENGE, 0, 8);
  // [MS-NLMP] 3.3.2: four more zero bytes follow the list.
  return Buffer.concat([fixed, encodeAvPairs(avPairs), Buffer.alloc(4)]);
}

/** Upper case of one code unit each, as Windows compares names: what would become longer stays as it is. */
export function upperCase(text: string): string {
  let upper = '';
  for (const char of text) {
    const raised = char.toUpperCase();
    upper += raised.length === char.length ? raised : char;
  }
  return upper;
}
