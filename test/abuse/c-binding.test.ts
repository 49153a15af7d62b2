import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '../../src/base/assert.ts';
import { NtStatus } from '../../src/base/status.ts';
import { Cipher, SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import {
  ConnectionClosedError,
  type LogOnOptions,
  type NegotiateOffer,
  type TestClient,
  type TestSession,
} from '../../src/testing/client.ts';
import { NtlmClient } from '../../src/testing/ntlm-client.ts';
import { OplockLevel } from '../../src/wire/flags.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { SessionSetupFlags, SessionSetupRequest } from '../../src/wire/smb2/session-setup.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { refusal, type Scene, underAbuse } from './scene.ts';

const { INVALID_PARAMETER, NOT_SUPPORTED, REQUEST_NOT_ACCEPTED, USER_SESSION_DELETED } = NtStatus;
const [smb21, smb30, smb302, smb311] = [0x0210, 0x0300, 0x0302, 0x0311];

/** The session goes on, whatever was tried. */
async function goesOn(session: TestSession): Promise<void> {
  assert.equal((await session.connection.echo(session)).isSignatureRight, true);
  const tree = await session.connectTree('files');
  const file = await tree.open('unharmed');
  await file.write(0n, Buffer.from('unharmed'));
  assert.equal((await file.read(0n, 8)).toString(), 'unharmed');
  await file.close();
  await tree.disconnect();
}

/** A binding that must fail; afterwards the session works, and the other connection is none of its channels. */
async function refusedBinding(
  scene: Scene,
  session: TestSession,
  attempt: { readonly offer?: NegotiateOffer; readonly as?: typeof alice; readonly options?: LogOnOptions },
): Promise<number> {
  const other = await scene.connect(attempt.offer);
  const status = await refusal(session.bind(other, attempt.as ?? alice, attempt.options));
  const state = present(scene.server.state.sessions.get(session.sessionId), 'session');
  assert.equal(state.channels.size, 1);
  for (const connection of state.channels.keys()) assert.equal(connection.authentications.size, 0);
  await goesOn(session);
  return status;
}

describe('binding a connection that was negotiated otherwise', () => {
  const guid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
  const { AES_GMAC, AES_CMAC, HMAC_SHA256 } = SigningAlgorithm;
  const rows: readonly (readonly [string, NegotiateOffer, NegotiateOffer, number])[] = [
    ['3.0 to 3.0.2', { dialects: [smb302] }, { dialects: [smb30] }, INVALID_PARAMETER],
    ['3.0.2 to 3.0', { dialects: [smb30] }, { dialects: [smb302] }, INVALID_PARAMETER],
    [
      '3.0 to 3.1.1 with AES-CMAC',
      { dialects: [smb311], signingAlgorithms: [AES_CMAC] },
      { dialects: [smb30] },
      INVALID_PARAMETER,
    ],
    [
      '3.1.1 with AES-CMAC to 3.0',
      { dialects: [smb30] },
      { dialects: [smb311], signingAlgorithms: [AES_CMAC] },
      INVALID_PARAMETER,
    ],
    ['2.1 to 3.0', { dialects: [smb30] }, { dialects: [smb21] }, REQUEST_NOT_ACCEPTED],
    ['2.1 to 2.1', { dialects: [smb21] }, { dialects: [smb21] }, REQUEST_NOT_ACCEPTED],
    ['another client GUID', {}, { clientGuid: guid }, USER_SESSION_DELETED],
    [
      'AES-CMAC to AES-GMAC',
      { signingAlgorithms: [AES_GMAC] },
      { signingAlgorithms: [AES_CMAC] },
      NtStatus.REQUEST_OUT_OF_SEQUENCE,
    ],
    [
      'AES-GMAC to HMAC-SHA256',
      { signingAlgorithms: [HMAC_SHA256] },
      { signingAlgorithms: [AES_GMAC] },
      NOT_SUPPORTED,
    ],
  ];
  for (const [name, first, second, status] of rows) {
    it(`C1 is refused: ${name}`, () =>
      underAbuse(async (scene) => {
        const session = await (await scene.connect(first)).logOn(alice);
        assert.equal(await refusedBinding(scene, session, { offer: second }), status);
      }));
  }

  for (const ofSession of Object.values(Cipher)) {
    const others = Object.values(Cipher).filter((cipher) => cipher !== ofSession);
    it(`C4 is refused: every other cipher, and none, to cipher ${ofSession}`, () =>
      underAbuse(async (scene) => {
        const session = await (await scene.connect({ ciphers: [ofSession] })).logOn(alice);
        for (const ciphers of [...others.map((cipher) => [cipher]), []]) {
          assert.equal(await refusedBinding(scene, session, { offer: { ciphers } }), INVALID_PARAMETER);
        }
      }));
  }

  it('C1 is refused: to a session that is none, one in the making, and where a channel is already', () =>
    underAbuse(async (scene) => {
      const client = await scene.connect();
      const session = await client.logOn(alice);
      assert.equal(await refusal(session.bind(client, alice)), REQUEST_NOT_ACCEPTED);
      await goesOn(session);
      const ntlm = new NtlmClient({ entropy: client.entropy, credentials: alice });
      const other = await scene.connect();
      const setup = (sessionId: number, flags: number, header = 0) =>
        other.request({
          command: Command.SESSION_SETUP,
          header: { sessionId, flags: header },
          body: SessionSetupRequest.encode({
            flags,
            securityMode: 1,
            capabilities: 1,
            previousSessionId: 0,
            securityBuffer: ntlm.negotiateMessage,
          }),
        });
      const { BINDING } = SessionSetupFlags;
      assert.equal((await setup(12_345, BINDING, HeaderFlags.SIGNED)).status, USER_SESSION_DELETED);
      const half = (await setup(0, 0)).header.sessionId;
      const third = await scene.connect();
      const early = await third.request({
        command: Command.SESSION_SETUP,
        header: { sessionId: half, flags: HeaderFlags.SIGNED },
        body: SessionSetupRequest.encode({
          flags: BINDING,
          securityMode: 1,
          capabilities: 1,
          previousSessionId: 0,
          securityBuffer: ntlm.negotiateMessage,
        }),
      });
      assert.equal(early.status, REQUEST_NOT_ACCEPTED);
    }));

  it('C1 is refused unsigned, and with another signature than the session’s', () =>
    underAbuse(async (scene) => {
      const session = await (await scene.connect()).logOn(alice);
      const unsigned = (message: Buffer) => void message.writeUInt32LE(0, 16);
      const attempt = { options: { edit: unsigned } };
      assert.equal(await refusedBinding(scene, session, attempt), INVALID_PARAMETER);
      const other = await scene.connect();
      const stranger = await (await scene.connect()).logOn(alice);
      const forged = Object.create(session, {
        crypto: { value: stranger.crypto },
        signer: { value: stranger.signer },
      });
      assert.equal(await refusal(forged.bind(other, alice)), NtStatus.ACCESS_DENIED);
      await goesOn(session);
    }));

  it('C1 is refused where the server has no multichannel', () =>
    underAbuse(
      async (scene) => {
        const session = await (await scene.connect()).logOn(alice);
        assert.equal(await refusedBinding(scene, session, {}), REQUEST_NOT_ACCEPTED);
      },
      { settings: { multichannel: false } },
    ));

  it('C1 is refused beyond the number of channels', () =>
    underAbuse(
      async (scene) => {
        const session = await (await scene.connect()).logOn(alice);
        await session.bind(await scene.connect(), alice);
        const third = await scene.connect();
        assert.equal(await refusal(session.bind(third, alice)), NtStatus.INSUFFICIENT_RESOURCES);
      },
      { limits: { channelCountPerSession: 2 } },
    ));
});

describe('binding as somebody else', () => {
  it('C2 with a right password is refused, and the session goes on', () =>
    underAbuse(async (scene) => {
      const session = await (await scene.connect()).logOn(alice);
      assert.equal(await refusedBinding(scene, session, { as: bob }), NtStatus.ACCESS_DENIED);
    }));

  it('C3 with a wrong password is refused, and leaves nothing half-bound', () =>
    underAbuse(async (scene) => {
      const session = await (await scene.connect()).logOn(alice);
      const as = { ...alice, password: 'wrong' };
      assert.equal(await refusedBinding(scene, session, { as }), NtStatus.LOGON_FAILURE);
      const other = await scene.connect();
      assert.equal(await refusal(session.bind(other, as)), NtStatus.LOGON_FAILURE);
      // The same connection may do it rightly afterwards, or make a session of its own.
      const channel = await session.bind(other, alice);
      assert.equal((await other.echo(channel)).isSignatureRight, true);
      await other.logOn(bob);
    }));

  it('C5 to the session of a guest or of nobody is refused', () =>
    underAbuse(
      async (scene) => {
        for (const who of [
          { user: 'nobody', password: 'x' },
          { user: '', password: '' },
        ]) {
          const session = await (await scene.connect()).logOn(who);
          const stranger = await (await scene.connect()).logOn(alice);
          const keys = { crypto: { value: stranger.crypto }, signer: { value: stranger.signer } };
          const claimed = Object.create(session, keys);
          assert.equal(await refusal(claimed.bind(await scene.connect(), alice)), NOT_SUPPORTED);
          assert.equal((await session.connection.echo(session)).status, NtStatus.SUCCESS);
        }
      },
      { settings: { guest: true, anonymous: true } },
    ));
});

describe('a connection in the middle of its binding', () => {
  it('C6 carries nothing of the session until it is bound, and then only what its own key signs', () =>
    underAbuse(async (scene) => {
      const session = await (await scene.connect()).logOn(alice);
      const tree = await session.connectTree('files');
      const file = await tree.open('wanted');
      await file.write(0n, Buffer.from('wanted'));
      const other = await scene.connect();
      const early: Promise<number>[] = [];
      const bound = await session.bind(other, alice, {
        tamper(token, leg) {
          if (leg === 1) early.push(...readOn(other, session));
          return token;
        },
      });
      assert.deepEqual(await Promise.all(early), [USER_SESSION_DELETED, USER_SESSION_DELETED]);
      // Signed with the session's key in place of the channel's.
      const [, signed] = readOn(other, session);
      assert.equal(await signed, NtStatus.ACCESS_DENIED);
      const elsewhere = tree.on(bound);
      assert.equal((await elsewhere.request(Command.READ, file.readRequest(0n, 6))).status, NtStatus.SUCCESS);

      function readOn(connection: TestClient, keys: TestSession): Promise<number>[] {
        return (['none', 'sign'] as const).map((protection) => {
          const spec = tree.spec(Command.READ, file.readRequest(0n, 6), { protection, session: keys });
          return connection.request(spec).then(({ status }) => status);
        });
      }
    }));
});

describe('a channel that is gone', () => {
  it('C7 takes nothing along: what it had not answered is done again on another, a hundred times and more', () =>
    underAbuse(async (scene) => {
      const session = await (await scene.connect()).logOn(alice);
      const tree = await session.connectTree('files');
      const file = await tree.open('resumed');
      for (let round = 0; round < figure(100, 1000); round++) {
        const doomed = await session.bind(await scene.connect(), alice);
        const spare = await session.bind(await scene.connect(), alice);
        const idle = await session.bind(await scene.connect(), alice);
        const body = file.writeRequest(0n, Buffer.from(`round ${round}`));
        const header = { channelSequence: round };
        const cut = tree.on(doomed).request(Command.WRITE, body, { header });
        doomed.connection.close();
        await cut.catch((error: unknown) => assert.ok(error instanceof ConnectionClosedError));
        const again = { channelSequence: round + 1, flags: HeaderFlags.REPLAY_OPERATION };
        const replay = () => tree.on(spare).request(Command.WRITE, body, { header: again });
        let { status: replayed } = await replay();
        // [MS-SMB2] 3.3.5.2.10: refused while the first one may still be worked on.
        while (replayed === NtStatus.FILE_NOT_AVAILABLE) ({ status: replayed } = await replay());
        assert.equal(replayed, NtStatus.SUCCESS);
        for (const channel of [spare, idle]) channel.connection.close();
        await scene.settle();
        const read = { header: { channelSequence: round + 1 } };
        const { status } = await tree.request(Command.READ, file.readRequest(0n, 20), read);
        assert.equal(status, NtStatus.SUCCESS);
        assert.equal(scene.server.state.sessions.get(session.sessionId)?.channels.size, 1);
      }
    }));

  it('C7 is not told of breaks any more', () =>
    underAbuse(async (scene) => {
      const first = await scene.connect();
      const session = await first.logOn(alice);
      const channel = await session.bind(await scene.connect(), alice);
      const tree = await session.connectTree('files');
      await tree.open('cached', { oplockLevel: OplockLevel.BATCH });
      channel.connection.close();
      await scene.settle();
      const other = await (await (await scene.connect()).logOn(bob)).connectTree('files');
      const opening = other.open('cached');
      const notice = await first.nextUnsolicited();
      assert.equal(notice.header.command, Command.OPLOCK_BREAK);
      first.close();
      await opening;
    }));
});
