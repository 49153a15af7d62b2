import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it, mock } from 'node:test';
import { encodeNegTokenResp } from '../../src/auth/spnego/tokens.ts';
import { NtStatus } from '../../src/base/status.ts';
import type { LogOnOptions } from '../../src/testing/client.ts';
import { changed } from '../auth/ntlm-logon.ts';
import { alice } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { refusal, TestClock, underAbuse } from './scene.ts';

const delayMs = 2000;
const KRB5 = '1.2.840.113554.1.2.2';

describe('guessing passwords', () => {
  it('B7 on many connections at once learns one answer per delay and account', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ connect }) => {
        const answered = { alice: 0, nobody: 0 };
        const guesses: Promise<void>[] = [];
        for (let connection = 0; connection < 10; connection++) {
          const client = await connect();
          for (let guess = 0; guess < 3; guess++) {
            for (const user of ['alice', 'nobody'] as const) {
              const attempt = refusal(client.logOn({ user, password: `guess ${guess}` }));
              guesses.push(attempt.then(() => void answered[user]++));
            }
          }
        }
        for (let delays = 1; delays <= 30; delays++) {
          await clock.advance(delayMs - 1);
          assert.deepEqual(answered, { alice: delays - 1, nobody: delays - 1 });
          await clock.advance(1);
          assert.deepEqual(answered, { alice: delays, nobody: delays });
        }
        await Promise.all(guesses);
        await clock.advance(delayMs);
      },
      { clock, limits: { failedLogonDelayMs: delayMs, authenticationTimeoutMs: 3_600_000 } },
    );
  });

  it('B7 the right guess waits behind the wrong ones, and other accounts do not', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ connect }) => {
        const client = await connect();
        const wrong = [1, 2, 3].map((guess) =>
          refusal(client.logOn({ ...alice, password: `guess ${guess}` })),
        );
        await clock.advance(0);
        let isLoggedOn = false;
        const right = client.logOn(alice).then(() => {
          isLoggedOn = true;
        });
        await clock.advance(3 * delayMs - 1);
        assert.equal(isLoggedOn, false);
        await clock.advance(1);
        await Promise.all([...wrong, right]);
      },
      { clock, limits: { failedLogonDelayMs: delayMs } },
    );
  });

  const spoiled: Readonly<Record<string, LogOnOptions>> = {
    'a session key that is too short': {
      isRaw: true,
      tamper: (token, leg) => (leg === 0 ? token : cut(token)),
    },
    'a checksum that is wrong': {
      mechanismsBefore: [KRB5],
      sendsMechListMic: false,
      tamper: (token, leg) => (leg < 3 ? token : encodeNegTokenResp({ mechListMic: Buffer.alloc(16) })),
    },
  };
  const cut = changed((message) => ({ ...message, encryptedRandomSessionKey: Buffer.alloc(5) }));
  for (const [what, options] of Object.entries(spoiled)) {
    it(`B7 a guess with ${what} is answered no sooner when it is right`, async () => {
      const clock = new TestClock();
      await underAbuse(
        async ({ connect }) => {
          for (const password of [alice.password, 'wrong']) {
            const startMs = clock.monotonicMs();
            const before = refusal((await connect()).logOn({ ...alice, password: 'wrong' }));
            await clock.advance(0);
            let isAnswered = false;
            const guess = refusal((await connect()).logOn({ ...alice, password }, options)).finally(() => {
              isAnswered = true;
            });
            await clock.advance(2 * delayMs - 1);
            assert.equal(isAnswered, false, password);
            await clock.advance(delayMs);
            assert.equal(await guess, NtStatus.LOGON_FAILURE);
            await before;
            assert.equal(clock.monotonicMs() - startMs, 3 * delayMs - 1);
          }
        },
        { clock, limits: { failedLogonDelayMs: delayMs } },
      );
    });
  }

  it('B8 tells nothing of who exists: the same answer after the same time', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ connect }) => {
        const answers = new Map<string, { status: number; afterMs: number }>();
        for (const user of ['alice', 'nobody', 'carol']) {
          const client = await connect();
          const startMs = clock.monotonicMs();
          const attempt = refusal(client.logOn({ user, password: 'wrong' })).then((status) =>
            answers.set(user, { status, afterMs: clock.monotonicMs() - startMs }),
          );
          await clock.advance(delayMs);
          await attempt;
        }
        const expected = { status: NtStatus.LOGON_FAILURE, afterMs: delayMs };
        assert.deepEqual([...answers.values()], [expected, expected, expected]);
        // A disabled account is not told apart by the right password either.
        const client = await connect();
        const attempt = refusal(client.logOn({ user: 'carol', password: 'Secret.3' }));
        await clock.advance(delayMs);
        assert.equal(await attempt, NtStatus.LOGON_FAILURE);
      },
      { clock, limits: { failedLogonDelayMs: delayMs } },
    );
  });

  it('B7 of many accounts on many connections learns one answer per delay and account, and ten of all', async () => {
    const clock = new TestClock();
    const count = figure(12, 100);
    const limits = {
      failedLogonDelayMs: delayMs,
      authenticationTimeoutMs: 1e9,
      sessionSetupTimeoutMs: 1e9,
      sessionSetupCountPerConnection: count,
    };
    await underAbuse(
      async ({ connect }) => {
        const answered = new Map<number, number>();
        const guesses: Promise<void>[] = [];
        for (let connection = 0; connection < count; connection++) {
          const client = await connect();
          for (let user = 0; user < count; user++) {
            const attempt = refusal(client.logOn({ user: `user${user}`, password: `${connection}` }));
            guesses.push(attempt.then(() => void answered.set(user, (answered.get(user) ?? 0) + 1)));
          }
        }
        const all = () => [...answered.values()].reduce((sum, one) => sum + one, 0);
        for (let delays = 1; all() < guesses.length; delays++) {
          await clock.advance(delayMs);
          assert.ok(all() <= 10 * delays + 1, `${all()} answers in ${delays} delays`);
          for (const [user, one] of answered) assert.ok(one <= delays, `${one} answers for user ${user}`);
        }
        await Promise.all(guesses);
        await clock.advance(delayMs);
      },
      { clock, limits },
    );
  });

  it('B8 takes the same work for every account, known, unknown or disabled', () =>
    underAbuse(async ({ connect }) => {
      const counted = mock.method(crypto, 'createHmac');
      syncBuiltinESMExports();
      try {
        const works = new Map<string, number>();
        const client = await connect();
        for (const user of ['alice', 'carol', 'nobod']) {
          counted.mock.resetCalls();
          assert.equal(await refusal(client.logOn({ user, password: 'wrong' })), NtStatus.LOGON_FAILURE);
          const digests = counted.mock.calls.filter((call) => call.arguments[0] === 'md5');
          works.set(user, digests.length);
        }
        const [known = 0] = works.values();
        assert.ok(known > 5, `${known} digests`);
        assert.deepEqual([...works.values()], [known, known, known]);
      } finally {
        counted.mock.restore();
        syncBuiltinESMExports();
      }
    }));
});
