/**
 * Extended session security: the keys and checksums of an NTLM context. [MS-NLMP] 3.4.4.2, 3.4.5.2, 3.4.5.3
 */
import { hmacMd5, md5 } from '../../crypto/hash.ts';
import { Rc4 } from '../../crypto/rc4.ts';
import { equalSecrets, wipe } from '../../crypto/secret.ts';
import type { MessageIntegrity } from '../mechanism.ts';
import { hasFlag, NtlmFlag } from './flags.ts';

/** Who sends. */
export type Direction = 'client-to-server' | 'server-to-client';

const SIGNATURE_VERSION = 1;

/** SIGNKEY. [MS-NLMP] 3.4.5.2 */
export function signKeyOf(exportedSessionKey: Buffer, direction: Direction): Buffer {
  return md5(exportedSessionKey, magic(direction, 'signing'));
}

/** SEALKEY with extended session security. [MS-NLMP] 3.4.5.3 */
export function sealKeyOf(exportedSessionKey: Buffer, direction: Direction, flags: number): Buffer {
  return md5(exportedSessionKey.subarray(0, sealKeyBytes(flags)), magic(direction, 'sealing'));
}

function sealKeyBytes(flags: number): number {
  if (hasFlag(flags, NtlmFlag.ENCRYPTION_128)) return 16;
  return hasFlag(flags, NtlmFlag.ENCRYPTION_56) ? 7 : 5;
}

function magic(direction: Direction, use: 'signing' | 'sealing'): Buffer {
  return Buffer.from(`session key to ${direction} ${use} key magic constant\0`, 'latin1');
}

/** One direction of a context: its keys, its key stream and its sequence number. */
class Channel {
  readonly #signKey: Buffer;
  /** Absent without KEY_EXCH: the checksum then stays as it is. [MS-NLMP] 3.4.4.2 */
  readonly #stream: Rc4 | undefined;
  #sequence = 0;

  constructor(exportedSessionKey: Buffer, direction: Direction, flags: number) {
    this.#signKey = signKeyOf(exportedSessionKey, direction);
    if (!hasFlag(flags, NtlmFlag.KEY_EXCH)) return;
    const sealKey = sealKeyOf(exportedSessionKey, direction, flags);
    this.#stream = new Rc4(sealKey);
    wipe(sealKey);
  }

  /** MAC of the next message. [MS-NLMP] 3.4.4.2 */
  mac(message: Buffer): Buffer {
    const signature = Buffer.alloc(16);
    signature.writeUInt32LE(SIGNATURE_VERSION, 0);
    signature.writeUInt32LE(this.#sequence, 12);
    const checksum = hmacMd5(this.#signKey, signature.subarray(12), message).subarray(0, 8);
    (this.#stream?.update(checksum) ?? checksum).copy(signature, 4);
    this.#sequence += 1;
    return signature;
  }

  destroy(): void {
    wipe(this.#signKey);
    this.#stream?.destroy();
  }
}

/** GSS_GetMIC and GSS_VerifyMIC of an NTLM context. [MS-NLMP] 3.4.6, 3.4.7 */
export class NtlmIntegrity implements MessageIntegrity {
  readonly #sending: Channel;
  readonly #receiving: Channel;

  /** `exportedSessionKey` is only read. `sends` says which end this is. */
  constructor(exportedSessionKey: Buffer, flags: number, sends: Direction) {
    const receives = sends === 'client-to-server' ? 'server-to-client' : 'client-to-server';
    this.#sending = new Channel(exportedSessionKey, sends, flags);
    this.#receiving = new Channel(exportedSessionKey, receives, flags);
  }

  makeMic(message: Buffer): Buffer {
    return this.#sending.mac(message);
  }

  verifyMic(message: Buffer, mic: Buffer): boolean {
    return equalSecrets(this.#receiving.mac(message), mic);
  }

  /** Overwrites the keys. */
  destroy(): void {
    this.#sending.destroy();
    this.#receiving.destroy();
  }
}
