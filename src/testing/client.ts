/**
 * A small SMB2 client for tests: it can negotiate anything, log in, sign and seal with every algorithm, and misbehave at
 * every step.
 *
 *     const client = await connectClient(server.connect());
 *     const session = await client.logOn({ user: 'demo', password: 'demo' });
 *     const tree = await session.connectTree('files');
 *     const file = await tree.open('a.txt');
 *     await file.write(0n, Buffer.from('hello'));
 */
import { assert } from '../base/assert.ts';
import { TestConnection, type TestConnectionOptions } from './client-connection.ts';
import type { NegotiateOffer } from './client-negotiate.ts';
import { type LogOnOptions, logOn, type TestSession } from './client-session.ts';
import type { ClientTransport } from './client-transport.ts';
import type { NtlmCredentials } from './ntlm-client.ts';

export { ConnectionClosedError, type SentRequest, succeeded, TestConnection } from './client-connection.ts';
export { ClientResponse, encodeRequest, type Protection, type RequestSpec } from './client-message.ts';
export { allDialects, type ClientNegotiated, type NegotiateOffer } from './client-negotiate.ts';
export { type LogOnOptions, logOn, TestSession } from './client-session.ts';
export { type ClientTransport, streamTransport } from './client-transport.ts';
export { createRequestOf, ioctlRequestOf, type OpenOptions, TestFile, TestTree } from './client-tree.ts';

/** A negotiated connection. */
export class TestClient extends TestConnection {
  /** Logs in by NTLMv2. Throws NtStatusError. */
  logOn(credentials: NtlmCredentials, options?: LogOnOptions): Promise<TestSession> {
    return logOn(this, credentials, options);
  }
}

/** Negotiates on a transport, which `undefined` means the server refused. Throws NtStatusError. */
export async function connectClient(
  transport: ClientTransport | undefined,
  offer: NegotiateOffer = {},
  options?: TestConnectionOptions,
): Promise<TestClient> {
  assert(transport !== undefined, 'the server takes the connection');
  const client = new TestClient(transport, options);
  await client.negotiate(offer);
  return client;
}
