/**
 * What the doctor found, and how it is told.
 */

/** `missing`: everything works, something less well; `problem`: a folder cannot be served. */
export type FindingState = 'ok' | 'missing' | 'problem';

export interface Finding {
  /** What it is about: `system`, `native`, `cryptography`, `network`, `limits`, or a folder's path. */
  readonly topic: string;
  readonly name: string;
  readonly state: FindingState;
  /** What is so. */
  readonly value: string | number | boolean;
  /** What follows from it, or what to do; for what is missing or a problem. */
  readonly consequence?: string;
}

const marks: Readonly<Record<FindingState, string>> = { ok: 'ok', missing: '--', problem: '!!' };

/** The findings by topic, one in a line, each with what follows from it below. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map((finding) => finding.name.length));
  const lines: string[] = [];
  let topic = '';
  for (const finding of findings) {
    if (finding.topic !== topic) lines.push(...(topic === '' ? [] : ['']), finding.topic);
    topic = finding.topic;
    lines.push(`  ${marks[finding.state]}  ${finding.name.padEnd(width)}  ${valueText(finding.value)}`);
    if (finding.consequence !== undefined) lines.push(`      ${' '.repeat(width)}  → ${finding.consequence}`);
  }
  return `${lines.join('\n')}\n`;
}

function valueText(value: Finding['value']): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value);
}
