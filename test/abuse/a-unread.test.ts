/** Row A12: answers of other kinds that a client does not take. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '../../src/base/assert.ts';
import type { TestFile, TestTree } from '../../src/testing/client.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { QueryDirectoryRequest } from '../../src/wire/smb2/query-directory.ts';
import { underAbuse } from './fixture.ts';
import { TestClock } from './scene.ts';

const limits = { sendQueueBytes: 256 * 1024, sendTimeoutMs: 60_000 };
const asked = 10_000;

const questions: Readonly<Record<string, (root: TestFile) => { command: Command; body: Buffer }>> = {
  ECHO: () => ({ command: Command.ECHO, body: EchoRequest.encode({}) }),
  QUERY_DIRECTORY: ({ fileId }) => ({
    command: Command.QUERY_DIRECTORY,
    body: QueryDirectoryRequest.encode({
      fileInformationClass: 37,
      flags: 1,
      fileIndex: 0,
      fileId,
      outputBufferLength: 65_536,
      fileName: '*',
    }),
  }),
};

/** As many credits as there are: a client that takes no answers gets no more of them. */
async function allCredits({ session }: TestTree): Promise<void> {
  const { connection } = session;
  for (let before = 0; connection.credits > before; ) {
    before = connection.credits;
    await connection.request({
      command: Command.ECHO,
      body: EchoRequest.encode({}),
      session,
      header: { credits: 8192 },
    });
  }
}

describe('A12: a reader that asks and never reads', () => {
  for (const [name, question] of Object.entries(questions)) {
    it(`is held to the bound with 10,000 ${name}, and closed after the time-out`, async (t) => {
      const clock = new TestClock();
      await underAbuse(
        async ({ tree, server, bystandersGoOn }) => {
          const share = await tree();
          for (let count = 0; count < 200; count++) await (await share.open(`entry ${count}`)).close();
          const root = await share.open('', { createOptions: CreateOption.DIRECTORY_FILE });
          await allCredits(share);
          const { connection } = share.session;
          const { transport } = connection;
          assert.ok('stopReading' in transport && typeof transport.stopReading === 'function');
          const mine = present([...server.state.connections].at(-1), 'the connection');
          transport.stopReading();
          const { command, body } = question(root);
          let sent = 0;
          for (; sent < asked && connection.credits > 0; sent++) share.send(command, body);
          await clock.advance(1000);
          const held = mine.transport.queuedBytes + mine.payloadBytes;
          t.diagnostic(`${sent} asked for, ${Math.round(held / 1024)} KiB held`);
          assert.ok(sent > 8000, `${sent} asked for`);
          assert.equal(mine.isPaused, true);
          assert.ok(held <= limits.sendQueueBytes + 2 * 65_536 + 4096, `${held} bytes held`);
          await bystandersGoOn();
          await clock.advance(62_000);
          assert.equal(connection.isClosed, true);
        },
        { clock, limits },
      );
    });
  }
});
