/**
 * Pure decoders, in front of any signature: bytes in, a value or the declared refusal out.
 */
import { isDeepStrictEqual } from 'node:util';
import { decodeAvPairs } from '../../src/auth/ntlm/av-pairs.ts';
import { decodeAuthenticate, decodeChallenge, decodeNegotiate } from '../../src/auth/ntlm/messages.ts';
import { decodeNtlmv2Response } from '../../src/auth/ntlm/ntlmv2.ts';
import { DerReader } from '../../src/auth/spnego/der.ts';
import { decodeNegotiationToken } from '../../src/auth/spnego/tokens.ts';
import { utf16le } from '../../src/base/bytes.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { NtStatusError } from '../../src/base/status.ts';
import { maximumAccess } from '../../src/fs/access.ts';
import { splitStream } from '../../src/fs/names.ts';
import { compilePattern } from '../../src/fs/wildcards.ts';
import { NdrReader } from '../../src/rpc/ndr.ts';
import { decodeContexts } from '../../src/server/commands/create-contexts.ts';
import { FrameCutter } from '../../src/server/frames.ts';
import { SMB_3_1_1 } from '../../src/session/dialect.ts';
import { type Codec, WireError } from '../../src/wire/codec.ts';
import { SecurityDescriptorCodec } from '../../src/wire/dtyp/security-descriptor.ts';
import { FileFullEaInformationList } from '../../src/wire/fscc/extended-attributes.ts';
import { registry } from '../../src/wire/registry.ts';
import { Smb1NegotiateRequest } from '../../src/wire/smb1/negotiate.ts';
import { CreateContexts } from '../../src/wire/smb2/create-context.ts';
import { RequestHeader } from '../../src/wire/smb2/header.ts';
import { LockRequest } from '../../src/wire/smb2/lock.ts';
import { NegotiateRequest } from '../../src/wire/smb2/negotiate.ts';
import { TransformHeader } from '../../src/wire/smb2/transform.ts';
import { corpusOf } from './corpus.ts';
import { codecNamed, encodingsOf, seedOf, seedsOf } from './seeds.ts';
import { expect, rawSeed, type Seed, type Target } from './target.ts';

/** A decoder with the refusals it declares. */
function plain(name: string, seeds: () => readonly Seed[], decode: (input: Buffer) => string): Target {
  return {
    name,
    isPlain: true,
    seeds,
    start: () => ({
      feed(input, tell) {
        tell(outcomeOf(() => decode(input)));
      },
    }),
  };
}

/** The word for what `decode` did: its own, or the refusal. Anything else that is thrown is a finding. */
function outcomeOf(decode: () => string): string {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WireError) return error.message.replace(/\d+/g, '#');
    if (error instanceof NtStatusError) return `status ${error.status}`;
    throw error;
  }
}

/** Inputs between two that are encoded again. */
const encodeEach = 16;

/** A codec: what it decodes can be encoded, and decodes to the same again. */
function codecTarget(name: string, codec: Codec<unknown>): Target {
  let count = 0;
  return plain(
    name,
    () => seedsOf(codec, name),
    (input) => {
      const value = codec.decode(input);
      if (++count % encodeEach === 0) expectStable(codec, value);
      return 'decoded';
    },
  );
}

function expectStable(codec: Codec<unknown>, value: unknown): void {
  const bytes = codec.encode(value);
  expect(bytes.length === codec.sizeOf(value), `${codec.name}: the size is what was promised`);
  const again = codec.decode(bytes);
  expect(isDeepStrictEqual(codec.decode(codec.encode(again)), again), `${codec.name}: encoded and decoded`);
}

/** Every structure, one after the other: the first two bytes of an input say which. */
function structures(): Target {
  const all = registry().map(({ codec }) => codec);
  const prefix = (index: number): Buffer => Buffer.from([index & 0xff, index >> 8]);
  const seeds = (): readonly Seed[] =>
    all.flatMap((codec, index) =>
      encodingsOf(codec, 2).map((bytes) => {
        const fields = seedOf(codec, bytes).fields.map(({ start, end, ...field }) => ({
          ...field,
          start: start + 2,
          end: end + 2,
        }));
        return { bytes: Buffer.concat([prefix(index), bytes]), fields, frozenBytes: 2 };
      }),
    );
  let count = 0;
  return plain('structures', seeds, (input) => {
    const codec = input.length < 2 ? undefined : all[input.readUInt16LE(0)];
    if (codec === undefined) return 'none';
    const value = codec.decode(input, 2);
    if (++count % encodeEach === 0) expectStable(codec, value);
    return codec.name;
  });
}

/** A stream in pieces: the first byte says how large they are. */
const frame = plain(
  'frame',
  () =>
    ['0300000010', '05000000024142', '0100000000', '0a00ffffff', '0285000000'].map((text) =>
      rawSeed(Buffer.from(text, 'hex')),
    ),
  (input) => {
    let taken = 0;
    let refusals = 0;
    const cutter = new FrameCutter({
      messageBytesMax: defaultLimits.frameBytesUnauthenticated,
      message: (bytes) => {
        taken += bytes.length + 4;
        expect(bytes.length > 0 && refusals === 0, 'messages have bytes, and none comes after a refusal');
      },
      violation: () => void refusals++,
    });
    const step = Math.max(1, input[0] ?? 1);
    for (let at = 1; at < input.length; at += step) cutter.push(input.subarray(at, at + step));
    expect(taken <= input.length && refusals <= 1, 'no more comes out than went in');
    return `${refusals} ${taken === 0} ${cutter.isPartial}`;
  },
);

const header = plain(
  'header',
  () => [...seedsOf(RequestHeader, 'header'), ...seedsOf(TransformHeader), ...seedsOf(Smb1NegotiateRequest)],
  (input) => {
    const outcomes = [RequestHeader, TransformHeader, Smb1NegotiateRequest].map((codec) =>
      outcomeOf(() => {
        codec.decode(input);
        return codec.name;
      }),
    );
    return outcomes.join();
  },
);

const createContexts = plain(
  'create-contexts',
  () => seedsOf(CreateContexts, 'create-contexts', contextContent),
  (input) => {
    const decoded = decodeContexts(CreateContexts.decode(input), SMB_3_1_1, defaultLimits);
    return Object.entries(decoded)
      .filter(([, value]) => value !== undefined)
      .map(([name]) => name)
      .join();
  },
);

function contextContent(field: string): Codec<unknown> | undefined {
  return field === 'data' ? codecNamed('RequestLeaseV2') : undefined;
}

const negotiateContexts = plain(
  'negotiate-contexts',
  () => seedsOf(NegotiateRequest, 'negotiate-contexts'),
  (input) => {
    const { negotiateContexts: contexts = [] } = NegotiateRequest.decode(input);
    expect(contexts.length * 8 <= input.length, 'a context has a header of its own');
    const codecs = [
      'PreauthIntegrityCapabilities',
      'EncryptionCapabilities',
      'SigningCapabilities',
      'NetnameNegotiateContext',
    ];
    const words = contexts.slice(0, 16).map(({ contextType, data }) =>
      outcomeOf(() => {
        codecNamed(codecs[contextType % codecs.length] ?? '')?.decode(data);
        return '';
      }),
    );
    return `${words.length} ${words.find((word) => word !== '') ?? ''}`;
  },
);

const spnego = plain(
  'spnego',
  () => corpusOf('spnego').map(rawSeed),
  (input) => decodeNegotiationToken(input).kind,
);

const der = plain(
  'der',
  () => corpusOf('spnego').map(rawSeed),
  (input) => {
    const pending = [input];
    let elements = 0;
    for (let bytes = pending.pop(); bytes !== undefined; bytes = pending.pop()) {
      const reader = new DerReader(bytes);
      while (!reader.isAtEnd) {
        const { tag, content } = reader.next();
        elements++;
        if ((tag & 0x20) !== 0) pending.push(content);
      }
    }
    expect(elements <= input.length, 'an element takes bytes');
    return `${Math.min(elements, 20)} elements`;
  },
);

const ntlm = plain(
  'ntlm',
  () => corpusOf('ntlm').map(rawSeed),
  (input) =>
    [decodeNegotiate, decodeChallenge, decodeAuthenticate, decodeAvPairs, decodeNtlmv2Response]
      .map((decode) => outcomeOf(() => `${decode(input) !== undefined}`))
      .join(),
);

/** What is read of a stub: the first bytes say in which order. */
const ndr = plain(
  'ndr',
  () => [
    rawSeed(
      Buffer.from(
        '0102030405060708090a0b0c0d0e0f1000000000000002000300000000000000030000006100620000',
        'hex',
      ),
    ),
  ],
  (input) => {
    const reader = new NdrReader(input.subarray(8));
    const reads = [
      () => reader.u8(),
      () => reader.u16(),
      () => reader.u32(),
      () => reader.bytes(3),
      () => reader.pointer(),
      () => reader.text(),
      () => reader.unique(() => reader.text()),
    ];
    let words = '';
    for (const choice of input.subarray(0, 8)) {
      const before = reader.remaining;
      reads[choice % reads.length]?.();
      expect(reader.remaining >= 0 && reader.remaining <= before, 'a reader goes forward, inside its stub');
      words += choice % reads.length;
    }
    return words.length === 8 ? 'read' : words;
  },
);

const owner = 'S-1-5-21-1-2-3-1001';
const token = { user: owner, groups: new Set(['S-1-1-0']), privileges: new Set<never>() };

const securityDescriptor = plain(
  'security-descriptor',
  () => seedsOf(SecurityDescriptorCodec, 'security-descriptor'),
  (input) => {
    const descriptor = SecurityDescriptorCodec.decode(input);
    const mask = maximumAccess(descriptor, token);
    expect(mask >= 0 && mask <= 0xffff_ffff, 'a mask of access has 32 bits');
    return `${descriptor.dacl === undefined} ${mask !== 0}`;
  },
);

const extendedAttributes = codecTarget('ea-list', FileFullEaInformationList);
const locks = codecTarget('lock-array', LockRequest);

/** Matches between two whose steps are counted. */
const stepsEach = 8;
let matches = 0;

/** A pattern and a name, parted by a NUL; the steps of the match are counted. */
const wildcards = plain(
  'wildcard',
  () =>
    [`${'*a'.repeat(20)}\0${'a'.repeat(60)}`, '<.<\0a.b.c', '>>>"txt\0abc.txt', '*?*?\0x'].map((text) =>
      rawSeed(utf16le(text)),
    ),
  (input) => {
    const text = input.toString('utf16le');
    const [pattern = '', name = ''] = [
      text.slice(0, Math.max(0, text.indexOf('\0'))),
      text.slice(text.indexOf('\0') + 1),
    ];
    const short = name.slice(0, 255);
    if (++matches % stepsEach !== 0) {
      return `${compilePattern(pattern.slice(0, 255))(short)} ${pattern.includes('*')}`;
    }
    const steps = stepsOf(() => compilePattern(pattern.slice(0, 255))(short));
    expect(steps <= 8 * (Math.min(pattern.length, 255) + 2) * (short.length + 2), `${steps} steps`);
    return `${steps > 1000} ${pattern.includes('*')}`;
  },
);

/** How often `work` looks at a unit of a text. */
function stepsOf(work: () => unknown): number {
  const original = String.prototype.charCodeAt;
  let steps = 0;
  String.prototype.charCodeAt = function counted(this: string, at: number): number {
    steps++;
    return original.call(this, at);
  };
  try {
    work();
  } finally {
    String.prototype.charCodeAt = original;
  }
  return steps;
}

const streamName = plain(
  'stream-name',
  () => ['file:stream:$DATA', 'a::$INDEX_ALLOCATION', ':x', 'a:b:c:d'].map((text) => rawSeed(utf16le(text))),
  (input) => {
    const found = splitStream(input.toString('utf16le'));
    return found === undefined ? 'refused' : 'split';
  },
);

/** Every target without a server. */
export const plainTargets: readonly Target[] = [
  frame,
  header,
  structures(),
  createContexts,
  negotiateContexts,
  spnego,
  der,
  ntlm,
  ndr,
  securityDescriptor,
  extendedAttributes,
  locks,
  wildcards,
  streamName,
];
