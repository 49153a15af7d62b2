/** Row B10: what a session may when its time is over, and what its user may after having said again who it is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '../../src/base/assert.ts';
import { NtStatus } from '../../src/base/status.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { spared } from '../testing/expired-session.ts';
import { alice, bob, usersOf } from '../testing/memory-server.ts';
import { requestsOn } from './request-table.ts';
import { refusal, TestClock, underAbuse } from './scene.ts';

describe('a session whose time is over', () => {
  it('B10 may tidy up and nothing else, until its user says again who it is', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ connect, server }) => {
        const session = await (await connect()).logOn(alice);
        const file = await (await session.connectTree('files')).open('kept');
        await file.write(0n, Buffer.from('original'));
        present(server.state.sessions.get(session.sessionId), 'session').expiresMs =
          clock.monotonicMs() + 1000;
        await clock.advance(1000);
        for (const [command, body] of requestsOn(file)) {
          if (spared.includes(command)) continue;
          const { status } = await file.tree.request(command, body);
          assert.equal(status, NtStatus.NETWORK_SESSION_EXPIRED, `command ${command}`);
        }
        await session.reauthenticate(alice);
        assert.equal((await file.read(0n, 8)).toString(), 'original');
        present(server.state.sessions.get(session.sessionId), 'session').expiresMs = clock.monotonicMs();
        for (const command of spared) {
          const { status } = await file.tree.request(command, present(requestsOn(file).get(command), 'body'));
          assert.equal(status, NtStatus.SUCCESS, `command ${command}`);
        }
      },
      { clock },
    );
  });
});

describe('a user who says again who it is', () => {
  it('B10 has the groups that it is in by then, and no other', async () => {
    const team = 'S-1-5-21-1-2-3-2000';
    let groups = [team];
    const users = {
      lookup: (name: string, domain: string) => usersOf(groups).lookup(name, domain),
    };
    await underAbuse(
      async ({ connect }) => {
        const owner = await (await (await connect()).logOn(bob)).connectTree('files');
        const shared = await owner.open('of the team', { desiredAccess: AccessMask.FILE_ALL_ACCESS });
        const dacl = aclOf(allow(team, AccessMask.FILE_ALL_ACCESS));
        const descriptor = SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl });
        await shared.setInfo(InfoType.SECURITY, 0, descriptor, SecurityInformation.DACL);
        const session = await (await connect()).logOn(alice);
        const tree = await session.connectTree('files');
        const reading = { createDisposition: 1, desiredAccess: AccessMask.FILE_READ_DATA } as const;
        await (await tree.open('of the team', reading)).close();
        groups = [];
        await (await tree.open('of the team', reading)).close();
        await session.reauthenticate(alice);
        assert.equal(await refusal(tree.open('of the team', reading)), NtStatus.ACCESS_DENIED);
        groups = [team];
        await session.reauthenticate(alice);
        await (await tree.open('of the team', reading)).close();
      },
      { users },
    );
  });
});
