import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '../../src/base/assert.ts';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import {
  ConnectionClosedError,
  type TestClient,
  type TestFile,
  type TestSession,
  type TestTree,
} from '../../src/testing/client.ts';
import { NtlmClient } from '../../src/testing/ntlm-client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { SessionSetupRequest, SessionSetupResponse } from '../../src/wire/smb2/session-setup.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { refusal, underAbuse } from './scene.ts';

const { ACCESS_DENIED, LOGON_FAILURE, USER_SESSION_DELETED } = NtStatus;
const exclusive = [{ offset: 0n, length: 10n, flags: LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY }];

/** Somebody with a session, an open and a lock. */
async function victimOf(
  client: TestClient,
): Promise<{ session: TestSession; tree: TestTree; file: TestFile }> {
  const session = await client.logOn(alice);
  const tree = await session.connectTree('files');
  const file = await tree.open('precious');
  await file.write(0n, Buffer.from('precious'));
  assert.equal((await file.lock(exclusive).response).status, NtStatus.SUCCESS);
  return { session, tree, file };
}

describe('naming the session of somebody else as the previous one', () => {
  for (const attacker of [{ ...alice, password: 'wrong' }, { user: 'nobody', password: 'x' }, bob]) {
    it(`B9 leaves it alone: ${attacker.user} with '${attacker.password}'`, () =>
      underAbuse(async ({ connect }) => {
        const { session, file } = await victimOf(await connect());
        const attempt = (await connect()).logOn(attacker, { previousSessionId: session.sessionId });
        if (attacker === bob) await attempt;
        else assert.equal(await refusal(attempt), LOGON_FAILURE);
        assert.equal((await file.read(0n, 8)).toString(), 'precious');
        const other = await (await (await connect()).logOn(bob)).connectTree('files');
        const locked = await (await other.open('precious')).lock(exclusive).response;
        assert.equal(locked.status, NtStatus.LOCK_NOT_GRANTED);
      }));
  }

  it('B9 ends it for its own user, and only after the password was right', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const { session, file } = await victimOf(client);
      await (await connect()).logOn(alice, { previousSessionId: session.sessionId });
      assert.equal(await refusal(file.read(0n, 8)), USER_SESSION_DELETED);
    }));
});

describe('authenticating again', () => {
  it('B10 as another user is refused, and ends the session', () =>
    underAbuse(async ({ connect, server }) => {
      const { session, file } = await victimOf(await connect());
      assert.equal(await refusal(session.reauthenticate(bob)), ACCESS_DENIED);
      assert.ok(!server.state.sessions.has(session.sessionId));
      assert.equal(await refusal(file.read(0n, 8)), USER_SESSION_DELETED);
    }));

  it('B10 with a wrong password ends the session', () =>
    underAbuse(async ({ connect, server }) => {
      const { session } = await victimOf(await connect());
      assert.equal(await refusal(session.reauthenticate({ ...alice, password: 'x' })), LOGON_FAILURE);
      assert.ok(!server.state.sessions.has(session.sessionId));
    }));

  it('B10 half-way leaves the session as it was', () =>
    underAbuse(async ({ connect, server }) => {
      const client = await connect();
      const { session, file } = await victimOf(client);
      const ntlm = new NtlmClient({ entropy: client.entropy, credentials: alice });
      const body = SessionSetupRequest.encode({
        flags: 0,
        securityMode: 1,
        capabilities: 1,
        previousSessionId: 0,
        securityBuffer: ntlm.negotiateMessage,
      });
      const { status } = await session.request({ command: Command.SESSION_SETUP, body });
      assert.equal(status, NtStatus.MORE_PROCESSING_REQUIRED);
      assert.equal((await file.read(0n, 8)).toString(), 'precious');
      const identity = server.state.sessions.get(session.sessionId)?.authenticated?.identity;
      assert.equal(identity?.name, 'alice');
    }));

  it('B10 keeps keys, identity, trees and opens', () =>
    underAbuse(async ({ connect, server }) => {
      const { session, file } = await victimOf(await connect());
      const before = server.state.sessions.get(session.sessionId)?.authenticated;
      await session.reauthenticate(alice);
      assert.deepEqual(server.state.sessions.get(session.sessionId)?.authenticated, before);
      assert.equal((await file.read(0n, 8)).toString(), 'precious');
    }));

  for (const [who, credentials] of [
    ['anonymously', { user: '', password: '' }],
    ['as a guest', { user: 'nobody', password: 'x' }],
  ] as const) {
    it(`B10 ${who} does not revive an expired session`, () =>
      underAbuse(
        async ({ connect, server }) => {
          const { session } = await victimOf(await connect());
          const state = present(server.state.sessions.get(session.sessionId), 'session');
          state.expiresMs = 0;
          assert.equal(await refusal(session.reauthenticate(credentials)), ACCESS_DENIED);
          assert.ok(!server.state.sessions.has(session.sessionId));
        },
        { settings: { guest: true, anonymous: true } },
      ));
  }
});

describe('session ids', () => {
  it('B13 of another connection, or guessed, name nothing', () =>
    underAbuse(async ({ connect }) => {
      const { session, tree, file } = await victimOf(await connect());
      const thief = await connect();
      for (const protection of ['none', 'sign'] as const) {
        // Even with the keys of the session: the connection is no channel of it.
        const spec = tree.spec(Command.READ, file.readRequest(0n, 8), { protection });
        assert.equal((await thief.request(spec)).status, USER_SESSION_DELETED);
      }
      const guess = thief.entropy.fill(Buffer.alloc(8));
      for (const sessionId of [session.sessionId + 1, session.sessionId - 1, guess.readUInt32LE(0)]) {
        const { status } = await thief.request({
          command: Command.LOGOFF,
          body: Buffer.from([4, 0, 0, 0]),
          header: { sessionId },
        });
        assert.equal(status, USER_SESSION_DELETED);
      }
      assert.equal((await file.read(0n, 8)).toString(), 'precious');
    }));

  it('B13 do not repeat and follow no order', () =>
    underAbuse(async ({ connect }) => {
      const client = await connect();
      const ids: number[] = [];
      for (let count = 0; count < 50; count++) {
        const session = await client.logOn(alice);
        ids.push(session.sessionId);
        await session.logOff();
      }
      assert.equal(new Set(ids).size, ids.length);
      const steps = ids.slice(1).map((id, index) => id - (ids[index] ?? 0));
      assert.equal(new Set(steps).size, steps.length);
      assert.ok(steps.some((step) => step > 0) && steps.some((step) => step < 0));
    }));
});

describe('somebody in the middle', () => {
  it('B12 who relays a whole logon cannot use the session: it demands signatures', () =>
    underAbuse(async ({ connect }) => {
      const [relay] = [await connect()];
      const victim = new NtlmClient({ entropy: relay.entropy, credentials: alice });
      const leg = (securityBuffer: Buffer, sessionId: number) =>
        relay.request({
          command: Command.SESSION_SETUP,
          header: { sessionId },
          body: SessionSetupRequest.encode({
            flags: 0,
            securityMode: 1,
            capabilities: 1,
            previousSessionId: 0,
            securityBuffer,
          }),
        });
      const challenge = await leg(victim.negotiateMessage, 0);
      const { sessionId } = challenge.header;
      const answer = victim.authenticate(challenge.decode(SessionSetupResponse).securityBuffer);
      assert.equal((await leg(answer, sessionId)).status, NtStatus.SUCCESS);
      for (const command of [Command.TREE_CONNECT, Command.LOGOFF, Command.ECHO]) {
        const body = Buffer.from([4, 0, 0, 0]);
        const unsigned = await relay.request({ command, body, header: { sessionId } });
        assert.equal(unsigned.status, ACCESS_DENIED);
        const forged = await relay.request({
          command,
          body,
          header: { sessionId, flags: 8, signature: Buffer.alloc(16, 7) },
        });
        assert.equal(forged.status, ACCESS_DENIED);
      }
    }));
});

describe('logons, logoffs, bindings and closes in a random order', () => {
  for (const seed of [1, 2, 3]) {
    it(`B14 break nothing and leave nothing: seed ${seed}`, () =>
      underAbuse(async ({ connect, settle }) => {
        const chaos = new Chaos(seed, [await connect(), await connect(), await connect()]);
        const running: Promise<unknown>[] = [];
        for (let step = 0; step < figure(1500, 200_000); step++) {
          running.push(chaos.step());
          if (step % 7 === 0) await settle();
        }
        await Promise.all(running);
        assert.ok(chaos.successCount > 100, `${chaos.successCount} steps did something`);
      }));
  }
});

/** One user on several connections, doing things in an order that makes no sense. */
class Chaos {
  readonly #clients: readonly TestClient[];
  #state: number;
  #sessions: TestSession[] = [];
  #trees: TestTree[] = [];
  #files: TestFile[] = [];
  /** Sessions whose LOGOFF was answered. */
  readonly #ended = new Set<number>();
  successCount = 0;

  constructor(seed: number, clients: readonly TestClient[]) {
    this.#state = seed;
    this.#clients = clients;
  }

  async step(): Promise<void> {
    try {
      await this.#act();
      this.successCount++;
    } catch (error) {
      const isRefusal = error instanceof NtStatusError || error instanceof ConnectionClosedError;
      if (!isRefusal) throw error;
    }
  }

  async #act(): Promise<void> {
    const session = this.#pick(this.#sessions);
    const tree = this.#pick(this.#trees);
    const file = this.#pick(this.#files);
    const client = this.#pick(this.#clients);
    assert.ok(client !== undefined);
    const die = this.#random(20);
    if (session === undefined || die < 4) {
      this.#keep(this.#sessions, await client.logOn(alice), 12);
    } else if (die === 4) {
      const { sessionId } = session;
      await session.logOff();
      this.#ended.add(sessionId);
    } else if (die === 5) await session.reauthenticate(alice);
    else if (die === 6) this.#keep(this.#sessions, await session.bind(client, alice), 12);
    else if (die === 7 && this.#random(3) === 0) await session.reauthenticate(bob);
    else if (tree === undefined || die < 11)
      await this.#do(session, async () => {
        this.#keep(this.#trees, await session.connectTree('files'), 12);
      });
    else if (die === 11) await tree.disconnect();
    else if (file === undefined || die < 15)
      await this.#do(tree.session, async () => {
        this.#keep(this.#files, await tree.open(`file ${this.#random(4)}`), 12);
      });
    else if (die === 15) await file.close();
    else await this.#do(file.tree.session, () => file.write(0n, Buffer.from('chaos')));
  }

  /** What was asked for after the session's end was answered must not succeed. */
  async #do(session: TestSession, work: () => Promise<unknown>): Promise<void> {
    const wasEnded = this.#ended.has(session.sessionId);
    await work();
    assert.ok(!wasEnded, 'nothing is done for a session that was logged off');
  }

  #keep<T>(list: T[], item: T, countMax: number): void {
    if (list.length < countMax) list.push(item);
    else list[this.#random(countMax)] = item;
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random(Math.max(1, list.length))];
  }

  #random(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }
}
