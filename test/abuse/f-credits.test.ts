/** Row F5: credits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NtStatus, statusName } from '../../src/base/status.ts';
import { CommandSequenceWindow } from '../../src/session/credits.ts';
import { ConnectionClosedError, createRequestOf } from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { figure } from './figures.ts';
import { underAbuse } from './fixture.ts';

const { SUCCESS, INVALID_PARAMETER } = NtStatus;

describe('F5: credits', () => {
  const operations = figure(200_000, 1_000_000);

  it(`do not drift over ${operations} random operations, and never exceed the cap`, () => {
    const random = new SeededEntropy(5);
    const cap = 512;
    const window = new CommandSequenceWindow(cap);
    const held = new Set([0]);
    let next = 1;
    for (let round = 0; round < operations; round++) {
      const ids = [...held];
      const messageId = ids.length > 0 && random.below(10) < 9 ? random.pick(ids) : random.below(next + 20);
      const charge = random.below(20) === 0 ? 1 + random.below(8) : 1;
      const wanted = Array.from({ length: charge }, (_, i) => messageId + i);
      const isMine = wanted.every((id) => held.has(id));
      assert.equal(window.consume(messageId, charge), isMine, `round ${round}`);
      if (isMine) for (const id of wanted) held.delete(id);
      const granted = window.grant(random.below(8) === 0 ? 65_535 : random.below(3));
      for (let count = 0; count < granted; count++) held.add(next++);
      assert.equal(window.available, held.size);
      assert.ok(held.size <= cap);
      const oldest = Math.min(...held);
      assert.ok(held.size === 0 || next - oldest <= cap, 'the window spans no more than the cap');
    }
  });

  it('come to the cap and stay there, whatever is asked for', async () => {
    await underAbuse(async ({ tree, server }) => {
      const { session } = await tree();
      const { connection } = session;
      const echo = { command: Command.ECHO, body: EchoRequest.encode({}), session };
      for (let round = 0; round < 50; round++) {
        await connection.request({ ...echo, header: { credits: 65_535 } });
        const mine = [...server.state.connections].at(-1);
        assert.equal(connection.credits, mine?.window.available, 'both sides count alike');
        assert.ok(connection.credits <= server.state.limits.creditCount);
      }
      assert.equal(connection.credits, server.state.limits.creditCount);
      connection.close();
    });
  });

  it('are counted alike by both sides after thousands of answers of every kind', async () => {
    await underAbuse(async ({ tree, server }) => {
      const share = await tree();
      const { session } = share;
      const { connection } = session;
      const folder = await share.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const random = new SeededEntropy(55);
      const mine = [...server.state.connections].at(-1);
      const credits = (): number => random.pick([0, 1, 2, 64, 65_535]);
      for (let round = 0; round < figure(1000, 300_000); round++) {
        const echo = { command: Command.ECHO, body: EchoRequest.encode({}), session };
        const header = { credits: credits() };
        switch (connection.credits < 8 ? 0 : random.below(5)) {
          case 0:
            await connection.request({ ...echo, header: { credits: 64 } });
            break;
          case 1:
            await share.request(Command.CREATE, createRequestOf('no\0name'), { header });
            break;
          case 2: {
            const sent = connection.sendCompound([1, 2, 3].map(() => ({ ...echo, header })));
            await Promise.all(sent.map(({ response }) => response));
            break;
          }
          case 3: {
            const watch = folder.watch(CompletionFilter.FILE_NAME);
            await watch.firstResponse;
            watch.cancel();
            await watch.response;
            break;
          }
          default:
            await connection.request({ ...echo, header });
        }
        assert.equal(connection.credits, mine?.window.available, `round ${round}`);
        assert.ok(connection.credits <= server.state.limits.creditCount);
      }
      connection.close();
    });
  });

  const wrong: readonly (readonly [string, (next: number) => number])[] = [
    ['used before', (next) => next - 1],
    ['of the first request', () => 0],
    ['above the window', (next) => next + 10_000],
    ['of no request', () => -1],
    ['of 2^63', () => 2 ** 63],
  ];
  for (const [name, messageIdOf] of wrong) {
    it(`a MessageId ${name}: closed`, async () => {
      await underAbuse(async ({ tree }) => {
        const { session } = await tree();
        const { connection } = session;
        const messageId = messageIdOf(connection.nextMessageId);
        const body = EchoRequest.encode({});
        const sent = connection.send({ command: Command.ECHO, body, session, header: { messageId } });
        await assert.rejects(sent.response, ConnectionClosedError);
      });
    });
  }

  const charges: readonly (readonly [number, number, number | 'closed'])[] = [
    [0, 65_536, SUCCESS],
    [1, 65_536, SUCCESS],
    [1, 65_537, INVALID_PARAMETER],
    [0, 65_537, INVALID_PARAMETER],
    [2, 65_537, SUCCESS],
    [2, 131_073, INVALID_PARAMETER],
    [65_535, 16, 'closed'],
  ];
  for (const [creditCharge, length, expected] of charges) {
    it(`a charge of ${creditCharge} for ${length} bytes: ${expected === 'closed' ? expected : statusName(expected)}`, async () => {
      await underAbuse(async ({ tree }) => {
        const share = await tree();
        const file = await share.open('charged.bin');
        await file.write(0n, Buffer.alloc(16));
        const { connection } = share.session;
        const body = file.readRequest(0n, length);
        const sent = share.send(Command.READ, body, { header: { creditCharge } });
        const outcome = await sent.response.then(
          ({ status }) => status,
          () => 'closed',
        );
        assert.equal(outcome, expected);
        connection.close();
      });
    });
  }
});
