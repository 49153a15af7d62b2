/**
 * A provider for which two messages at once are always quicker, whoever computes; it counts them.
 */
import { EMPTY } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { Aead, CryptoProvider, Mac } from '../../src/crypto/provider.ts';

export class PairingProvider implements CryptoProvider {
  readonly name = 'pairing';
  pairs = 0;

  mac(...[algorithm, key]: Parameters<CryptoProvider['mac']>): Mac {
    const mac = nodeProvider.mac(algorithm, key);
    return {
      ...mac,
      tagPair: (first, second) => {
        this.pairs++;
        return [mac.tag(EMPTY, [first]), mac.tag(EMPTY, [second])];
      },
    };
  }

  aead(...words: Parameters<CryptoProvider['aead']>): Aead {
    return nodeProvider.aead(...words);
  }
}
