import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { answered } from '../server/commands/world.ts';
import { start } from './fake-surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'smbkit-access-'));
const runs: ReturnType<typeof start>[] = [];
after(() => {
  for (const run of runs) run.signal('SIGTERM');
  rmSync(folder, { recursive: true });
});

/** A server whose share `one` is configured as `share` says, and clients that are logged on. */
async function serving(name: string, share: string) {
  const path = join(folder, `${name}.yaml`);
  const audit = join(folder, `${name}.log`);
  const write = (text: string): void =>
    writeFileSync(
      path,
      `users: [{ name: ann, password: Secret.1 }, { name: ben, password: Secret.2 }]\naudit: { file: ${audit} }\n` +
        `shares: { one: { memory: true, ${text} }, two: { memory: true } }\n`,
    );
  write(share);
  const run = start(['serve', '--json', '--port', '0', '--config', path]);
  runs.push(run);
  const port = Number((await run.event('listening'))['port']);
  const logOn = async (user: string, password: string) =>
    (await connectClient(streamTransport(connect(port, '127.0.0.1')))).logOn({ user, password });
  return {
    sessions: { ann: await logOn('ann', 'Secret.1'), ben: await logOn('ben', 'Secret.2') },
    async reload(text: string) {
      write(text);
      run.signal('SIGHUP');
      return run.event('reloaded');
    },
    /** Ends it; what it has written to the audit. */
    async stop(): Promise<string> {
      run.signal('SIGTERM');
      await run.code;
      return readFileSync(audit, 'utf8');
    },
  };
}

describe('who may do what on a share', () => {
  it('changes at SIGHUP: whoever has lost rights is cut off from the share, and nobody else', async () => {
    const { sessions, reload, stop } = await serving(
      'a',
      'permissions: { users: { ann: read-write, ben: read } }',
    );
    const [mine, others, elsewhere] = [
      await sessions.ann.connectTree('one'),
      await sessions.ben.connectTree('one'),
      await sessions.ann.connectTree('two'),
    ];
    const [file, far] = [await mine.open('held.bin', { shareAccess: 0 }), await elsewhere.open('far.bin')];
    assert.deepEqual(await reload('permissions: { users: { ann: none, ben: read-write } }'), {
      event: 'reloaded',
      changed: ['permissions'],
      restartNeeded: [],
    });
    await assert.rejects(file.write(0n, Buffer.from('late')), answered(NtStatus.NETWORK_NAME_DELETED));
    await assert.rejects(sessions.ann.connectTree('one'), answered(NtStatus.ACCESS_DENIED));
    await far.write(0n, Buffer.from('still here'));
    // Who may do more than before goes on with what there was, and has more when connecting anew.
    await assert.rejects(others.open('new.bin'), answered(NtStatus.ACCESS_DENIED));
    await (await (await sessions.ben.connectTree('one')).open('held.bin', { shareAccess: 0 })).close();
    for (const { connection } of Object.values(sessions)) connection.close();
    assert.match(await stop(), /"event":"share-ended".*"user":"ann".*"share":"one"/);
  });

  it('is less when the share becomes read-only; what else is said of it waits for a restart', async () => {
    const { sessions, reload, stop } = await serving('b', 'readOnly: false');
    const tree = await sessions.ann.connectTree('one');
    await (await tree.open('a.bin')).close();
    assert.deepEqual(await reload('readOnly: true, comment: new'), {
      event: 'reloaded',
      changed: ['permissions'],
      restartNeeded: ['shares'],
    });
    await assert.rejects(tree.open('b.bin'), answered(NtStatus.NETWORK_NAME_DELETED));
    const again = await sessions.ann.connectTree('one');
    await assert.rejects(again.open('b.bin'), answered(NtStatus.ACCESS_DENIED));
    for (const { connection } of Object.values(sessions)) connection.close();
    await stop();
  });
});
