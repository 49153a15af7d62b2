import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { userIdentity } from '../../src/auth/identity.ts';
import { type AcceptorContext, LogonError } from '../../src/auth/mechanism.ts';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus } from '../../src/base/status.ts';
import { FailedLogonThrottle } from '../../src/server/throttle.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { account } from '../auth/fixtures.ts';

const delayMs = 2000;

const wrong = (user: string): AcceptorContext => ({
  step: () => {
    throw new LogonError('wrong', NtStatus.LOGON_FAILURE, user);
  },
  destroy: () => {},
});

const right = (user: string): AcceptorContext => ({
  step: () => ({ kind: 'complete', identity: userIdentity(account(user, 'x')), sessionKey: undefined }),
  destroy: () => {},
});

/** A throttle, and when it answered, in order. */
function throttled() {
  const clock = new VirtualClock();
  const throttle = new FailedLogonThrottle({ clock, delayMs: () => delayMs });
  const answered: number[] = [];
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(ms, resolve));
  const note = () => void answered.push(clock.monotonicMs());
  const logOn = (acceptor: AcceptorContext, address: string) =>
    void throttle.step(acceptor, { token: EMPTY, address, pause }).then(note, note);
  return { clock, answered, logOn };
}

describe('the throttle of failed logons', () => {
  it('lets go of an answer that nobody waits for any more, and still tells the audit', async () => {
    const clock = new VirtualClock();
    const told: unknown[] = [];
    const audit = (event: string, fields: unknown) => void told.push(event, fields);
    const throttle = new FailedLogonThrottle({ clock, delayMs: () => delayMs, audit });
    const gone = new Error('gone');
    const pause = () => Promise.reject(gone);
    const attempt = throttle.step(wrong('alice'), { token: EMPTY, address: '10.0.0.1', pause });
    await assert.rejects(attempt, gone);
    assert.deepEqual(told, ['logon-failed', { user: 'alice', address: '10.0.0.1', reason: 'wrong' }]);
    await clock.advance(1);
    assert.equal(clock.pendingCount, 0);
  });

  it('counts the delay from before the work, so that it does not tell how much there was', async () => {
    const { clock, answered, logOn } = throttled();
    const error = new LogonError('wrong', NtStatus.LOGON_FAILURE, 'alice');
    const step = () => new Promise<never>((_, reject) => void clock.setTimer(30, () => reject(error)));
    logOn({ step, destroy: () => {} }, '10.0.0.1');
    await clock.advance(3 * delayMs);
    assert.deepEqual(answered, [delayMs]);
  });

  it('takes one guess a delay of one account from one address, however many run side by side', async () => {
    const { clock, answered, logOn } = throttled();
    for (let count = 0; count < 5; count++) logOn(wrong(count % 2 === 0 ? 'alice' : 'ALICE'), '10.0.0.1');
    await clock.advance(11_000);
    assert.deepEqual(answered, [2000, 4000, 6000, 8000, 10_000]);
    answered.length = 0;
    logOn(wrong('alice'), '10.0.0.2');
    logOn(wrong('bob'), '10.0.0.1');
    await clock.advance(2500);
    assert.deepEqual(answered, [13_000, 13_000], 'others wait for their own delay alone');
  });

  it('takes an IPv6 network for one address, and an IPv4 address in either form', async () => {
    const { clock, answered, logOn } = throttled();
    for (const address of ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:DB8:1:2:f:e:d:c', '2001:db8:1:3::1'])
      logOn(wrong('alice'), address);
    await clock.advance(3 * delayMs);
    assert.deepEqual(answered, [2000, 2000, 4000, 6000]);
    answered.length = 0;
    logOn(wrong('alice'), '192.0.2.7');
    logOn(wrong('alice'), '::ffff:192.0.2.7');
    await clock.advance(2 * delayMs);
    assert.deepEqual(answered, [8000, 10_000]);
  });

  it('takes ten guesses a delay of one address at whatever accounts', async () => {
    const { clock, answered, logOn } = throttled();
    for (let user = 0; user < 35; user++) logOn(wrong(`user${user}`), '10.0.0.1');
    await clock.advance(0);
    logOn(right('alice'), '10.0.0.1');
    await clock.advance(0);
    assert.deepEqual(answered, [0], 'who guesses right does not wait');
    for (const count of [11, 21, 31, 36]) {
      await clock.advance(delayMs);
      assert.equal(answered.length, count);
    }
  });

  it('takes a hundred guesses a delay of all addresses, at one account or many', async () => {
    for (const userOf of [() => 'alice', (guess: number) => `user${guess}`]) {
      const { clock, answered, logOn } = throttled();
      for (let guess = 0; guess < 1000; guess++) logOn(wrong(userOf(guess)), `10.0.${guess % 250}.${guess}`);
      await clock.advance(0);
      logOn(right('alice'), '192.0.2.1');
      await clock.advance(0);
      assert.deepEqual(answered, [0], 'who guesses right does not wait');
      for (let delays = 1; delays <= 10; delays++) {
        await clock.advance(delayMs);
        assert.equal(answered.length - 1, 100 * delays);
      }
    }
  });

  it('remembers of a name no more than an account can have', async () => {
    const { clock, answered, logOn } = throttled();
    for (const end of ['x', 'y']) logOn(wrong(`${'n'.repeat(256)}${end}`), '10.0.0.1');
    await clock.advance(2 * delayMs);
    assert.deepEqual(answered, [2000, 4000]);
  });
});
