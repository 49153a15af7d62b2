/**
 * A provider that remembers every key buffer it was given and every (key, nonce) it was used with.
 */
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { Aead, CryptoProvider, Mac } from '../../src/crypto/provider.ts';

export class RecordingProvider implements CryptoProvider {
  readonly name = 'recording';
  /** The buffers themselves, not copies. */
  readonly keyBuffers: Buffer[] = [];
  /** `key:nonce` in hex, one for each message protected with a nonce. */
  readonly uses: string[] = [];

  mac(...[algorithm, key]: Parameters<CryptoProvider['mac']>): Mac {
    const name = this.#remember(key);
    const mac = nodeProvider.mac(algorithm, key);
    return {
      tag: (nonce, parts) => {
        if (nonce.length > 0) this.uses.push(`${name}:${nonce.toString('hex')}`);
        return mac.tag(nonce, parts);
      },
      destroy: () => mac.destroy(),
    };
  }

  aead(...[cipher, key]: Parameters<CryptoProvider['aead']>): Aead {
    const name = this.#remember(key);
    const aead = nodeProvider.aead(cipher, key);
    return {
      seal: (nonce, associated, parts) => {
        this.uses.push(`${name}:${nonce.toString('hex')}`);
        return aead.seal(nonce, associated, parts);
      },
      open: (...inputs) => aead.open(...inputs),
      destroy: () => aead.destroy(),
    };
  }

  #remember(key: Buffer): string {
    this.keyBuffers.push(key);
    return key.toString('hex');
  }
}
