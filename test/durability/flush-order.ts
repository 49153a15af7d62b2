/**
 * Reads a trace of system calls for the order of things: a FLUSH is answered after its fsync, never before.
 */

/** What {@link traced} records of a process. */
export const traceArguments: readonly string[] = [
  // The traced process is the child then, and not the tracer.
  '-D',
  '-f',
  '-y',
  // Answers that leave together stand in one buffer.
  ...['-s', '8192'],
  '-xx',
  ...['-e', 'trace=fsync,fdatasync,write,writev,sendto,sendmsg'],
];

/** One line of the trace that matters. */
export type TraceEvent =
  /** Path as hexadecimal escapes leave it, decoded. */
  | { readonly kind: 'synced'; readonly path: string }
  | { readonly kind: 'answered'; readonly messageId: number };

const syncCall = /^(?:\[pid +)?(\d+)\]? +f(?:data)?sync\(\d+<([^>]*)>(.*)$/;
const syncResumed = /^(?:\[pid +)?(\d+)\]? +<\.\.\. f(?:data)?sync resumed>.*= 0$/;
const flushCommand = 7;
const isResponse = 1;
const frameHeaderBytes = 4;

/** The syncs that were done and the FLUSH responses that were sent, in their order. Throws for a trace without either. */
export function eventsOf(trace: string): readonly TraceEvent[] {
  const events: TraceEvent[] = [];
  const unfinished = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const call = syncCall.exec(line);
    const resumed = syncResumed.exec(line);
    if (call !== null) {
      const [, thread = '', path = '', rest = ''] = call;
      if (rest.endsWith('= 0')) events.push({ kind: 'synced', path: unescaped(path).toString() });
      else unfinished.set(thread, unescaped(path).toString());
    } else if (resumed !== null) {
      const path = unfinished.get(resumed[1] ?? '');
      if (path !== undefined) events.push({ kind: 'synced', path });
    } else events.push(...answersIn(line));
  }
  return events;
}

/** FLUSH responses in the line's buffers, each one frame or several. [MS-SMB2] 2.1, 2.2.1.1 */
function answersIn(line: string): TraceEvent[] {
  return [...line.matchAll(/"((?:\\x[0-9a-f]{2})+)"/g)].flatMap(([, text = '']) =>
    answersAmong(unescaped(text)),
  );
}

function answersAmong(bytes: Buffer): TraceEvent[] {
  const found: TraceEvent[] = [];
  for (let rest = bytes; rest.length >= frameHeaderBytes + 64; ) {
    const header = rest.subarray(frameHeaderBytes);
    if (header.readUInt32LE(0) !== 0x424d_53fe) break;
    const isFlush = header.readUInt16LE(12) === flushCommand && (header.readUInt32LE(16) & isResponse) !== 0;
    const isFinal = header.readUInt32LE(8) === 0;
    if (isFlush && isFinal) found.push({ kind: 'answered', messageId: Number(header.readBigUInt64LE(24)) });
    rest = header.subarray(rest.readUInt32BE(0));
  }
  return found;
}

function unescaped(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}
