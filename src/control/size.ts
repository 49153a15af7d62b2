/**
 * Amounts of bytes as people write them.
 */

/** A number with its unit. */
export const sizePattern = /^(\d{1,9})(B|KiB|MiB|GiB|TiB)$/;

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes of `512B`, `64KiB`, `100MiB`, `1GiB`, `2TiB`; undefined for anything else. */
export function sizeBytes(text: string): number | undefined {
  const match = sizePattern.exec(text);
  return match === null ? undefined : Number(match[1]) * 1024 ** units.indexOf(match[2] ?? 'B');
}
