/**
 * Lengths of time as people write them.
 */

/** A number with its unit: seconds, minutes, hours or days. */
export const durationPattern = /^(\d{1,9})(s|m|h|d)$/;

/** The same, and not nothing. */
export const positiveDurationPattern = /^(?!0+[smhd])(\d{1,9})(s|m|h|d)$/;

const unitMs = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of `90s`, `30m`, `8h`, `7d`; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const match = durationPattern.exec(text);
  const unit = unitMs.get(match?.[2] ?? '');
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}
