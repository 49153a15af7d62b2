/**
 * Everybody who can compute in this process; every vector is for all of them.
 */
import { createNodeProvider, nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { loadEvp } from '../../src/native/evp.ts';
import { createNativeProvider } from '../../src/server/crypto-provider.ts';

const evp = loadEvp();

export const providers: readonly (readonly [name: string, provider: CryptoProvider])[] = [
  ['node', nodeProvider],
  ['cbc', createNodeProvider({ nativeCmac: false })],
  ...(evp === undefined ? [] : [['native', createNativeProvider(evp)] as const]),
];
