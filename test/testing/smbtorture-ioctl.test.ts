import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus } from '../../src/base/status.ts';
import { connectClient } from '../../src/testing/client.ts';
import { tortureCommands } from '../../src/testing/smbtorture-ioctl.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { ALL_ONES_FILE_ID } from '../../src/wire/smb2/file-id.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { IoctlFlags, IoctlRequest } from '../../src/wire/smb2/ioctl.ts';
import { alice, memoryServer } from './memory-server.ts';

const forceUnackedTimeout = IoctlRequest.encode({
  ctlCode: 0x8384_8003,
  fileId: ALL_ONES_FILE_ID,
  maxInputResponse: 0,
  maxOutputResponse: 0,
  flags: IoctlFlags.IS_FSCTL,
  input: EMPTY,
  output: EMPTY,
});

it('gives a connection up once something that was sent on it has gone unacknowledged', async () => {
  const clock = new VirtualClock();
  const server = memoryServer({ clock, commands: tortureCommands });
  const client = await connectClient(server.connect());
  const session = await client.logOn(alice);
  const code = await client.request({ command: Command.IOCTL, body: forceUnackedTimeout });
  assert.equal(code.status, NtStatus.SUCCESS);
  await clock.advance(60_000);
  assert.equal(client.isClosed, false);
  assert.equal((await client.echo(session)).status, NtStatus.SUCCESS);
  await clock.advance(2000);
  await client.closed;
  const closing = server.close();
  await clock.advance(10_000);
  await closing;
});

it('is unknown to the product', async () => {
  const server = memoryServer();
  const client = await connectClient(server.connect());
  const code = await client.request({ command: Command.IOCTL, body: forceUnackedTimeout });
  assert.equal(code.status, NtStatus.USER_SESSION_DELETED);
  const tree = await (await client.logOn(alice)).connectTree('files');
  const known = await tree.request(Command.IOCTL, forceUnackedTimeout);
  assert.equal(known.status, NtStatus.INVALID_DEVICE_REQUEST);
  await server.close({ drainMs: 0 });
});
