import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type AcceptorContext,
  type AuthenticationStep,
  LogonError,
  type Mechanism,
} from '../../src/auth/mechanism.ts';
import { NTLM_OID, type NtlmOptions } from '../../src/auth/ntlm/acceptor.ts';
import { Spnego } from '../../src/auth/spnego/acceptor.ts';
import { contextTag, DerReader, der, derOid, Tag } from '../../src/auth/spnego/der.ts';
import {
  decodeNegotiationToken,
  encodeNegTokenInit,
  encodeNegTokenInit2,
  encodeNegTokenResp,
  NegState,
} from '../../src/auth/spnego/tokens.ts';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus } from '../../src/base/status.ts';
import { SpnegoClient, type SpnegoClientOptions } from '../../src/testing/ntlm-client.ts';
import { WireError } from '../../src/wire/codec.ts';
import { vectors } from '../crypto/vectors.ts';
import { ntlmClient, ntlmServer } from './fixtures.ts';

const MS_KRB5 = '1.2.840.48018.1.2.2';
const KRB5 = '1.2.840.113554.1.2.2';

function server(options: Partial<NtlmOptions> = {}): AcceptorContext {
  const ntlm = ntlmServer(options);
  return new Spnego([ntlm], ntlm).begin();
}

interface Outcome {
  readonly tokens: readonly Buffer[];
  readonly last: AuthenticationStep;
  readonly client: SpnegoClient;
}

/** Runs the whole exchange; `tamper` sees each token of the client. */
async function exchange(
  client: SpnegoClient,
  acceptor: AcceptorContext = server(),
  tamper: (token: Buffer, leg: number) => Buffer = (token) => token,
): Promise<Outcome> {
  const tokens: Buffer[] = [];
  let toServer: Buffer | undefined = client.begin();
  for (let leg = 0; leg < 6 && toServer !== undefined; leg++) {
    const last: AuthenticationStep = await acceptor.step(tamper(toServer, leg));
    tokens.push(last.token ?? EMPTY);
    if (last.kind === 'complete') {
      client.next(last.token ?? EMPTY);
      return { tokens, last, client };
    }
    toServer = client.next(last.token);
  }
  throw new Error('the exchange does not end');
}

function clientOf(options: SpnegoClientOptions = {}, user = 'alice', password = 'Secret.1'): SpnegoClient {
  return new SpnegoClient(ntlmClient(user, password), options);
}

async function refused(attempt: () => unknown, status: number, what?: string): Promise<LogonError> {
  const error = await Promise.resolve()
    .then(attempt)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof LogonError, what ?? `refused, not ${error}`);
  assert.equal(error.status, status, what ?? 'status');
  return error;
}

const states = (tokens: readonly Buffer[]) =>
  tokens.map((token) => {
    const message = decodeNegotiationToken(token);
    return message.kind === 'resp' ? message.negState : undefined;
  });

describe('SPNEGO with NTLM as the first choice', () => {
  it('takes two legs and protects the list of mechanisms', async () => {
    const { tokens, last, client } = await exchange(clientOf());
    assert.ok(last.kind === 'complete');
    assert.deepEqual(last.sessionKey, client.ntlm.sessionKey);
    assert.ok(client.isComplete);
    assert.deepEqual(states(tokens), [NegState.ACCEPT_INCOMPLETE, NegState.ACCEPT_COMPLETED]);
    const [first, final] = tokens.map(decodeNegotiationToken);
    assert.ok(first?.kind === 'resp' && final?.kind === 'resp');
    assert.deepEqual(first.supportedMech, derOid(NTLM_OID));
    assert.equal(final.supportedMech, undefined);
    assert.equal(final.mechListMic?.length, 16);
  });

  it('goes without checksums when the client sends none', async () => {
    const { tokens, last } = await exchange(clientOf({ sendsMechListMic: false }));
    assert.ok(last.kind === 'complete');
    assert.equal(last.token?.toString('hex'), 'a1073005a0030a0100');
    assert.equal(tokens.length, 2);
  });

  it('waits for the first token of a client that sends none at once', async () => {
    const acceptor = server();
    const ntlm = ntlmClient('alice', 'Secret.1');
    const announced = await acceptor.step(encodeNegTokenInit([derOid(NTLM_OID)]));
    assert.ok(announced.kind === 'continue');
    assert.deepEqual(states([announced.token]), [NegState.ACCEPT_INCOMPLETE]);
    const challenged = await acceptor.step(encodeNegTokenResp({ responseToken: ntlm.negotiateMessage }));
    assert.ok(challenged.kind === 'continue');
    const message = decodeNegotiationToken(challenged.token);
    assert.ok(message.kind === 'resp');
    assert.equal(message.supportedMech, undefined, 'was announced before');
    const responseToken = ntlm.authenticate(message.responseToken ?? EMPTY);
    const done = await acceptor.step(encodeNegTokenResp({ responseToken }));
    assert.equal(done.kind, 'complete');
  });
});

describe('SPNEGO with NTLM behind other mechanisms', () => {
  const options = { mechanismsBefore: [MS_KRB5, KRB5] };

  it('asks for the checksum, ignores the optimistic token and begins anew', async () => {
    const { tokens, last } = await exchange(clientOf(options));
    assert.ok(last.kind === 'complete');
    assert.deepEqual(states(tokens), [
      NegState.REQUEST_MIC,
      NegState.ACCEPT_INCOMPLETE,
      NegState.ACCEPT_COMPLETED,
    ]);
  });

  it('does not complete before the checksum has come', async () => {
    const client = clientOf({ ...options, sendsMechListMic: false });
    const { tokens, last } = await exchange(client);
    assert.ok(last.kind === 'complete');
    assert.deepEqual(states(tokens), [
      NegState.REQUEST_MIC,
      NegState.ACCEPT_INCOMPLETE,
      NegState.ACCEPT_INCOMPLETE,
      NegState.ACCEPT_COMPLETED,
    ]);
    assert.ok(client.isComplete);
  });

  it('refuses when the checksum does not come, or is wrong', async () => {
    for (const mechListMic of [undefined, Buffer.alloc(16), EMPTY]) {
      const client = clientOf({ ...options, sendsMechListMic: false });
      const withhold = (token: Buffer, leg: number) =>
        leg === 3 ? encodeNegTokenResp({ mechListMic }) : token;
      const error = await refused(() => exchange(client, server(), withhold), NtStatus.LOGON_FAILURE);
      assert.equal(error.account, 'alice', 'counts for the account');
    }
  });

  it('says with whom it is waiting for the checksum', async () => {
    const acceptor = server();
    const client = clientOf({ ...options, sendsMechListMic: false });
    const who: (string | undefined)[] = [];
    for (let token: Buffer | undefined = client.begin(); token !== undefined; ) {
      const step: AuthenticationStep = await acceptor.step(token);
      who.push(step.identity?.name);
      token = client.next(step.token ?? EMPTY);
    }
    assert.deepEqual(who, [undefined, undefined, 'alice', 'alice']);
  });

  it('refuses a list that was shortened on its way', async () => {
    const shorten = (token: Buffer, leg: number) => {
      const message = decodeNegotiationToken(token);
      if (leg !== 0 || message.kind !== 'init') return token;
      return encodeNegTokenInit(message.mechTypes.slice(1), message.mechToken);
    };
    await refused(() => exchange(clientOf(options), server(), shorten), NtStatus.LOGON_FAILURE);
  });

  it('refuses a list without any common mechanism', async () => {
    const token = encodeNegTokenInit([derOid(MS_KRB5), derOid(KRB5)], Buffer.alloc(3));
    await refused(() => server().step(token), NtStatus.INVALID_PARAMETER);
  });
});

describe('mechanisms', () => {
  it('are chosen in the order of the client', async () => {
    const begun: string[] = [];
    const mechanism = (oid: string): Mechanism => ({
      oid,
      begin: () => ({
        step: (token) => {
          begun.push(`${oid} ${token.length}`);
          return { kind: 'continue', token: EMPTY };
        },
        destroy: () => {},
      }),
    });
    const spnego = new Spnego([mechanism(KRB5), mechanism(NTLM_OID)]);
    await spnego.begin().step(encodeNegTokenInit([derOid(NTLM_OID), derOid(KRB5)], Buffer.alloc(1)));
    await spnego.begin().step(encodeNegTokenInit([derOid(KRB5), derOid(NTLM_OID)], Buffer.alloc(2)));
    await spnego.begin().step(encodeNegTokenInit([derOid(MS_KRB5), derOid(KRB5)], Buffer.alloc(3)));
    assert.deepEqual(begun, [`${NTLM_OID} 1`, `${KRB5} 2`]);
  });
});

describe('wrong checksums', () => {
  it('are refused with any one bit changed', async () => {
    for (let bit = 0; bit < 128; bit++) {
      const flip = (token: Buffer, leg: number) => {
        if (leg !== 1) return token;
        const place = token.length - 16 + (bit >> 3);
        token.writeUInt8(token.readUInt8(place) ^ (1 << (bit & 7)), place);
        return token;
      };
      await refused(() => exchange(clientOf(), server(), flip), NtStatus.LOGON_FAILURE, `bit ${bit}`);
    }
  });
});

describe('guests and anonymous clients', () => {
  it('complete the exchange', async () => {
    const guest = await exchange(clientOf({}, 'nobody', 'x'), server({ allowsGuest: true }));
    assert.ok(guest.last.kind === 'complete');
    assert.equal(guest.last.identity.kind, 'guest');
    const anonymous = await exchange(clientOf({}, '', ''), server({ allowsAnonymous: true }));
    assert.ok(anonymous.last.kind === 'complete');
    assert.equal(anonymous.last.identity.kind, 'anonymous');
  });
});

describe('raw NTLM', () => {
  it('passes without SPNEGO around it', async () => {
    const acceptor = server();
    const ntlm = ntlmClient('alice', 'Secret.1');
    const challenged = await acceptor.step(ntlm.negotiateMessage);
    assert.ok(challenged.kind === 'continue');
    const done = await acceptor.step(ntlm.authenticate(challenged.token));
    assert.ok(done.kind === 'complete');
    assert.deepEqual(done.sessionKey, ntlm.sessionKey);
    assert.equal(done.token, undefined);
  });

  it('is refused where it is not wanted, and in the middle of SPNEGO', async () => {
    const ntlm = ntlmClient('alice', 'Secret.1');
    const strict = new Spnego([ntlmServer()]).begin();
    await refused(() => strict.step(ntlm.negotiateMessage), NtStatus.INVALID_PARAMETER);
    const wrapped = server();
    await wrapped.step(clientOf().begin());
    await refused(() => wrapped.step(ntlm.negotiateMessage), NtStatus.INVALID_PARAMETER);
  });
});

describe('tokens out of turn', () => {
  it('are refused', async () => {
    const { INVALID_PARAMETER, LOGON_FAILURE } = NtStatus;
    await refused(
      () => server().step(encodeNegTokenResp({ responseToken: Buffer.alloc(3) })),
      INVALID_PARAMETER,
    );
    const twice = server();
    await twice.step(clientOf().begin());
    await refused(() => twice.step(clientOf().begin()), INVALID_PARAMETER);
    const rejecting = server();
    await rejecting.step(clientOf().begin());
    await refused(() => rejecting.step(encodeNegTokenResp({ negState: NegState.REJECT })), LOGON_FAILURE);
    const silent = server();
    await silent.step(clientOf().begin());
    await refused(() => silent.step(encodeNegTokenResp({})), LOGON_FAILURE);
    const over = server();
    await exchange(clientOf(), over);
    await refused(() => over.step(clientOf().begin()), INVALID_PARAMETER);
    const gone = server();
    gone.destroy();
    await refused(() => gone.step(clientOf().begin()), INVALID_PARAMETER);
  });
});

describe('tokens that are no SPNEGO', () => {
  const inner = (...fields: Buffer[]) =>
    der(Tag.APPLICATION_0, derOid('1.3.6.1.5.5.2'), der(contextTag(0), der(Tag.SEQUENCE, ...fields)));
  const list = (count: number) =>
    der(contextTag(0), der(Tag.SEQUENCE, ...Array.from({ length: count }, () => derOid(NTLM_OID))));
  const bad: Record<string, Buffer> = {
    empty: EMPTY,
    'a lone tag': Buffer.from([0x60]),
    'an indefinite length': Buffer.from('6080060662b0601050502a080308000000000', 'hex'),
    'a length of 2^31': Buffer.from('60848000000006062b0601050502', 'hex'),
    'a length in five octets': Buffer.from('60850000000001', 'hex'),
    'another identifier': der(
      Tag.APPLICATION_0,
      derOid(KRB5),
      der(contextTag(0), der(Tag.SEQUENCE, list(1))),
    ),
    'no mechTypes': inner(der(contextTag(2), der(Tag.OCTET_STRING, Buffer.alloc(3)))),
    'an empty list': inner(der(contextTag(0), der(Tag.SEQUENCE))),
    '10,000 mechTypes': inner(list(10_000)),
    'a mechType that is no identifier': inner(
      der(contextTag(0), der(Tag.SEQUENCE, der(Tag.OCTET_STRING, EMPTY))),
    ),
    'a field twice': inner(list(1), list(1)),
    'a mechToken that is no octet string': inner(list(1), der(contextTag(2), derOid(KRB5))),
    'a deep nest': Array.from({ length: 5000 }).reduce<Buffer>((nest) => der(Tag.SEQUENCE, nest), EMPTY),
    'a deep nest as message': der(
      contextTag(1),
      Array.from({ length: 5000 }).reduce<Buffer>((nest) => der(contextTag(0), nest), EMPTY),
    ),
    'a tag of several bytes': Buffer.from('7f60020500', 'hex'),
  };
  for (const [name, token] of Object.entries(bad)) {
    it(`such as ${name} are refused`, async () => {
      await refused(() => server().step(token), NtStatus.INVALID_PARAMETER);
    });
  }

  it('such as noise and truncations are refused, never by another error', async () => {
    const good = clientOf().begin();
    for (let length = 0; length < good.length; length++) {
      await refused(
        () => server().step(good.subarray(0, length)),
        NtStatus.INVALID_PARAMETER,
        `${length} bytes`,
      );
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.nat(), async (noise, place) => {
        const mutated = Buffer.from(good);
        mutated.set(noise.subarray(0, 4), place % (good.length - 4));
        for (const token of [Buffer.from(noise), mutated, Buffer.concat([Buffer.from([0xa1]), noise])]) {
          try {
            await server().step(token);
          } catch (error) {
            assert.ok(error instanceof LogonError, `${error}`);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('DER', () => {
  it('reads the elements it wrote, of any length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
      const element = new DerReader(der(Tag.OCTET_STRING, Buffer.alloc(length, 7))).next();
      assert.equal(element.tag, Tag.OCTET_STRING);
      assert.equal(element.content.length, length);
    }
  });

  it('writes object identifiers', () => {
    assert.equal(derOid(NTLM_OID).toString('hex'), '060a2b06010401823702020a');
    assert.equal(derOid(MS_KRB5).toString('hex'), '06092a864882f712010202');
  });

  it('reads nothing past the parent', () => {
    const parent = new DerReader(Buffer.from('300504ff010203', 'hex')).next();
    assert.throws(() => new DerReader(parent.content).next(), WireError);
    assert.throws(() => new DerReader(EMPTY).next(), WireError);
  });
});

describe('the hint in NEGOTIATE responses', () => {
  for (const [name, capture] of Object.entries(vectors.wireshark_captures.cases)) {
    it(`is what other servers send for the same mechanisms: ${name}`, () => {
      const response = capture.messages[1]?.[1] ?? EMPTY;
      const offset = response.readUInt16LE(64 + 56);
      const theirs = response.subarray(offset, offset + response.readUInt16LE(64 + 58));
      const message = decodeNegotiationToken(theirs);
      assert.ok(message.kind === 'init');
      assert.deepEqual(encodeNegTokenInit2(message.mechTypes), theirs);
    });
  }

  it('lists the mechanisms in the order of preference', () => {
    const ntlm = ntlmServer();
    const other: Mechanism = { oid: KRB5, begin: ntlm.begin };
    const message = decodeNegotiationToken(new Spnego([other, ntlm]).hint);
    assert.ok(message.kind === 'init');
    assert.deepEqual(message.mechTypes, [derOid(KRB5), derOid(NTLM_OID)]);
  });
});
