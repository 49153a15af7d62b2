import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { leaveChannelSequence, verifyChannelSequence } from '../../src/server/channel-sequence.ts';
import { Request } from '../../src/server/request.ts';
import { Connection } from '../../src/session/connection.ts';
import { allDialects, connectClient } from '../../src/testing/client.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

interface Step {
  readonly sequence: number;
  readonly isReplay?: boolean;
  readonly modifies?: boolean;
}

/** An open on a server, and requests on it that are begun and ended when the test says so. */
async function withOpen(
  dialect: number,
  body: (begin: (step: Step) => () => void, counts: () => readonly number[]) => void,
): Promise<void> {
  const server = memoryServer();
  const client = await connectClient(server.connect(), { dialects: [dialect] });
  const session = await client.logOn(alice);
  const file = await (await session.connectTree('files')).open('x');
  const state = server.state.sessions.get(session.sessionId);
  const [connection] = server.state.connections;
  const open = state?.findOpen(file.fileId);
  assert.ok(open !== undefined && connection instanceof Connection);
  const begin = ({ sequence, isReplay = false, modifies = true }: Step) => {
    const request = new Request({
      connection,
      header: {
        creditCharge: 1,
        channelSequence: sequence,
        command: Command.WRITE,
        credits: 1,
        flags: isReplay ? HeaderFlags.REPLAY_OPERATION : 0,
        nextCommand: 0,
        messageId: 1,
        treeId: 1,
        sessionId: 1,
      },
      message: Buffer.alloc(64),
      isLast: true,
      isEncrypted: false,
      owner: { sendInterim: () => {} },
    });
    request.openInUse = open;
    verifyChannelSequence(request, modifies);
    return () => leaveChannelSequence(request);
  };
  body(begin, () => [open.channelSequence, open.outstandingRequestCount, open.outstandingPreRequestCount]);
  await server.close({ drainMs: 0 });
}

const refused = (error: unknown): boolean =>
  error instanceof NtStatusError && error.status === NtStatus.FILE_NOT_AVAILABLE;

describe('the channel sequence of an open', () => {
  const SMB3 = 0x0311;

  it('counts requests of the present, and forgets them when they are answered', () =>
    withOpen(SMB3, (begin, counts) => {
      const [one, two] = [begin({ sequence: 0 }), begin({ sequence: 0, modifies: false })];
      assert.deepEqual(counts(), [0, 2, 0]);
      one();
      two();
      assert.deepEqual(counts(), [0, 0, 0]);
    }));

  it('moves on with a newer one; what was outstanding belongs to the past', () =>
    withOpen(SMB3, (begin, counts) => {
      const old = begin({ sequence: 0 });
      const present = begin({ sequence: 1 });
      assert.deepEqual(counts(), [1, 1, 1]);
      old();
      assert.deepEqual(counts(), [1, 1, 0]);
      present();
      assert.deepEqual(counts(), [1, 0, 0]);
    }));

  it('refuses to replay a change until everything of the past is answered', () =>
    withOpen(SMB3, (begin, counts) => {
      const old = begin({ sequence: 0 });
      assert.throws(() => begin({ sequence: 1, isReplay: true }), refused);
      assert.deepEqual(counts(), [1, 0, 1], 'the sequence has moved on all the same');
      const read = begin({ sequence: 1, isReplay: true, modifies: false });
      old();
      const replay = begin({ sequence: 1, isReplay: true });
      assert.deepEqual(counts(), [1, 2, 0]);
      read();
      replay();
      assert.deepEqual(counts(), [1, 0, 0]);
    }));

  it('refuses a change of the past, and lets a question of the past through', () =>
    withOpen(SMB3, (begin, counts) => {
      begin({ sequence: 5 })();
      assert.throws(() => begin({ sequence: 4 }), refused);
      assert.throws(() => begin({ sequence: 4, isReplay: true }), refused);
      const question = begin({ sequence: 4, modifies: false });
      assert.deepEqual(counts(), [5, 0, 1]);
      question();
      assert.deepEqual(counts(), [5, 0, 0]);
    }));

  it('goes round after 0xFFFF, and 0x8000 and more ahead is the past', () =>
    withOpen(SMB3, (begin, counts) => {
      begin({ sequence: 0x7fff })();
      assert.equal(counts()[0], 0x7fff);
      begin({ sequence: 0xfffe })();
      assert.equal(counts()[0], 0xfffe);
      begin({ sequence: 1 })();
      assert.equal(counts()[0], 1);
      assert.throws(() => begin({ sequence: 0x8001 }), refused);
      assert.throws(() => begin({ sequence: 0xffff }), refused);
      assert.deepEqual(counts(), [1, 0, 0]);
    }));

  it('is not looked at before SMB 3', async () => {
    for (const dialect of allDialects.slice(0, 2)) {
      await withOpen(dialect, (begin, counts) => {
        const end = begin({ sequence: 9 });
        assert.deepEqual(counts(), [0, 0, 0]);
        end();
        assert.deepEqual(counts(), [0, 0, 0]);
      });
    }
  });
});

describe('requests of a past channel sequence', () => {
  it('change nothing on the wire', async () => {
    const server = memoryServer();
    const client = await connectClient(server.connect());
    const session = await client.logOn(alice);
    const file = await (await session.connectTree('files')).open('x');
    await file.write(0n, Buffer.from('first'));
    const newer = { header: { channelSequence: 3 } };
    await file.tree.request(Command.WRITE, file.writeRequest(0n, Buffer.from('newer')), newer);
    const body = file.writeRequest(0n, Buffer.from('late'));
    const late = await file.tree.request(Command.WRITE, body, { header: { channelSequence: 2 } });
    assert.equal(late.status, NtStatus.FILE_NOT_AVAILABLE);
    const read = { header: { channelSequence: 3 } };
    const { message } = await file.tree.request(Command.READ, file.readRequest(0n, 5), read);
    assert.ok(message.includes('newer'));
    await server.close({ drainMs: 0 });
  });
});
