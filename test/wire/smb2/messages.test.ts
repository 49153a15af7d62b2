import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { present } from '../../../src/base/assert.ts';
import { registry } from '../../../src/wire/registry.ts';
import * as smb2 from '../../../src/wire/smb2/index.ts';

interface Vector {
  readonly structure: string;
  readonly bytes: string;
  readonly value: unknown;
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8'));
}

/** The value behind its JSON form. */
function revived(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(revived);
  if (typeof json !== 'object' || json === null) return json;
  if ('hex' in json) return Buffer.from(String(json.hex), 'hex');
  if ('bigint' in json) return BigInt(String(json.bigint));
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, revived(value)]));
}

/** What a decoder returns without the parts that are absent. */
function withoutAbsent(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

describe('messages of smbclient, smbtorture and smbd', () => {
  const { messages } = read('smb2-messages.json') as { messages: readonly Vector[] };
  const codecs = new Map(registry().map(({ codec }) => [codec.name, codec]));

  for (const [index, { structure, bytes, value }] of messages.entries()) {
    test(`${structure} ${index} is the value and its bytes`, () => {
      const codec = present(codecs.get(structure), structure);
      const wire = Buffer.from(bytes, 'hex');
      const decoded = codec.decode(wire);
      assert(typeof decoded === 'object' && decoded !== null);
      assert.deepEqual(withoutAbsent(decoded), revived(value));
      assert.deepEqual(codec.encode(revived(value)), wire);
    });
  }

  test('every command is among them, both ways', () => {
    const seen = new Set(messages.map(({ structure }) => structure));
    for (const command of [
      'Negotiate',
      'TreeConnect',
      'Create',
      'Close',
      'Read',
      'Write',
      'Lock',
      'Ioctl',
      'QueryInfo',
    ]) {
      for (const way of ['Request', 'Response']) assert(seen.has(command + way), command + way);
    }
  });
});

interface Captures {
  readonly smb311_multichannel: Readonly<Record<string, { messages?: Readonly<Record<string, string>> }>>;
  readonly wireshark_captures: {
    readonly cases: Readonly<
      Record<string, { messages: readonly [string, string][]; decrypted_6_7: readonly string[] }>
    >;
  };
  readonly smb2_compression_packets: {
    readonly cases: readonly { message: string; original_size: number }[];
  };
}

const captures = read('smb-vectors.json') as Captures;

describe('captured exchanges of Windows and Samba', () => {
  for (const channel of ['channel1', 'channel2']) {
    const messages = captures.smb311_multichannel[channel]?.messages ?? {};
    for (const [name, bytes] of Object.entries(messages)) roundTrip(`${channel} ${name}`, bytes);
  }
  for (const [name, { messages, decrypted_6_7 }] of Object.entries(captures.wireshark_captures.cases)) {
    for (const [index, [, bytes]] of messages.entries()) roundTrip(`${name} message ${index}`, bytes);
    for (const [index, bytes] of decrypted_6_7.entries()) roundTrip(`${name} decrypted ${index}`, bytes);
  }
});

function roundTrip(name: string, bytes: string): void {
  test(`${name} is encoded again as it was`, () => {
    const message = Buffer.from(bytes, 'hex');
    if (message.readUInt32LE(0) === smb2.TRANSFORM_PROTOCOL_ID) {
      const header = smb2.TransformHeader.decode(message);
      assert.equal(header.originalMessageSize, message.length - smb2.TRANSFORM_HEADER_BYTES);
      assert.deepEqual(smb2.TransformHeader.encode(header), message.subarray(0, smb2.TRANSFORM_HEADER_BYTES));
      return;
    }
    const again =
      message.readUInt32LE(16) & smb2.HeaderFlags.SERVER_TO_REDIR
        ? responseAgain(message)
        : requestAgain(message);
    // The header's process id and whatever pads the message do not come back.
    const expected = Buffer.from(message);
    expected.fill(0, 32, 36);
    assert.deepEqual(again, expected.subarray(0, again.length));
    assert(expected.subarray(again.length).every((byte) => byte === 0));
  });
}

function requestAgain(message: Buffer): Buffer {
  const header = smb2.RequestHeader.decode(message);
  const body = [smb2.NegotiateRequest, smb2.SessionSetupRequest, undefined, smb2.TreeConnectRequest][
    header.command
  ];
  return again(smb2.RequestHeader.encode(header), present(body, 'body'), message);
}

function responseAgain(message: Buffer): Buffer {
  const header = smb2.ResponseHeader.decode(message);
  const body = [smb2.NegotiateResponse, smb2.SessionSetupResponse, undefined, smb2.TreeConnectResponse][
    header.command
  ];
  return again(smb2.ResponseHeader.encode(header), present(body, 'body'), message);
}

function again(
  header: Buffer,
  body: { decode(b: Buffer, s: number): unknown; encode(value: never): Buffer },
  message: Buffer,
): Buffer {
  return Buffer.concat([header, body.encode(body.decode(message, smb2.HEADER_BYTES) as never)]);
}

test('the negotiate contexts of a Windows client are what it meant', () => {
  const bytes = present(captures.wireshark_captures.cases['smb311-aes-256-gcm']?.messages[0]?.[1], 'message');
  const { negotiateContexts } = smb2.NegotiateRequest.decode(Buffer.from(bytes, 'hex'), smb2.HEADER_BYTES);
  const data = new Map(negotiateContexts?.map((context) => [context.contextType, context.data]));
  const { NegotiateContextType: Type, Cipher, SigningAlgorithm } = smb2;
  const preauth = smb2.PreauthIntegrityCapabilities.decode(
    present(data.get(Type.PREAUTH_INTEGRITY_CAPABILITIES), 'preauth'),
  );
  assert.deepEqual(preauth.hashAlgorithms, [smb2.HashAlgorithm.SHA_512]);
  assert.equal(preauth.salt.length, 32);
  const { ciphers } = smb2.EncryptionCapabilities.decode(
    present(data.get(Type.ENCRYPTION_CAPABILITIES), 'ciphers'),
  );
  assert(ciphers.includes(Cipher.AES_256_GCM));
  const { signingAlgorithms } = smb2.SigningCapabilities.decode(
    present(data.get(Type.SIGNING_CAPABILITIES), 'signing'),
  );
  assert(signingAlgorithms.includes(SigningAlgorithm.AES_GMAC));
});

test('compressed messages of Windows fall into their payloads', () => {
  for (const { message, original_size } of captures.smb2_compression_packets.cases) {
    const bytes = Buffer.from(message, 'hex');
    const isChained = (bytes.readUInt16LE(10) & smb2.CompressionFlags.CHAINED) !== 0;
    const codec = isChained ? smb2.CompressionTransformChained : smb2.CompressionTransformUnchained;
    const value = codec.decode(bytes);
    assert.equal(value.originalCompressedSegmentSize, original_size);
    const encoded = isChained
      ? smb2.CompressionTransformChained.encode(smb2.CompressionTransformChained.decode(bytes))
      : smb2.CompressionTransformUnchained.encode(smb2.CompressionTransformUnchained.decode(bytes));
    assert.deepEqual(encoded, bytes);
  }
});
