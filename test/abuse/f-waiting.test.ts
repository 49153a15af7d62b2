/** Rows F6 and F7: requests that wait, and the ways in which they end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isError, NtStatus, statusName } from '../../src/base/status.ts';
import {
  type ClientResponse,
  ConnectionClosedError,
  type SentRequest,
  type TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { type Abuse, underAbuse } from './fixture.ts';

const exclusive = { offset: 0n, length: 10n, flags: LockFlags.EXCLUSIVE_LOCK };

async function creditsOf(share: TestTree, count: number): Promise<void> {
  const { session } = share;
  while (session.connection.credits < count) {
    const body = EchoRequest.encode({});
    await session.connection.request({ command: Command.ECHO, body, session, header: { credits: 1024 } });
  }
}

/** Two opens of one file, the first of which holds a lock that the second waits for. */
async function contended(share: TestTree): Promise<{ holder: TestFile; waiter: TestFile }> {
  const holder = await share.open('contended.bin');
  const waiter = await (await share.session.connectTree('files')).open('contended.bin');
  assert.equal((await holder.lock([exclusive]).response).status, NtStatus.SUCCESS);
  return { holder, waiter };
}

describe('F6: requests that wait', () => {
  it('are taken up to the limit of a connection; the next are INSUFFICIENT_RESOURCES', async (t) => {
    await underAbuse(async ({ tree, server, bystandersGoOn }) => {
      const share = await tree();
      const directory = await share.open('watched', { createOptions: CreateOption.DIRECTORY_FILE });
      const { holder, waiter } = await contended(share);
      const { pendingCount } = server.state.limits;
      const sent: SentRequest[] = [];
      const firsts: ClientResponse[] = [];
      while (sent.length < 10_000) {
        await creditsOf(share, 2600);
        const more = Array.from({ length: 2500 }, (_, index) =>
          index % 2 === 0 ? directory.watch(CompletionFilter.FILE_NAME) : waiter.lock([exclusive]),
        );
        sent.push(...more);
        firsts.push(...(await Promise.all(more.map(({ firstResponse }) => firstResponse))));
      }
      const count = (status: number): number =>
        firsts.filter((response) => response.status === status).length;
      assert.equal(count(NtStatus.PENDING), pendingCount);
      assert.equal(count(NtStatus.INSUFFICIENT_RESOURCES), sent.length - pendingCount);
      assert.equal(server.counters().outstandingRequests, pendingCount);
      t.diagnostic(`${pendingCount} of ${sent.length} wait`);
      await bystandersGoOn();
      for (const [at, request] of sent.entries())
        if (firsts[at]?.status === NtStatus.PENDING) request.cancel();
      const finals = await Promise.all(sent.map(({ response }) => response));
      assert.equal(finals.filter(({ status }) => status === NtStatus.CANCELLED).length, pendingCount);
      await holder.close();
      share.session.connection.close();
    });
  });
});

type Ending = (cast: { sent: SentRequest; waiter: TestFile; holder: TestFile; abuse: Abuse }) => unknown;

const endings: readonly (readonly [string, Ending, number])[] = [
  ['CANCEL by AsyncId', ({ sent }) => sent.cancel(), NtStatus.CANCELLED],
  [
    'CANCEL twice',
    ({ sent }) => {
      sent.cancel();
      sent.cancel();
    },
    NtStatus.CANCELLED,
  ],
  [
    'CANCEL and CLOSE at once',
    ({ sent, waiter }) => {
      sent.cancel();
      return waiter.close();
    },
    NtStatus.CANCELLED,
  ],
  [
    'CLOSE and CANCEL at once',
    ({ sent, waiter }) => {
      const closing = waiter.close();
      sent.cancel();
      return closing;
    },
    NtStatus.RANGE_NOT_LOCKED,
  ],
  ['CLOSE', ({ waiter }) => waiter.close(), NtStatus.RANGE_NOT_LOCKED],
  // As Windows has it: the tree's opens go one after the other, and the client hears of success.
  ['TREE_DISCONNECT', ({ waiter }) => waiter.tree.disconnect(), NtStatus.SUCCESS],
  ['LOGOFF', ({ waiter }) => waiter.tree.session.logOff(), NtStatus.RANGE_NOT_LOCKED],
  ['the lock that it waits for', ({ holder }) => holder.close(), NtStatus.SUCCESS],
  [
    'the lock and CANCEL at once',
    ({ sent, holder }) => {
      const closing = holder.close();
      sent.cancel();
      return closing;
    },
    NtStatus.SUCCESS,
  ],
];

describe('F7: a LOCK that waits', () => {
  for (const [name, end, expected] of endings) {
    it(`ends once by ${name}: ${statusName(expected)}`, async () => {
      await underAbuse(async (abuse) => {
        const { holder, waiter } = await contended(await abuse.tree());
        const sent = waiter.lock([exclusive]);
        assert.equal((await sent.firstResponse).status, NtStatus.PENDING);
        await end({ sent, waiter, holder, abuse });
        const { status } = await sent.response;
        assert.equal(statusName(status), statusName(expected));
        // The client throws for an answer that it does not await: a second one would be seen here.
        await turn();
        sent.cancel();
        await turn();
        waiter.tree.session.connection.close();
      });
    });
  }

  it('gets no answer when its connection is gone', async () => {
    await underAbuse(async (abuse) => {
      const { waiter } = await contended(await abuse.tree());
      const sent = waiter.lock([exclusive]);
      await sent.firstResponse;
      waiter.tree.session.connection.close();
      await assert.rejects(sent.response, ConnectionClosedError);
    });
  });

  it('does not end by a CANCEL of another session, another connection, or of an AsyncId that nobody has', async () => {
    await underAbuse(async (abuse) => {
      const { holder, waiter } = await contended(await abuse.tree());
      const sent = waiter.lock([exclusive]);
      const { header } = await sent.firstResponse;
      const { asyncId = 0 } = header;
      const { connection } = waiter.tree.session;
      const other = await abuse.tree();
      const cancel = (share: TestTree, on: TestTree, id: number) =>
        on.session.connection.cancel(share.spec(Command.LOCK, Buffer.alloc(0)), sent.messageId, id);
      cancel(other, other, asyncId);
      cancel(other, waiter.tree, asyncId);
      cancel(waiter.tree, waiter.tree, asyncId + 1);
      await abuse.bystandersGoOn();
      assert.equal(abuse.server.counters().outstandingRequests > 0, true);
      sent.cancel();
      assert.equal((await sent.response).status, NtStatus.CANCELLED);
      await holder.close();
      for (const session of [connection, other.session.connection]) session.close();
    });
  });

  it('ends once in 300 random races of all of these', async () => {
    await underAbuse(async (abuse) => {
      const random = new SeededEntropy(7);
      for (let round = 0; round < 300; round++) {
        const { holder, waiter } = await contended(await abuse.tree());
        const sent = Array.from({ length: 3 }, () => waiter.lock([exclusive]));
        if (random.below(2) === 0) await Promise.all(sent.map(({ firstResponse }) => firstResponse));
        const works: Promise<unknown>[] = [];
        for (let step = 0; step < 4; step++) {
          const [, end] = random.pick(endings);
          const request = random.pick(sent);
          works.push((async () => end({ sent: request, waiter, holder, abuse }))().catch(() => undefined));
          if (random.below(3) === 0) await turn();
        }
        for (const request of sent) request.cancel();
        await Promise.all(works);
        const outcomes = await Promise.all(sent.map(({ response }) => response));
        for (const { status } of outcomes) assert.ok(status === 0 || isError(status));
        waiter.tree.session.connection.close();
      }
    });
  });
});
