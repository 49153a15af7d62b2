/**
 * AES-GCM, AES-CCM and AES-GMAC in place. SP 800-38D, SP 800-38C, RFC 4543; EVP_EncryptInit(3), "AEAD Interface"
 */
import type { NativeAead, NativeCipher, NativeMac } from './evp.ts';
import { EvpError, type EvpFunctions, made, reaper, succeeded } from './evp-functions.ts';

const SET_NONCE_LENGTH = 0x9;
const READ_TAG = 0x10;
const SET_TAG = 0x11;

const TAG_BYTES = 16;
const GCM_NONCE_BYTES = 12;
const CCM_NONCE_BYTES = 11;
/** C's int; far above any message. */
const MESSAGE_BYTES_MAX = 0x7fff_ffff;

const ENCRYPTS = 1;
const DECRYPTS = 0;

/** Where OpenSSL says how much it wrote: always all, with these modes. */
const written = new Int32Array(new ArrayBuffer(4));
/** Where the end of a message goes: always nothing, with these modes. */
const noBytes = Buffer.from(new ArrayBuffer(32));

/** Ciphers are found once for the process. */
const fetched = new Map<NativeCipher, bigint>();

/** The contexts of one key. */
interface Contexts {
  readonly sealing: bigint;
  /** GCM has one context for both; CCM's key schedule knows its direction. */
  readonly opening: bigint;
}

/** What both modes share: contexts with a key. */
export abstract class EvpAead implements NativeAead {
  readonly #functions: EvpFunctions;
  readonly #nonceBytes: number;
  #contexts: Contexts | undefined;

  protected constructor(functions: EvpFunctions, cipher: NativeCipher, key: Buffer) {
    const isGcm = cipher.endsWith('GCM');
    checkLength(key, cipher.startsWith('AES-128') ? 16 : 32);
    this.#functions = functions;
    this.#nonceBytes = isGcm ? GCM_NONCE_BYTES : CCM_NONCE_BYTES;
    const sealing = keyed(functions, cipher, key, ENCRYPTS);
    const opening = isGcm ? sealing : keyed(functions, cipher, key, DECRYPTS);
    const contexts = { sealing, opening };
    reaper.watch(this, () => freeContexts(functions, contexts));
    this.#contexts = contexts;
  }

  static of(functions: EvpFunctions, cipher: NativeCipher, key: Buffer): NativeAead {
    return cipher.endsWith('GCM') ? new GcmAead(functions, cipher, key) : new CcmAead(functions, cipher, key);
  }

  abstract seal(nonce: Buffer, associated: Buffer, parts: readonly Buffer[], tag: Buffer): readonly Buffer[];
  abstract open(nonce: Buffer, associated: Buffer, message: Buffer, tag: Buffer): boolean;

  get isUsable(): boolean {
    return this.#contexts !== undefined;
  }

  free(): void {
    if (this.#contexts === undefined) return;
    reaper.forget(this);
    freeContexts(this.#functions, this.#contexts);
    this.#contexts = undefined;
  }

  protected get functions(): EvpFunctions {
    return this.#functions;
  }

  /** Begins a message; returns the context that the rest of it goes to. */
  protected begin(nonce: Buffer, direction: typeof ENCRYPTS | typeof DECRYPTS): bigint {
    const contexts = this.#contexts;
    if (contexts === undefined) throw new EvpError('the key is freed');
    checkLength(nonce, this.#nonceBytes);
    const functions = this.#functions;
    const context = direction === ENCRYPTS ? contexts.sealing : contexts.opening;
    succeeded(functions, functions.initCipher(context, null, null, null, nonce, direction), 'nonce');
    return context;
  }

  /** Takes data that is authenticated and not encrypted. */
  protected authenticate(context: bigint, associated: Buffer): void {
    if (associated.length === 0) return;
    const functions = this.#functions;
    const { length } = associated;
    succeeded(functions, functions.updateCipher(context, null, written, associated, length), 'header');
  }

  /** Encrypts or decrypts where it stands. */
  protected transform(context: bigint, part: Buffer): boolean {
    if (part.length > MESSAGE_BYTES_MAX) throw new EvpError('the message is too long');
    // Where nothing stands there may be no address, which would mean something else.
    const at = part.length === 0 ? noBytes : part;
    return this.#functions.updateCipher(context, at, written, at, part.length) === 1;
  }

  protected finish(context: bigint): boolean {
    return this.#functions.finishCipher(context, noBytes, written) === 1;
  }

  protected control(context: bigint, command: number, bytes: Buffer): void {
    const functions = this.#functions;
    succeeded(functions, functions.controlCipher(context, command, TAG_BYTES, bytes), 'tag');
  }
}

/** A context for one direction, with the key expanded. */
function keyed(functions: EvpFunctions, cipher: NativeCipher, key: Buffer, direction: number): bigint {
  const kind = fetched.get(cipher) ?? made(functions, functions.fetchCipher(null, cipher, null), cipher);
  fetched.set(cipher, kind);
  const context = made(functions, functions.cipherContext(), 'context');
  const set = (command: number, value: number): boolean =>
    functions.controlCipher(context, command, value, null) === 1;
  const init = (chosen: bigint | null, withKey: Buffer | null): boolean =>
    functions.initCipher(context, chosen, null, withKey, null, direction) === 1;
  const isSet =
    init(kind, null) &&
    (cipher.endsWith('GCM') || (set(SET_NONCE_LENGTH, CCM_NONCE_BYTES) && set(SET_TAG, TAG_BYTES))) &&
    init(null, key);
  if (isSet) return context;
  functions.freeCipherContext(context);
  functions.clearErrors();
  throw new EvpError(`OpenSSL failed: ${cipher} with this key`);
}

/** OpenSSL overwrites the keys. */
function freeContexts(functions: EvpFunctions, { sealing, opening }: Contexts): void {
  functions.freeCipherContext(sealing);
  if (opening !== sealing) functions.freeCipherContext(opening);
}

export class GcmAead extends EvpAead {
  /** AES-GMAC is AES-GCM of nothing, with the message as associated data. RFC 4543 */
  static mac(functions: EvpFunctions, key: Buffer): NativeMac {
    const gcm = new GcmAead(functions, 'AES-128-GCM', key);
    return {
      tag: (nonce, parts, tag) => gcm.#authenticated(nonce, parts, tag),
      get isUsable() {
        return gcm.isUsable;
      },
      free: () => gcm.free(),
    };
  }

  seal(nonce: Buffer, associated: Buffer, parts: readonly Buffer[], tag: Buffer): readonly Buffer[] {
    checkLength(tag, TAG_BYTES);
    const context = this.begin(nonce, ENCRYPTS);
    this.authenticate(context, associated);
    for (const part of parts) {
      if (!this.transform(context, part)) throw failure(this.functions, 'encryption');
    }
    if (!this.finish(context)) throw failure(this.functions, 'end of encryption');
    this.control(context, READ_TAG, tag);
    return parts;
  }

  open(nonce: Buffer, associated: Buffer, message: Buffer, tag: Buffer): boolean {
    checkLength(tag, TAG_BYTES);
    const context = this.begin(nonce, DECRYPTS);
    this.control(context, SET_TAG, tag);
    this.authenticate(context, associated);
    const isRight = this.transform(context, message) && this.finish(context);
    if (!isRight) leaveNothing(this.functions, message);
    return isRight;
  }

  #authenticated(nonce: Buffer, parts: readonly Buffer[], tag: Buffer): void {
    checkLength(tag, TAG_BYTES);
    const context = this.begin(nonce, ENCRYPTS);
    for (const part of parts) this.authenticate(context, part);
    if (!this.finish(context)) throw failure(this.functions, 'end of message');
    this.control(context, READ_TAG, tag);
  }
}

/** CCM takes its message in one piece, and says its length beforehand. */
class CcmAead extends EvpAead {
  seal(nonce: Buffer, associated: Buffer, parts: readonly Buffer[], tag: Buffer): readonly Buffer[] {
    checkLength(tag, TAG_BYTES);
    const message = inOnePiece(parts);
    const context = this.begin(nonce, ENCRYPTS);
    this.#announce(context, message.length);
    this.authenticate(context, associated);
    if (!this.transform(context, message)) throw failure(this.functions, 'encryption');
    this.control(context, READ_TAG, tag);
    return [message];
  }

  open(nonce: Buffer, associated: Buffer, message: Buffer, tag: Buffer): boolean {
    checkLength(tag, TAG_BYTES);
    const context = this.begin(nonce, DECRYPTS);
    this.control(context, SET_TAG, tag);
    this.#announce(context, message.length);
    this.authenticate(context, associated);
    // The tag is looked at in this call already.
    const isRight = this.transform(context, message);
    if (!isRight) leaveNothing(this.functions, message);
    return isRight;
  }

  #announce(context: bigint, length: number): void {
    const { functions } = this;
    if (length > MESSAGE_BYTES_MAX) throw new EvpError('the message is too long');
    succeeded(functions, functions.updateCipher(context, null, written, null, length), 'length');
  }
}

function failure(functions: EvpFunctions, what: string): EvpError {
  functions.clearErrors();
  return new EvpError(`OpenSSL failed: ${what}`);
}

/** No byte of a message that was not verified stays, and no note of it in OpenSSL. */
function leaveNothing(functions: EvpFunctions, message: Buffer): void {
  message.fill(0);
  functions.clearErrors();
}

/** The parts as one Buffer: where they stand if they are neighbours, a copy if not. */
function inOnePiece(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  if (first === undefined) return Buffer.alloc(0);
  let end = first.byteOffset;
  for (const part of parts) {
    if (part.buffer !== first.buffer || part.byteOffset !== end) return Buffer.concat(parts);
    end += part.length;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
}

/** C reads as many bytes as it expects, not as many as there are. */
function checkLength(bytes: Buffer, length: number): void {
  if (bytes.length !== length) throw new EvpError(`${bytes.length} bytes where ${length} are needed`);
}
