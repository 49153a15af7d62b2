/**
 * Who signs and seals here, and how fast.
 */
import { cipherParameters, signingParameters } from '../crypto/algorithms.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { fastestCryptoProvider } from '../server/crypto-provider.ts';
import type { Finding } from './doctor-finding.ts';

/** What one algorithm costs. */
export interface Speed {
  readonly algorithm: string;
  readonly provider: string;
  /** Processor time for a message of that size, in microseconds. */
  readonly us128B: number;
  readonly us4KiB: number;
  readonly us64KiB: number;
  readonly us1MiB: number;
  /** Of each, when two messages of 1 MiB are signed at once; there where a server does that. */
  readonly us1MiBOfTwo?: number;
}

/** Each measurement takes about this long. */
const MEASURE_US = 6_000;

/** Measures all algorithms with the provider that a server would take, and with node:crypto. About half a second. */
export function cryptoSpeeds(): readonly Speed[] {
  const chosen = fastestCryptoProvider();
  const providers = chosen === nodeProvider ? [chosen] : [chosen, nodeProvider];
  return providers.flatMap((provider) => [...signingSpeeds(provider), ...sealingSpeeds(provider)]);
}

function signingSpeeds(provider: CryptoProvider): readonly Speed[] {
  return [...signingParameters.values()].map(({ id, name, nonceBytes }) => {
    const mac = provider.mac(id, Buffer.alloc(16, 1));
    const nonce = Buffer.alloc(nonceBytes, 2);
    const speed = measured(name, provider, (message) => mac.tag(nonce, [message]));
    const { tagPair } = mac;
    const ofTwo = tagPair && { us1MiBOfTwo: costUs(() => tagPair(message, message), 3) / 2 };
    mac.destroy();
    return { ...speed, ...ofTwo };
  });
}

function sealingSpeeds(provider: CryptoProvider): readonly Speed[] {
  return [...cipherParameters.values()].map((cipher) => {
    const aead = provider.aead(cipher, Buffer.alloc(cipher.keyBytes, 1));
    const nonce = Buffer.alloc(cipher.nonceBytes, 2);
    const associated = Buffer.alloc(32);
    const speed = measured(cipher.name, provider, (message) => aead.seal(nonce, associated, [message]));
    aead.destroy();
    return speed;
  });
}

function measured(
  algorithm: string,
  { name: provider }: CryptoProvider,
  protect: (message: Buffer) => unknown,
): Speed {
  return {
    algorithm,
    provider,
    us128B: costUs(() => protect(message.subarray(0, 128)), 500),
    us4KiB: costUs(() => protect(message.subarray(0, 4096)), 200),
    us64KiB: costUs(() => protect(message.subarray(0, 65_536)), 20),
    us1MiB: costUs(() => protect(message), 5),
  };
}

const message = Buffer.alloc(1024 * 1024, 3);

/** Processor time of one call: that of the quickest batch, so that neither compilation nor other programs count. */
function costUs(call: () => unknown, batch: number): number {
  const began = process.cpuUsage();
  let best = Number.POSITIVE_INFINITY;
  for (;;) {
    const before = process.cpuUsage();
    for (let count = 0; count < batch; count++) call();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / batch);
    const total = process.cpuUsage(began);
    if (total.user + total.system >= MEASURE_US) return Number(best.toPrecision(3));
  }
}

/** The speeds as findings: one for each algorithm. */
export function cryptoFindings(speeds: readonly Speed[]): readonly Finding[] {
  const topic = 'cryptography';
  const [first] = speeds;
  if (first === undefined) return [];
  const findings: Finding[] = [{ topic, name: 'provider', state: 'ok', value: providerText(first.provider) }];
  for (const speed of speeds) {
    if (speed.provider !== first.provider) continue;
    const other = speeds.find((one) => one.algorithm === speed.algorithm && one !== speed);
    const compared = other === undefined ? '' : `; node:crypto ${timesText(other)}`;
    findings.push({ topic, name: speed.algorithm, state: 'ok', value: `${timesText(speed)}${compared}` });
  }
  return findings;
}

function providerText(provider: string): string {
  return provider === 'native' ? 'OpenSSL in place' : 'node:crypto';
}

function timesText({ us4KiB, us1MiB, us1MiBOfTwo }: Speed): string {
  const ofTwo = us1MiBOfTwo === undefined ? '' : ` (${us1MiBOfTwo} each of two at once)`;
  return `4 KiB in ${us4KiB} µs, 1 MiB in ${us1MiB} µs${ofTwo}`;
}
