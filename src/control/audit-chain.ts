/**
 * The lines of an audit file: JSON, numbered, each with a hash over its own text and the hash of the line before. Whoever changes,
 * inserts or removes a line must write all later ones anew, which {@link AuditReport.chain}, kept elsewhere, gives away.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Stands where there is no line before. */
export const chainStart = '0'.repeat(64);

/** What is chained: a number, a time, an event, and what belongs to it. */
export type AuditRecord = Readonly<Record<string, unknown>>;

const marker = ',"chain":"';
const lineSchema = z.looseObject({ seq: z.int().min(1), chain: z.string().length(64) });

/** One line without its end, and the hash that the next one continues. */
export function auditLine(
  record: AuditRecord,
  before: string,
): { readonly line: string; readonly chain: string } {
  const text = JSON.stringify(record, (_key, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  const chain = createHash('sha256').update(before).update(text).digest('hex');
  return { line: `${text.slice(0, -1)}${marker}${chain}"}`, chain };
}

/** What was found in an audit file. */
export interface AuditReport {
  readonly lines: number;
  /** The hash of the last line that is right. */
  readonly chain: string;
  /** The first line, counted from 1, that does not fit what is before it. */
  readonly wrongLine: number | undefined;
  /** The number of the last line that is right. */
  readonly seq: number;
}

/** Checks lines one after the other. */
export class AuditVerifier {
  #lines = 0;
  #seq = 0;
  #chain = chainStart;
  #wrongLine: number | undefined;

  take(line: string): void {
    this.#lines++;
    if (this.#wrongLine !== undefined) return;
    const found = parsed(line);
    const at = line.lastIndexOf(marker);
    if (found === undefined || at < 0 || found.seq !== this.#seq + 1) {
      this.#wrongLine = this.#lines;
      return;
    }
    const text = `${line.slice(0, at)}}`;
    const chain = createHash('sha256').update(this.#chain).update(text).digest('hex');
    if (chain !== found.chain) {
      this.#wrongLine = this.#lines;
      return;
    }
    this.#seq = found.seq;
    this.#chain = chain;
  }

  report(): AuditReport {
    return { lines: this.#lines, chain: this.#chain, wrongLine: this.#wrongLine, seq: this.#seq };
  }
}

function parsed(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
