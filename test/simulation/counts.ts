/**
 * What a run keeps count of, so that the summary shows what was tried and what was not.
 */

/** Each count and its words in the summary. */
const table = [
  ['requests', 'messages'],
  ['reads', 'reads checked'],
  ['listings', 'listings checked'],
  ['cachedNames', 'names from caches checked'],
  ['directoryBreaks', 'directory leases broken'],
  ['cuts', 'cuts'],
  ['losses', 'channels cut under changes'],
  ['crashes', 'power failures'],
  ['restarts', 'restarts'],
  ['reclaims', 'opens taken up again'],
  ['writesAgain', 'WRITEs sent again'],
  ['createsAgain', 'CREATEs sent again'],
  ['locksAgain', 'LOCKs sent again'],
  ['setInfosAgain', 'SET_INFOs sent again'],
] as const;
export type CountName = (typeof table)[number][0];
export type Counts = Record<CountName, number>;

export function nothingCounted(): Counts {
  return {
    ...{ requests: 0, reads: 0, listings: 0, cachedNames: 0, directoryBreaks: 0, cuts: 0, losses: 0 },
    ...{
      crashes: 0,
      restarts: 0,
      reclaims: 0,
      writesAgain: 0,
      createsAgain: 0,
      locksAgain: 0,
      setInfosAgain: 0,
    },
  };
}

export function addCounts(total: Counts, more: Counts): void {
  for (const [name] of table) total[name] += more[name];
}

/** What never happened. */
export function missingIn(counts: Counts): readonly CountName[] {
  return table.map(([name]) => name).filter((name) => counts[name] === 0);
}

/** The counts in one line, requests with their rate. */
export function wordsOf(counts: Counts, seconds: number): string {
  const rate = ` (${Math.round(counts.requests / seconds)} a second)`;
  return table
    .map(([name, words]) => `${counts[name]} ${words}${name === 'requests' ? rate : ''}`)
    .join(', ');
}
