/**
 * What a run does, all of it from one seed: which features are on, how bad the weather is, who works and on what. Each run
 * leaves some features out, so that what hides behind one shows without it.
 */
import { Cipher, SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import { allDialects } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import type { NetworkTraits } from '../../src/testing/simulated-network.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';

/** Clients by what they do. */
export const actorKinds = ['sharer', 'writer', 'locker', 'lister', 'watcher', 'rowdy'] as const;
export type ActorKind = (typeof actorKinds)[number];

export interface ActorPlan {
  readonly kind: ActorKind;
  readonly name: string;
  readonly dialect: number;
  readonly cipher: number;
  readonly signingAlgorithm: number;
  readonly isSealed: boolean;
  /** A seed for each step: to leave one out changes no other. */
  readonly steps: readonly number[];
}

export interface Features {
  readonly caching: 'none' | 'oplock' | 'lease';
  /** All clients but one list directories and change the names in them. */
  readonly areListers: boolean;
  readonly durable: boolean;
  /** Opens outlive the server, where the dialect has that. */
  readonly persistent: boolean;
  readonly multichannel: boolean;
  /** Channels of a session, where there is more than one. */
  readonly channelCount: number;
  readonly network: NetworkTraits;
  /** How many of 1,000 steps lose their connection. */
  readonly cutPerMille: number;
  /** After how many of 1,000 steps the next change that a client sends loses the channel that it is sent on. */
  readonly lossPerMille: number;
  /** How many of 1,000 steps end with the client silent for so long that the server gives up on it. */
  readonly silencePerMille: number;
  /** Milliseconds at which the power fails. */
  readonly crashes: readonly number[];
  /** Milliseconds at which the server's process ends, and another one begins on the same machine. */
  readonly restarts: readonly number[];
  /** How much of what was not flushed survives a power failure. */
  readonly keepPercent: number;
  /** Milliseconds after which a session must log on again; 0: never. */
  readonly lifetimeMs: number;
  /** Credits that a connection may hold. */
  readonly creditCount: number;
  /** The longest answer of the store. */
  readonly storeDelayMs: number;
  /** How many of 1,000 operations of the store fail. */
  readonly faultPerMille: number;
}

export interface Plan {
  readonly seed: number;
  readonly features: Features;
  readonly actors: readonly ActorPlan[];
  /** What is made wrong on purpose, to see that it is found. */
  readonly sabotage?: Sabotage;
}

/** A disk that answers a flush and does nothing; clients that do not hear breaks; a server that forgets persistent opens; clients
 * that send what was lost with a channel again as if it were new. */
export type Sabotage = 'lost-syncs' | 'lost-breaks' | 'lost-opens' | 'blind-replays';

/** The plan of a seed. */
export function planOf(seed: number, stepCount = 80): Plan {
  const random = new SeededEntropy(seed);
  const often = (percent: number): boolean => random.below(100) < percent;
  const features = featuresOf(random, often);
  const kinds = kindsOf(features, random, often);
  const count = 2 + random.below(5);
  const isSpecial = features.areListers || features.lossPerMille > 0;
  const isSealed = often(30);
  const actors = Array.from({ length: count }, (_, i): ActorPlan => {
    const kind = i === 0 ? 'sharer' : random.pick(kinds);
    return {
      kind,
      name: `${kind}-${i}`,
      dialect: random.pick(isSpecial ? dialects3 : allDialects),
      cipher: random.pick(Object.values(Cipher)),
      signingAlgorithm: random.pick(Object.values(SigningAlgorithm)),
      isSealed,
      steps: Array.from({ length: 10 + random.below(stepCount) }, () => random.next()),
    };
  });
  return { seed, features, actors };
}

/** Who works. Some plans have many who do the same, so that they meet. */
function kindsOf(
  { faultPerMille, lossPerMille, areListers }: Features,
  random: SeededEntropy,
  often: (percent: number) => boolean,
): readonly ActorKind[] {
  if (lossPerMille > 0) {
    const present = losing.filter(() => often(70));
    return present.length > 0 ? present : losing;
  }
  if (areListers) return ['lister'];
  // Writers keep books of what is there; with a store that fails they could not.
  const kinds = faultPerMille > 0 ? actorKinds.filter((kind) => kind !== 'writer') : actorKinds;
  const present = kinds.filter(() => often(70));
  return present.length > 0 ? present : [random.pick(kinds)];
}

/** Those who know how to go on when a channel is lost under a change. */
const losing: readonly ActorKind[] = ['sharer', 'locker', 'lister'];
/** Those with channels and directory leases. */
const dialects3 = allDialects.filter((dialect) => dialect >= DialectRevision.SMB_3_0);

function featuresOf(random: SeededEntropy, often: (percent: number) => boolean): Features {
  const faultPerMille = often(20) ? 1 + random.below(60) : 0;
  const crashes = often(30) && faultPerMille === 0 ? 1 + random.below(2) : 0;
  const restarts = often(30) ? 1 + random.below(3) : 0;
  const isLosing = often(12);
  const areListers = often(15);
  return {
    caching: areListers ? 'lease' : random.pick(['none', 'oplock', 'lease', 'lease', 'lease']),
    areListers,
    durable: often(50),
    persistent: often(restarts > 0 ? 70 : 15),
    multichannel: isLosing || often(25),
    channelCount: 2 + random.below(2),
    lossPerMille: isLosing ? 50 + random.below(300) : 0,
    network: {
      delayMs: random.pick([0, 2, 20, 200]),
      splitPercent: often(50) ? random.below(100) : 0,
      joinPercent: often(50) ? random.below(100) : 0,
    },
    cutPerMille: often(50) ? random.below(100) : 0,
    silencePerMille: often(20) ? random.below(20) : 0,
    crashes: Array.from({ length: crashes }, () => random.below(6000)),
    restarts: Array.from({ length: restarts }, () => random.below(6000)),
    keepPercent: random.pick([0, 20, 50, 90, 100]),
    lifetimeMs: often(20) ? 100 + random.below(2000) : 0,
    creditCount: random.pick([16, 64, 512, 8192]),
    storeDelayMs: random.pick([0, 0, 0, 3, 3, 30, 30, 300]),
    faultPerMille,
  };
}
