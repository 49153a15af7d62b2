/**
 * Requests as the inputs of the server's targets: a whole message whose ids are placeholders, which the world replaces by those
 * that are right at the time, unless mutation changed them.
 */
import { alignUp } from '../../src/base/bytes.ts';
import { commands } from '../../src/server/commands/index.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { HEADER_BYTES, HeaderFlags, RequestHeaderSync } from '../../src/wire/smb2/header.ts';
import { commandName } from '../abuse/messages.ts';
import { type Content, fieldMapOf, type MappedField } from './field-map.ts';
import type { Seed } from './target.ts';

/** Stands for a SessionId, a TreeId, a MessageId or half a FileId that the world knows. */
export const placeholder = 0xf1;

/** Which of the opens that the world keeps, and its tree. */
export const slots = Object.freeze({ file: placeholder, directory: 0xf2, pipe: 0xf3 });

/** Where the ids of a header lie. [MS-SMB2] 2.2.1.2 */
export const place = Object.freeze({
  /** Reserved in requests, ignored by the server; here it says how the message is protected. */
  mode: 10,
  messageId: 24,
  treeId: 36,
  sessionId: 40,
  nextCommand: 20,
});

/** A message is signed unless its mode says otherwise. */
export const sealedMode = 1;

/** The name of a command's target. */
export function commandTargetName(code: number): string {
  return `command-${commandName(code).toLowerCase().replaceAll('_', '-')}`;
}

/** Where the FileId of a request lies in its body. */
export function fileIdAt(codec: Codec<unknown>, body: Buffer): number | undefined {
  return fieldMapOf(codec, body).find(({ name }) => name === 'fileId')?.start;
}

/** `body` with its FileId replaced. */
export function normalized(code: number, body: Buffer, slot: number = placeholder): Buffer {
  const row = commands.get(code);
  const at = row?.fileId === undefined ? undefined : fileIdAt(row.request, body);
  const copy = Buffer.from(body);
  if (at !== undefined) copy.fill(slot, at, at + 16);
  return copy;
}

/** Credits that every request asks for. */
const creditsAsked = 32;

/** The header in front of a body of `command`, all ids being placeholders of `slot`. */
export function headerFor(command: number, slot = placeholder, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(0x424d_53fe, 0);
  header.writeUInt16LE(HEADER_BYTES, 4);
  header.writeUInt16LE(1, 6);
  header.writeUInt16LE(command, 12);
  header.writeUInt16LE(creditsAsked, 14);
  header.writeUInt32LE(flags | HeaderFlags.SIGNED, 16);
  header.fill(placeholder, place.messageId, place.messageId + 8);
  header.fill(slot, place.treeId, place.treeId + 4);
  header.fill(placeholder, place.sessionId, place.sessionId + 8);
  return header;
}

/** A request whose body is mutated and whose header stays. */
export function requestSeed(
  command: number,
  given: Buffer,
  slot: number = placeholder,
  content?: Content,
): Seed {
  const body = normalized(command, given, slot);
  const bytes = Buffer.concat([headerFor(command, slot), body]);
  const codec = commands.get(command)?.request;
  const fields = codec === undefined ? [] : fieldMapOf(codec, bytes, HEADER_BYTES, content);
  return { bytes, fields, frozenBytes: HEADER_BYTES };
}

/** The same with its header open to mutation. */
export function headerSeed(seed: Seed): Seed {
  const header = fieldMapOf(RequestHeaderSync, seed.bytes.subarray(0, HEADER_BYTES));
  return { ...seed, fields: [...header, ...seed.fields], frozenBytes: 0 };
}

/** Several requests in one message. */
export function compoundSeed(seeds: readonly Seed[], isRelated: boolean): Seed {
  const elements = seeds.map(({ bytes }, index) => {
    const isLast = index === seeds.length - 1;
    const element = Buffer.alloc(isLast ? bytes.length : alignUp(bytes.length, 8));
    bytes.copy(element);
    if (!isLast) element.writeUInt32LE(element.length, place.nextCommand);
    if (isRelated && index > 0)
      element.writeUInt32LE(HeaderFlags.SIGNED | HeaderFlags.RELATED_OPERATIONS, 16);
    return element;
  });
  const fields: MappedField[] = [];
  let start = 0;
  for (const element of elements) {
    const mapped = fieldMapOf(RequestHeaderSync, element.subarray(0, HEADER_BYTES));
    for (const field of mapped) fields.push({ ...field, start: field.start + start, end: field.end + start });
    start += element.length;
  }
  return { bytes: Buffer.concat(elements), fields, frozenBytes: 0 };
}
