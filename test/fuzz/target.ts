/**
 * What can be fuzzed: a target takes bytes and tells what became of them.
 */
import type { FieldMap } from './field-map.ts';

/** A valid input, from which mutation begins. */
export interface Seed {
  readonly bytes: Buffer;
  /** Where its fields lie. */
  readonly fields: FieldMap;
  /** Bytes at the beginning that mutation leaves alone. */
  readonly frozenBytes: number;
}

/** Takes the word for what an input led to; a word that is new makes the input one to go on from. */
export type Tell = (outcome: string) => void;

/** A target while it runs. */
export interface Runner {
  /**
   * Feeds one input. Throws for whatever no input may bring about; the refusals that the target's code declares are
   * outcomes, not errors.
   */
  feed(input: Buffer, tell: Tell): void | Promise<void>;
  /** After every so many inputs and at the end: compares everything with its start; throws where it differs. */
  settle?(): Promise<void>;
  /** Ends what the runner started. */
  close?(): Promise<void>;
}

export interface Target {
  readonly name: string;
  /** A pure decoder, which is held to a rate. */
  readonly isPlain: boolean;
  seeds(): readonly Seed[];
  start(seed: number): Runner | Promise<Runner>;
}

/** A seed without a field map. */
export function rawSeed(bytes: Buffer): Seed {
  return { bytes, fields: [], frozenBytes: 0 };
}

/** An input brought about what none may. */
export class FuzzFinding extends Error {
  override readonly name = 'FuzzFinding';
}

/** Throws {@link FuzzFinding} unless `condition`. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new FuzzFinding(message);
}
