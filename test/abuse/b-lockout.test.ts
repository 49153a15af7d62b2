/** Rows B7 and B8 where accounts are locked out after too many wrong passwords. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { connectClient, type TestClient } from '../../src/testing/client.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { refusal, type Scene, TestClock, underAbuse } from './scene.ts';

const delayMs = 2000;
const lockoutMs = 900_000;

/** With a lock-out after ten wrong passwords, and a clock that the test advances. */
async function underGuessing(
  body: (scene: Scene, clock: TestClock) => Promise<void>,
  administrators: readonly string[] = [],
): Promise<void> {
  const clock = new TestClock();
  const lockout = { failures: 10, windowMs: lockoutMs, durationMs: lockoutMs };
  const limits = { failedLogonDelayMs: delayMs, authenticationTimeoutMs: 3_600_000 };
  const work = async (scene: Scene): Promise<void> => {
    await body(scene, clock);
    // Nothing of it may be left in the tables.
    await clock.advance(2 * lockoutMs);
  };
  await underAbuse(work, { clock, limits, settings: { lockout }, administrators });
}

/** A client at an address of its own. */
const clientAt = ({ server }: Scene, host: number): Promise<TestClient> =>
  connectClient(server.connect(`192.0.2.${host}`));

/** Ten wrong passwords for `user`, each from another address. */
async function lockOut(scene: Scene, clock: TestClock, user: string): Promise<void> {
  const guesses: Promise<number>[] = [];
  for (let guess = 0; guess < 10; guess++) {
    const client = await clientAt(scene, guess);
    guesses.push(refusal(client.logOn({ user, password: `guess ${guess}` })).finally(() => client.close()));
  }
  await clock.advance(delayMs);
  await Promise.all(guesses);
}

const eventsOf = ({ events }: Scene, event: string) =>
  events.filter((one) => one.event === event).map(({ level, fields }) => `${level} ${fields?.['user']}`);

describe('an account that is locked out', () => {
  it('B7 is so for guesses on many connections from many addresses at once, the right one after the tenth included', () =>
    underGuessing(async (scene, clock) => {
      const statuses: number[] = [];
      const guesses: Promise<void>[] = [];
      for (let guess = 0; guess < 60; guess++) {
        const client = await clientAt(scene, guess % 20);
        const password = guess === 10 || guess === 40 ? alice.password : `guess ${guess}`;
        const attempt = refusal(client.logOn({ ...alice, password }));
        guesses.push(attempt.then((status) => void statuses.push(status)).finally(() => client.close()));
      }
      await clock.advance(3 * delayMs);
      await Promise.all(guesses);
      assert.deepEqual(new Set(statuses), new Set([NtStatus.LOGON_FAILURE]));
      assert.equal(statuses.length, 60);
      assert.deepEqual(eventsOf(scene, 'lockout-began'), ['warn alice'], 'one alarm');
      assert.equal(scene.server.stats().now.lockedAccounts, 1);
      await scene.bystandersGoOn();
      const other = await clientAt(scene, 1);
      await (await other.logOn(bob)).logOff();
      await clock.advance(lockoutMs - 3 * delayMs);
      assert.deepEqual(eventsOf(scene, 'lockout-ended'), ['warn alice']);
      await (await other.logOn(alice)).logOff();
      other.close();
    }));

  it('B7 cannot be guessed at by logons that are spoiled, either', () =>
    underGuessing(async (scene, clock) => {
      await lockOut(scene, clock, 'alice');
      const client = await clientAt(scene, 1);
      const withoutMic = { mechanismsBefore: ['1.2.840.113554.1.2.2'], sendsMechListMic: false };
      const attempt = refusal(client.logOn(alice, withoutMic));
      await clock.advance(delayMs);
      assert.equal(await attempt, NtStatus.LOGON_FAILURE);
      client.close();
    }));

  it('B8 answers right and wrong passwords alike, and like one that is not, is disabled or is unknown', () =>
    underGuessing(async (scene, clock) => {
      for (const user of ['alice', 'carol', 'nobody']) await lockOut(scene, clock, user);
      const tries = [
        alice,
        { user: 'ALICE', password: 'wrong' },
        { user: 'carol', password: 'Secret.3' },
        { user: 'nobody', password: 'wrong' },
        { user: 'bob', password: 'wrong' },
      ];
      for (const credentials of tries) {
        const client = await clientAt(scene, 100);
        let isAnswered = false;
        const attempt = refusal(client.logOn(credentials)).finally(() => {
          isAnswered = true;
        });
        await clock.advance(delayMs - 1);
        assert.equal(isAnswered, false, credentials.user);
        await clock.advance(1);
        assert.equal(isAnswered, true, credentials.user);
        assert.equal(await attempt, NtStatus.LOGON_FAILURE);
        client.close();
      }
    }));

  it('B7 keeps its sessions, without further channels, until they must authenticate again', () =>
    underGuessing(async (scene, clock) => {
      const client = await clientAt(scene, 101);
      const session = await client.logOn(alice);
      await lockOut(scene, clock, 'alice');
      const other = await clientAt(scene, 102);
      const binding = refusal(session.bind(other, alice));
      await clock.advance(delayMs);
      assert.equal(await binding, NtStatus.LOGON_FAILURE);
      await session.connectTree('files');
      const again = refusal(session.reauthenticate(alice));
      await clock.advance(2 * delayMs);
      assert.equal(await again, NtStatus.LOGON_FAILURE);
      assert.equal(await refusal(session.connectTree('files')), NtStatus.USER_SESSION_DELETED);
      for (const one of [client, other]) one.close();
    }));

  it('B7 is never the last administrator, who logs on when all others are locked out', () =>
    underGuessing(
      async (scene, clock) => {
        await lockOut(scene, clock, 'bob');
        for (let round = 0; round < 3; round++) await lockOut(scene, clock, 'alice');
        assert.deepEqual(eventsOf(scene, 'lockout-began'), ['warn bob']);
        const client = await clientAt(scene, 1);
        await (await client.logOn(alice)).logOff();
        client.close();
      },
      ['alice', 'bob'],
    ));
});

describe('guesses that nobody waits for', () => {
  it('B7 count all the same, and A14 leave nothing waiting in the server', () =>
    underGuessing(async (scene, clock) => {
      for (let guess = 0; guess < 10; guess++) {
        const client = await clientAt(scene, guess);
        client.logOn({ ...alice, password: `guess ${guess}` }).catch(() => {});
        await clock.advance(0);
        client.close();
        await clock.advance(0);
        assert.equal(scene.server.counters().outstandingRequests, 0);
      }
      assert.deepEqual(eventsOf(scene, 'lockout-began'), ['warn alice']);
    }));
});
