/**
 * The cryptography of one session, from the first SESSION_SETUP to the overwriting of its keys.
 */
import { assert } from '../base/assert.ts';
import { dialectCryptoOf, parametersOf, signingAlgorithmOf } from './algorithms.ts';
import { nodeProvider } from './node-provider.ts';
import { type CryptoProvider, IntegrityError } from './provider.ts';
import { Opener, Sealer } from './sealing.ts';
import { wipe } from './secret.ts';
import { deriveAllKeys, type KeyInputs, type SessionKeys } from './session-keys.ts';
import { createSigner, isFromServer, type Signer } from './signing.ts';

/** Which end of the connection this is. */
export type Role = 'server' | 'client';

/** What a session's cryptography is made of. */
export interface SessionCryptoOptions extends KeyInputs {
  readonly role: Role;
  readonly sessionId: number;
  /** The connection's negotiated SigningAlgorithmId; absent when it negotiated none. */
  readonly signingAlgorithm?: number | undefined;
  readonly provider?: CryptoProvider | undefined;
  /** Messages the session may seal before sealing throws. */
  readonly nonceCountMax?: number | undefined;
  /** Sees the keys once, before they are put away: for a key log that somebody asked for, and for nothing else. */
  readonly observe?: ((keys: SessionKeys, fullSessionKey: Buffer) => void) | undefined;
}

/** What a further channel negotiated and hashed on its own connection. */
export interface ChannelInputs {
  /** Of dialect 3.1.1: over everything up to the last SESSION_SETUP request of the binding. */
  readonly preauthHash?: Buffer | undefined;
  readonly signingAlgorithm?: number | undefined;
}

/**
 * Owns every key of a session. Nobody else sees key bytes, and no property, JSON or inspection of it shows any.
 * The session keys that are handed in are taken over and overwritten.
 */
export class SessionCrypto {
  readonly role: Role;
  readonly dialect: number;
  /** CipherId that messages are sealed with; absent when the session cannot encrypt. */
  readonly cipher: number | undefined;
  /**
   * Session.SigningKey's signer: that of the channel the session was made on, and of the SESSION_SETUP exchange that binds
   * another one. [MS-SMB2] 3.3.5.5.2
   */
  readonly signer: Signer;
  readonly #provider: CryptoProvider;
  readonly #sealer: Sealer | undefined;
  readonly #opener: Opener | undefined;
  readonly #application: Buffer;
  readonly #channels = new Set<Signer>();
  #isDestroyed = false;

  /** Derives all keys; overwrites `fullSessionKey`. */
  constructor(options: SessionCryptoOptions) {
    const { role, dialect, cipher, sessionId, nonceCountMax, fullSessionKey } = options;
    const provider = options.provider ?? nodeProvider;
    const algorithm = signingAlgorithmOf(dialect, options.signingAlgorithm);
    const keys = deriveAllKeys(options);
    options.observe?.(keys, fullSessionKey);
    wipe(fullSessionKey);
    this.role = role;
    this.dialect = dialect;
    this.cipher = cipher;
    this.#provider = provider;
    this.#application = keys.application;
    this.signer = createSigner(provider, algorithm, keys.signing);
    const outgoing = role === 'server' ? keys.serverToClient : keys.clientToServer;
    const incoming = role === 'server' ? keys.clientToServer : keys.serverToClient;
    if (cipher === undefined || outgoing === undefined || incoming === undefined) return;
    const parameters = parametersOf(cipher);
    const limit = nonceCountMax === undefined ? {} : { nonceCountMax };
    this.#sealer = new Sealer(provider, parameters, { key: outgoing, sessionId, ...limit });
    this.#opener = new Opener(provider, parameters, incoming);
  }

  /** Whether {@link seal} and {@link open} can be used. */
  get canSeal(): boolean {
    return this.#sealer !== undefined && !this.#isDestroyed;
  }

  /** Whether {@link destroy} has been called. */
  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Signs `message` in place with the key of a channel of this session; see {@link Signer.sign}. */
  sign(signer: Signer, message: Buffer, tail?: readonly Buffer[]): void {
    assert(isFromServer(message) === (this.role === 'server'), 'only own messages are signed');
    signer.sign(message, tail);
  }

  /**
   * Whether the peer signed `message` with the key of that channel. A message of our own, sent back to us, is not the peer's:
   * both ends sign with one key.
   */
  verify(signer: Signer, message: Buffer, tail?: readonly Buffer[]): boolean {
    if (this.#isDestroyed || message.length < 64) return false;
    return isFromServer(message) === (this.role === 'client') && signer.verify(message, tail);
  }

  /** See {@link Sealer.seal}. All channels of the session share one key and one counter. */
  seal(parts: readonly Buffer[], header?: Buffer): readonly Buffer[] {
    assert(this.#sealer !== undefined, 'the session can encrypt');
    return this.#sealer.seal(parts, header);
  }

  /** See {@link Opener.open}. Throws {@link IntegrityError}. */
  open(frame: Buffer): Buffer {
    if (this.#opener === undefined) throw new IntegrityError('the session cannot encrypt');
    return this.#opener.open(frame);
  }

  /**
   * The signer of a further channel, from the session key and the hash of that channel's own authentication; overwrites
   * `fullSessionKey`. The other keys of the session stay what they are. The channel signs with what its own connection
   * negotiated. [MS-SMB2] 3.3.5.5.3
   */
  bindChannel(fullSessionKey: Buffer, channel: ChannelInputs = {}): Signer {
    assert(!this.#isDestroyed, 'the session lives');
    assert(dialectCryptoOf(this.dialect).keys !== 'session-key', 'dialect 3.x binds channels');
    const { preauthHash, signingAlgorithm } = channel;
    const keys = deriveAllKeys({ dialect: this.dialect, fullSessionKey, preauthHash });
    const algorithm = signingAlgorithmOf(this.dialect, signingAlgorithm);
    const signer = createSigner(this.#provider, algorithm, keys.signing);
    wipe(fullSessionKey, keys.application);
    this.#channels.add(signer);
    return signer;
  }

  /** Forgets the key of a channel that is gone. The session's own signer stays until the session ends. */
  releaseChannel(signer: Signer): void {
    if (this.#channels.delete(signer)) signer.destroy();
  }

  /** Lends Session.ApplicationKey for the duration of `use`; what `use` copies it must overwrite. */
  withApplicationKey<T>(use: (key: Buffer) => T): T {
    assert(!this.#isDestroyed, 'the session lives');
    return use(this.#application);
  }

  /** Overwrites every key. Idempotent; anything cryptographic throws or fails from now on. */
  destroy(): void {
    this.#isDestroyed = true;
    this.signer.destroy();
    for (const signer of this.#channels) signer.destroy();
    this.#channels.clear();
    this.#sealer?.destroy();
    this.#opener?.destroy();
    wipe(this.#application);
  }
}
