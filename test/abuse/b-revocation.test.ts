/** Rows B7, B12 and B15: guesses at many accounts, logons that were made for another server, and rights taken away. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { memoryBackend } from '../../src/backend/memory.ts';
import { NtStatus } from '../../src/base/status.ts';
import { serve } from '../../src/control/serve.ts';
import type { Settings } from '../../src/session/settings.ts';
import { ConnectionClosedError, connectClient, streamTransport } from '../../src/testing/client.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { expectEmptyStats } from './fixture.ts';
import { refusal, TestClock, underAbuse } from './scene.ts';

const delayMs = 2000;

describe('guessing at many accounts', () => {
  it('B7 is slowed down for the address, and nobody else waits for it', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ connect: another }) => {
        let answered = 0;
        const guesses: Promise<void>[] = [];
        for (let account = 0; account < 100; account++) {
          const client = account % 20 === 0 ? await another() : undefined;
          const on = client ?? (await another());
          guesses.push(
            refusal(on.logOn({ user: `user${account}`, password: 'x' })).then(() => void answered++),
          );
        }
        await clock.advance(delayMs);
        assert.ok(answered <= 11, `${answered} answers in one delay`);
        await (await another()).logOn(alice);
        await clock.advance(9 * delayMs);
        assert.equal(answered, 100, 'ten a delay');
        await Promise.all(guesses);
      },
      { clock, limits: { failedLogonDelayMs: delayMs, authenticationTimeoutMs: 3_600_000 } },
    );
  });
});

describe('a logon for another server', () => {
  const at = (level: Settings['targetNames']['level']) => ({
    settings: { targetNames: { level, names: ['files.example'] } },
  });
  const cases: readonly (readonly [string | undefined, boolean, boolean])[] = [
    [undefined, true, false],
    ['cifs/server', true, true],
    ['CIFS/FILES.EXAMPLE', true, true],
    ['cifs/files.example:445', true, true],
    ['cifs/memory', true, true],
    ['cifs/other', false, false],
    ['cifs/server.evil', false, false],
    ['http/server', false, false],
    ['server', false, false],
    ['cifs/', false, false],
  ];
  for (const [targetName, isAccepted, isSufficient] of cases) {
    it(`B12 is known by the name inside it: ${targetName}`, async () => {
      for (const [level, isIn] of [
        ['off', true],
        ['accepted', isAccepted],
        ['required', isSufficient],
      ] as const) {
        await underAbuse(
          async ({ connect: another }) => {
            const logon = (await another()).logOn(alice, {
              ntlm: targetName === undefined ? {} : { targetName },
            });
            if (isIn) await logon;
            else assert.equal(await refusal(logon), NtStatus.ACCESS_DENIED);
          },
          withOwnClients(level, at(level)),
        );
      }
    });
  }

  /** The clients beside name no server: with `required` they could not be there. */
  function withOwnClients(level: string, options: ReturnType<typeof at>) {
    return level === 'required' ? { ...options, bystandersSay: 'cifs/server' } : options;
  }
});

describe('many sessions', () => {
  it('A11 of one user end at a limit, those of all at another, and room comes back', async () => {
    for (const [limits, isForOthers] of [
      [{ sessionCountPerUser: 3 }, true],
      [{ sessionCount: 4 }, false],
    ] as const) {
      await underAbuse(
        async ({ connect: another }) => {
          const first = await (await another()).logOn(alice);
          await (await another()).logOn(alice);
          assert.equal(await refusal((await another()).logOn(alice)), NtStatus.INSUFFICIENT_RESOURCES);
          const other = (await another()).logOn(bob);
          if (isForOthers) await (await other).logOff();
          else assert.equal(await refusal(other), NtStatus.INSUFFICIENT_RESOURCES);
          await first.logOff();
          await (await another()).logOn(alice);
        },
        { limits },
      );
    }
  });
});

describe('rights taken away', () => {
  it('B15 end at once with the sessions of the account, and its handles and locks', async () => {
    await using server = await serve({
      shares: { files: memoryBackend() },
      users: [
        { name: 'ann', password: 'Secret.1' },
        { name: 'ben', password: 'Secret.2' },
      ],
      port: 0,
      limits: { failedLogonDelayMs: 0 },
    });
    const logOn = async (user: string, password: string) => {
      const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
      const session = await client.logOn({ user, password }).catch((error: unknown) => {
        client.close();
        throw error;
      });
      return session.connectTree('files');
    };
    const [ann, again, ben] = [
      await logOn('ann', 'Secret.1'),
      await logOn('ann', 'Secret.1'),
      await logOn('ben', 'Secret.2'),
    ];
    const file = await ann.open('held.bin', { shareAccess: 0 });
    await assert.rejects(ben.open('held.bin'));
    const watched = await again.open('', { createOptions: 1 });
    const watch = watched.watch(1);
    await watch.firstResponse;
    assert.equal(await server.revoke('Ann'), 2);
    await assert.rejects(file.read(0n, 1));
    await watch.response.catch((error: unknown) => assert.ok(error instanceof ConnectionClosedError));
    await (await ben.open('held.bin')).close();
    await assert.rejects(logOn('ann', 'Secret.1'));
    assert.equal(server.counters()['sessions'], 1);
    for (const tree of [ann, again, ben]) tree.session.connection.close();
    await expectEmptyStats(server);
  });
});
