/** Row C1: every kind of connection bound to every kind of session. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NtStatus, NtStatusError, statusName } from '../../src/base/status.ts';
import { SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import { allDialects, type NegotiateOffer } from '../../src/testing/client.ts';
import { alice } from '../testing/memory-server.ts';
import { underAbuse } from './scene.ts';

interface Kind {
  readonly dialect: number;
  readonly signing: SigningAlgorithm;
  readonly clientGuid: string;
}

const { HMAC_SHA256, AES_CMAC, AES_GMAC } = SigningAlgorithm;
const newest = 0x0311;
const guids = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;

function* kinds(clientGuid: string): Generator<Kind> {
  for (const dialect of allDialects) {
    const own = dialect < 0x0300 ? HMAC_SHA256 : AES_CMAC;
    const algorithms = dialect === newest ? [HMAC_SHA256, AES_CMAC, AES_GMAC] : [own];
    for (const signing of algorithms) yield { dialect, signing, clientGuid };
  }
}

function offerOf({ dialect, signing, clientGuid }: Kind): NegotiateOffer {
  return {
    dialects: [dialect],
    clientGuid,
    ...(dialect === newest && { signingAlgorithms: [signing] }),
  };
}

/** What the first check answers that `connection` does not pass. [MS-SMB2] 3.3.5.5, and Windows about AES-GMAC */
function expected(session: Kind, connection: Kind): number {
  const isGmac = [session, connection].map(({ signing }) => signing === AES_GMAC);
  if (isGmac[0] && !isGmac[1]) return NtStatus.REQUEST_OUT_OF_SEQUENCE;
  if (!isGmac[0] && isGmac[1]) return NtStatus.NOT_SUPPORTED;
  if (connection.dialect < 0x0300) return NtStatus.REQUEST_NOT_ACCEPTED;
  if (session.dialect !== connection.dialect) return NtStatus.INVALID_PARAMETER;
  return session.clientGuid === connection.clientGuid ? NtStatus.SUCCESS : NtStatus.USER_SESSION_DELETED;
}

describe('binding a connection of any kind', () => {
  for (const ofSession of kinds(guids[0])) {
    const name = `${ofSession.dialect.toString(16)}, signing algorithm ${ofSession.signing}`;
    it(`C1 succeeds to its own kind alone: ${name}`, () =>
      underAbuse(async ({ connect }) => {
        for (const clientGuid of guids) {
          for (const kind of kinds(clientGuid)) {
            const session = await (await connect(offerOf(ofSession))).logOn(alice);
            const status = await session.bind(await connect(offerOf(kind)), alice).then(
              () => NtStatus.SUCCESS,
              (error: unknown) =>
                error instanceof NtStatusError ? error.status : assert.fail(String(error)),
            );
            assert.equal(statusName(status), statusName(expected(ofSession, kind)), JSON.stringify(kind));
            assert.equal((await session.connection.echo(session)).isSignatureRight, true);
            await session.logOff();
          }
        }
      }));
  }
});
