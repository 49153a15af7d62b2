import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '../../src/base/assert.ts';
import { NtStatusError } from '../../src/base/status.ts';
import {
  type ClientTransport,
  ConnectionClosedError,
  connectClient,
  ioctlRequestOf,
  type NegotiateOffer,
  type TestSession,
} from '../../src/testing/client.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import {
  ValidateNegotiateInfoRequest,
  ValidateNegotiateInfoResponse,
} from '../../src/wire/smb2/ioctl-payload.ts';
import { NegotiateRequest, NegotiateResponse } from '../../src/wire/smb2/negotiate.ts';
import {
  EncryptionCapabilities,
  NegotiateContextType,
  PreauthIntegrityCapabilities,
  SigningCapabilities,
} from '../../src/wire/smb2/negotiate-context.ts';
import { alice } from '../testing/memory-server.ts';
import { type Scene, underAbuse } from './scene.ts';

/** Somebody between client and server who changes the first message of each. */
interface Proxy {
  request?(message: Buffer): Buffer;
  response?(message: Buffer): Buffer;
}

function through(proxy: Proxy, server: ClientTransport): ClientTransport {
  let [requests, responses] = [0, 0];
  const transport: ClientTransport = {
    send: (message) =>
      server.send(requests++ === 0 ? (proxy.request?.(Buffer.from(message)) ?? message) : message),
    write: (bytes) => server.write(bytes),
    onMessage: () => {},
    onClose: () => {},
    close: () => server.close(),
    get isClosed() {
      return server.isClosed;
    },
  };
  server.onMessage = (message) => {
    const changed = responses++ === 0 ? (proxy.response?.(Buffer.from(message)) ?? message) : message;
    try {
      transport.onMessage(changed);
    } catch {
      // What a client cannot read ends its connection.
      server.close();
    }
  };
  server.onClose = () => transport.onClose();
  return transport;
}

/** The edit of a decoded NEGOTIATE request. */
function request(change: (request: NegotiateRequest) => NegotiateRequest): Proxy {
  return {
    request: (message) =>
      Buffer.concat([
        message.subarray(0, 64),
        NegotiateRequest.encode(change(NegotiateRequest.decode(message, 64))),
      ]),
  };
}

function response(change: (response: NegotiateResponse) => NegotiateResponse): Proxy {
  return {
    response: (message) =>
      Buffer.concat([
        message.subarray(0, 64),
        NegotiateResponse.encode(change(NegotiateResponse.decode(message, 64))),
      ]),
  };
}

type WithContexts = Pick<NegotiateRequest, 'negotiateContexts'>;

/** `message` with other data in one of its contexts. */
function withContext<T extends WithContexts>(message: T, contextType: number, data: Buffer): T {
  const contexts = present(message.negotiateContexts, 'contexts');
  const changed = contexts.map((row) => (row.contextType === contextType ? { contextType, data } : row));
  return { ...message, negotiateContexts: changed };
}

const { ENCRYPTION_CAPABILITIES, SIGNING_CAPABILITIES, PREAUTH_INTEGRITY_CAPABILITIES } =
  NegotiateContextType;
const onlyCcm = EncryptionCapabilities.encode({ ciphers: [1] });
const onlyHmac = SigningCapabilities.encode({ signingAlgorithms: [0] });
const otherSalt = PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt: Buffer.alloc(32, 9) });
const otherGuid = '99999999-aaaa-bbbb-cccc-dddddddddddd';

/** Edits that every dialect must notice. */
const commonEdits: Readonly<Record<string, Proxy>> = {
  'the client’s security mode': request((value) => ({ ...value, securityMode: value.securityMode ^ 2 })),
  'the client’s capabilities': request((value) => ({ ...value, capabilities: value.capabilities & ~8 })),
  'the client’s GUID': request((value) => ({ ...value, clientGuid: otherGuid })),
  'the server’s security mode': response((value) => ({ ...value, securityMode: 1 })),
  'the server’s capabilities': response((value) => ({ ...value, capabilities: value.capabilities & ~4 })),
  'the server’s GUID': response((value) => ({ ...value, serverGuid: otherGuid })),
};

/** Edits of what 3.1.1 alone has, or alone protects. */
const edits311: Readonly<Record<string, Proxy>> = {
  'the client’s ciphers': request((value) => withContext(value, ENCRYPTION_CAPABILITIES, onlyCcm)),
  'the client’s signing algorithms': request((value) => withContext(value, SIGNING_CAPABILITIES, onlyHmac)),
  'the client’s salt': request((value) => withContext(value, PREAUTH_INTEGRITY_CAPABILITIES, otherSalt)),
  'the client’s contexts, without encryption': request((value) => without(value, ENCRYPTION_CAPABILITIES)),
  'the client’s contexts, without signing': request((value) => without(value, SIGNING_CAPABILITIES)),
  'the server’s cipher': response((value) => withContext(value, ENCRYPTION_CAPABILITIES, onlyCcm)),
  'the server’s signing algorithm': response((value) => withContext(value, SIGNING_CAPABILITIES, onlyHmac)),
  'the server’s salt': response((value) => withContext(value, PREAUTH_INTEGRITY_CAPABILITIES, otherSalt)),
  'the server’s contexts, without signing': response((value) => without(value, SIGNING_CAPABILITIES)),
  'the server’s dialect': response((value) => ({
    ...value,
    dialectRevision: 0x0302,
    negotiateContexts: undefined,
  })),
  'the server’s sizes': response((value) => ({ ...value, maxReadSize: 65_536 })),
  'the server’s time': response((value) => ({ ...value, systemTime: 0n })),
  'the server’s mechanisms': response((value) => ({ ...value, securityBuffer: Buffer.alloc(0) })),
};

function without<T extends WithContexts>(message: T, type: number): T {
  const left = present(message.negotiateContexts, 'contexts').filter((row) => row.contextType !== type);
  return { ...message, negotiateContexts: left };
}

/** How far a client gets that checks what the documents tell it to check. [MS-SMB2] 3.2.5.3.1, 3.2.5.5 */
async function outcome(scene: Scene, offer: NegotiateOffer, proxy: Proxy): Promise<string> {
  try {
    const client = await connectClient(through(proxy, scene.wire()), offer);
    const session = await client.logOn(alice);
    const tree = await session.connectTree('files');
    if (client.negotiated.dialect !== 0x0311) await validated(session);
    const file = await tree.open('reached');
    await file.close();
    client.close();
    return 'all is well';
  } catch (error) {
    if (error instanceof ConnectionClosedError) return 'the server closed the connection';
    if (error instanceof NtStatusError) return `the server refused: ${error.message}`;
    if (error instanceof assert.AssertionError) return `the client refused: ${error.message}`;
    if (error instanceof Error) return `the client failed: ${error.message}`;
    throw error;
  }
}

/** FSCTL_VALIDATE_NEGOTIATE_INFO, as clients of 3.0 and 3.0.2 must send it. [MS-SMB2] 3.2.5.5 */
async function validated(session: TestSession): Promise<void> {
  const { request: sent, response: received } = session.connection.negotiated;
  const tree = await session.connectTree('files');
  const input = ValidateNegotiateInfoRequest.encode({
    capabilities: sent.capabilities,
    guid: sent.clientGuid,
    securityMode: sent.securityMode,
    dialects: sent.dialects,
  });
  const output = await tree.ioctl(Fsctl.VALIDATE_NEGOTIATE_INFO, input, { maxOutputResponse: 24 });
  const { dialectRevision: dialect, serverGuid: guid, capabilities, securityMode } = received;
  assert.deepEqual(ValidateNegotiateInfoResponse.decode(output), {
    capabilities,
    guid,
    securityMode,
    dialect,
  });
}

const smb3: readonly (readonly [string, NegotiateOffer])[] = [
  ['3.1.1', {}],
  ['3.0.2', { dialects: [0x0202, 0x0210, 0x0300, 0x0302] }],
  ['3.0', { dialects: [0x0202, 0x0210, 0x0300] }],
];

describe('a proxy that edits the negotiation', () => {
  for (const [dialect, offer] of smb3) {
    it(`D10 is what the tests below tell from none: ${dialect}`, () =>
      underAbuse(async (scene) => {
        assert.equal(await outcome(scene, offer, {}), 'all is well');
        const same = { ...request((value) => value), ...response((value) => value) };
        assert.equal(await outcome(scene, offer, same), 'all is well');
      }));

    it(`D10 is noticed: ${dialect}, every field`, () =>
      underAbuse(async (scene) => {
        const edits = dialect === '3.1.1' ? { ...commonEdits, ...edits311 } : commonEdits;
        for (const [name, proxy] of Object.entries(edits)) {
          assert.notEqual(await outcome(scene, offer, proxy), 'all is well', name);
        }
      }));
  }

  it('D10 is noticed: every older dialect that it leaves over', () =>
    underAbuse(async (scene) => {
      for (const highest of [0x0302, 0x0300, 0x0210, 0x0202]) {
        const lowered = request((value) => ({
          ...value,
          dialects: value.dialects.filter((dialect) => dialect <= highest),
          negotiateContexts: undefined,
        }));
        const reached = await outcome(scene, {}, lowered);
        assert.equal(reached, 'the server closed the connection', highest.toString(16));
      }
    }));

  for (const side of ['request', 'response'] as const) {
    it(`D10 is noticed in 3.1.1: any byte of the ${side}`, () =>
      underAbuse(async (scene) => {
        let bytes = 64;
        for (let at = 0; at < bytes; at++) {
          const proxy: Proxy = {
            [side]: (message: Buffer) => {
              bytes = message.length;
              message.writeUInt8(message.readUInt8(at) ^ 1, at);
              return message;
            },
          };
          assert.notEqual(await outcome(scene, {}, proxy), 'all is well', `byte ${at}`);
        }
        assert.ok(bytes > 150);
      }));
  }

  it('D10 VALIDATE_NEGOTIATE_INFO without room for its answer, or in 3.1.1, closes the connection', () =>
    underAbuse(async (scene) => {
      const input = ValidateNegotiateInfoRequest.encode({
        capabilities: 0,
        guid: otherGuid,
        securityMode: 0,
        dialects: [],
      });
      for (const [offer, maxOutputResponse] of [
        [{ dialects: [0x0302] }, 23],
        [{}, 24],
      ] as const) {
        const client = await scene.connect(offer);
        const tree = await (await client.logOn(alice)).connectTree('files');
        const attempt = tree.ioctl(Fsctl.VALIDATE_NEGOTIATE_INFO, input, { maxOutputResponse });
        await assert.rejects(attempt, ConnectionClosedError);
      }
    }));

  it('D10 the answer to VALIDATE_NEGOTIATE_INFO is signed, also where nothing else is', () =>
    underAbuse(
      async (scene) => {
        for (const [, offer] of smb3.slice(1)) {
          const client = await scene.connect(offer);
          const session = await client.logOn(alice);
          const tree = await session.connectTree('files');
          const { request: sent } = client.negotiated;
          const input = ValidateNegotiateInfoRequest.encode({
            capabilities: sent.capabilities,
            guid: sent.clientGuid,
            securityMode: sent.securityMode,
            dialects: sent.dialects,
          });
          const body = ioctlRequestOf(Fsctl.VALIDATE_NEGOTIATE_INFO, input, { maxOutputResponse: 24 });
          const answer = await tree.request(Command.IOCTL, body, { protection: 'sign' });
          assert.equal(answer.status, 0);
          assert.equal(answer.isSignatureRight, true);
          // Whoever sits in the middle cannot ask without a signature either, and be answered without one.
          const bare = await tree.request(Command.IOCTL, body, { protection: 'none' });
          assert.ok(bare.status !== 0 || bare.isSignatureRight === true, `${bare.status}`);
        }
      },
      { settings: { signing: { required: false, algorithms: ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256'] } } },
    ));
});
