/** Rows H5 to H8: what is written to logs, who controls the server, settings that change under load, and clocks that step. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { memoryBackend } from '../../src/backend/memory.ts';
import type { FileTime } from '../../src/base/clock.ts';
import { NtStatus } from '../../src/base/status.ts';
import { logWriter } from '../../src/cli/log-writer.ts';
import { ConfigurationError } from '../../src/control/configuration.ts';
import { ntHashOf } from '../../src/control/password.ts';
import { serve } from '../../src/control/serve.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { OplockLevel } from '../../src/wire/flags.ts';
import { CreateContextName, DurableHandleRequestV2 } from '../../src/wire/smb2/create-context.ts';
import { expectEmptyStats } from './fixture.ts';
import { refusal, TestClock, underAbuse } from './scene.ts';

describe('log lines', () => {
  it('H5 stay one line each, whatever names clients choose', () =>
    underAbuse(async ({ connect: join, events }) => {
      const wicked = [
        'a\r\nerror forged',
        'b\u001b[2Jc',
        'd\u2028e',
        'f\0g',
        'h'.repeat(60_000),
        '"quoted" x=1',
      ];
      const client = await join();
      for (const user of wicked)
        await refusal(client.logOn({ user, domain: user.slice(0, 200), password: 'x' })).catch(() => {});
      for (const format of ['text', 'json'] as const) {
        const lines: string[] = [];
        const log = logWriter({
          level: 'debug',
          format,
          hasColor: false,
          write: (text) => void lines.push(text),
          timestamp: () => 'now',
        });
        for (const { event, fields } of events) log.write('info', event, fields);
        for (const user of wicked) log.write('info', 'logon-failed', { account: user });
        for (const line of lines) {
          const controls = [...line].filter((char) => char < ' ' || char === '\u2028' || char === '\u007f');
          assert.deepEqual(controls, ['\n'], JSON.stringify(line.slice(0, 80)));
          assert.ok(line.length < 20_000, `${line.length} characters`);
        }
      }
      client.close();
    }));
});

describe('control over the server', () => {
  const password = 'Correct.Horse.1';
  const start = () =>
    serve({ shares: { files: memoryBackend() }, users: [{ name: 'ann', password }], port: 0 });
  const listeners = () => process.getActiveResourcesInfo().filter((name) => name.endsWith('ServerWrap'));

  it('H6 is the program’s alone: beside SMB nothing listens', async () => {
    const before = listeners().length;
    await using server = await start();
    // The server tries out at its start how it may receive; that is over in a few turns.
    for (let count = 0; count < 10; count++) await turn();
    assert.deepEqual(listeners().slice(before), ['TCPServerWrap']);
    assert.ok(server.address.port > 0);
  });

  it('H6 takes no settings under names of prototypes, unknown ones or endless ones', async () => {
    await using server = await start();
    const wicked = [
      '{ "__proto__": { "guest": true } }',
      '{ "constructor": { "prototype": { "guest": true } } }',
      '{ "limits": { "__proto__": { "openCount": 1 } } }',
      '{ "limits": { "../openCount": 1 } }',
      '{ "guest": "true" }',
      '{ "shares": { "all": { "path": "/" } } }',
      `{ "limits": { "${'x'.repeat(1_000_000)}": 1 } }`,
      `{ "session": { "lifetime": "${'9'.repeat(1_000_000)}" } }`,
    ];
    for (const text of wicked) {
      assert.throws(() => server.settings.update(JSON.parse(text)), ConfigurationError, text.slice(0, 60));
    }
    assert.equal(Reflect.get({}, 'guest'), undefined);
    assert.equal(Reflect.get({}, 'openCount'), undefined);
  });

  it('H6 shows no secret', async () => {
    await using server = await start();
    const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
    await client.logOn({ user: 'ann', password });
    const shown =
      inspect(server, { depth: 20, showHidden: true, getters: true }) + JSON.stringify(server.stats());
    const hash = ntHashOf(password);
    for (const secret of [password, hash.toString('hex'), hash.toString('base64')]) {
      assert.ok(!shown.includes(secret));
    }
    client.close();
  });
});

describe('settings', () => {
  it('H7 that are wrong leave the old ones in force, and a thousand changes cut nobody off', async () => {
    await using server = await serve({
      shares: { files: memoryBackend() },
      users: [{ name: 'ann', password: 'Secret.1' }],
      port: 0,
    });
    const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
    const session = await client.logOn({ user: 'ann', password: 'Secret.1' });
    const file = await (await session.connectTree('files')).open('kept.bin');
    const data = Buffer.from('still here');
    let isOver = false;
    const writing = (async () => {
      for (let count = 0; !isOver || count < 10; count++) {
        await file.write(100n, data);
        assert.deepEqual(await file.read(100n, 100), data);
      }
    })();
    for (let round = 0; round < 1000; round++) {
      if (round % 2 === 0) server.settings.update({ limits: { creditCount: 256 + (round % 256) } });
      else {
        const wrong = { dialects: { min: '3.1.1', max: '2.1' } } as const;
        assert.throws(() => server.settings.update(wrong), ConfigurationError);
      }
      if (round % 20 === 0) await turn();
    }
    isOver = true;
    await writing;
    await file.close();
    await session.logOff();
    client.close();
    await expectEmptyStats(server);
  });
});

/** A clock whose wall time jumps when it is told to, as when somebody sets it. */
class SteppingClock extends TestClock {
  offset = 0n;

  override now(): FileTime {
    return super.now() + this.offset;
  }
}

const dayUnits = 864_000_000_000n;

describe('the clock', () => {
  it('H8 that is set a day on or back ends no durable open before its time, nor keeps it longer', async () => {
    const clock = new SteppingClock();
    await underAbuse(
      async ({ tree, server, settle }) => {
        const share = await tree();
        const request = DurableHandleRequestV2.encode({
          timeout: 100_000,
          flags: 0,
          createGuid: '11111111-2222-3333-4444-555555555555',
        });
        await share.open('kept.bin', {
          oplockLevel: OplockLevel.BATCH,
          contexts: [{ name: CreateContextName.DURABLE_HANDLE_REQUEST_V2, data: request }],
        });
        share.session.connection.close();
        await settle();
        for (const offset of [dayUnits, -dayUnits, 0n, dayUnits]) {
          clock.offset = offset;
          await clock.advance(24_000);
          assert.equal(server.stats().now.disconnectedOpens, 1);
        }
        await clock.advance(5000);
        assert.equal(server.stats().now.disconnectedOpens, 0);
      },
      { clock },
    );
  });

  it('H8 that is set a day on or back moves no time-out', async () => {
    const clock = new SteppingClock();
    await underAbuse(
      async ({ tree, server, bystandersGoOn }) => {
        const holder = await tree();
        await holder.open('held.bin', { oplockLevel: OplockLevel.BATCH });
        const other = await tree();
        let answered: number | undefined;
        void other.open('held.bin').then(() => {
          answered = NtStatus.SUCCESS;
        });
        const { breakTimeoutMs } = server.state.limits;
        for (const offset of [dayUnits, -dayUnits, 0n, dayUnits]) {
          clock.offset = offset;
          await clock.advance(breakTimeoutMs / 5);
          await bystandersGoOn();
          assert.equal(answered, undefined, 'the break waits for its answer as long as ever');
        }
        await clock.advance(breakTimeoutMs / 5 + 1);
        assert.equal(answered, NtStatus.SUCCESS);
        for (const share of [holder, other]) share.session.connection.close();
      },
      { clock },
    );
  });
});
