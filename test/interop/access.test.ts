import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account, Peer } from './peers/peer.ts';
import { startSmbkit } from './server.ts';
import { type SmbclientRequest, smbclient } from './smbclient.ts';

const user = (name: string): Account => ({ name, password: `${name}-secret` });
const [anna, ben, carl, dora] = [user('anna'), user('ben'), user('carl'), user('dora')];
const nobody: Account = { name: 'stranger', password: 'whatever' };
const noName: Account = { name: '', password: '' };

const users = [
  { ...anna, groups: ['staff'] },
  { ...ben, groups: ['staff'] },
  { ...carl },
  { ...dora, disabled: true },
];

/** Starts a server, works with it, and wants it to end in good order. */
async function withServer(settings: object, work: (peer: Peer) => Promise<void>): Promise<void> {
  const peer = await startSmbkit({ shares: {}, settings: { users, ...settings } });
  try {
    await work(peer);
  } finally {
    const { exitCode, stopped } = await peer.stop();
    assert.equal(exitCode, 0);
    assert.equal(stopped['opens'], 0);
  }
}

/** What a client can do on a share: `write`, `read`, or the first status that refuses it. */
async function access(peer: Peer, request: SmbclientRequest): Promise<string> {
  const { output } = await smbclient(peer, { ...request, commands: ['ls', 'mkdir made', 'rmdir made'] });
  const [, status] = /NT_STATUS_(\w+)/.exec(output) ?? [];
  if (status === undefined) return 'write';
  return /blocks of size/.test(output) ? 'read' : status;
}

test('permissions give each account its access', async () => {
  const shares = {
    open: { memory: true },
    locked: { memory: true, readOnly: true },
    mixed: {
      memory: true,
      permissions: { default: 'none', groups: { staff: 'read-write' }, users: { ben: 'read' } },
    },
  };
  await withServer({ shares }, async (peer) => {
    const rows: readonly (readonly [account: Account, share: string, expected: string])[] = [
      [anna, 'open', 'write'],
      [carl, 'open', 'write'],
      [anna, 'locked', 'read'],
      [anna, 'mixed', 'write'],
      [ben, 'mixed', 'read'],
      [carl, 'mixed', 'ACCESS_DENIED'],
      [dora, 'open', 'LOGON_FAILURE'],
      [{ ...anna, password: 'wrong' }, 'open', 'LOGON_FAILURE'],
      [nobody, 'open', 'LOGON_FAILURE'],
      [anna, 'absent', 'BAD_NETWORK_NAME'],
    ];
    for (const [account, share, expected] of rows) {
      assert.equal(await access(peer, { account, share }), expected, `${account.name} on ${share}`);
    }
  });
});

test('guests and clients without a name are refused unless they are asked for', async () => {
  await withServer({ shares: { open: { memory: true } } }, async (peer) => {
    assert.equal(await access(peer, { account: nobody, share: 'open', protection: 'off' }), 'LOGON_FAILURE');
    const { output } = await smbclient(peer, { account: noName, protection: 'off' });
    assert.match(output, /NT_STATUS_(LOGON_FAILURE|ACCESS_DENIED)/);
  });
});

test('guests read where the share allows it, and an account with a wrong password is no guest', async () => {
  const shares = {
    open: { memory: true },
    drop: { memory: true, permissions: { users: { guest: 'read-write' } } },
    mine: { memory: true, permissions: { default: 'none', users: { anna: 'read-write' } } },
  };
  await withServer({ shares, guest: true }, async (peer) => {
    const guest = { account: nobody, protection: 'off' } as const;
    assert.equal(await access(peer, { ...guest, share: 'open' }), 'read');
    assert.equal(await access(peer, { ...guest, share: 'drop' }), 'write');
    assert.equal(await access(peer, { ...guest, share: 'mine' }), 'ACCESS_DENIED');
    const wrong = { ...anna, password: 'wrong' };
    assert.equal(await access(peer, { account: wrong, share: 'open', protection: 'off' }), 'LOGON_FAILURE');
    assert.equal(await access(peer, { account: anna, share: 'mine' }), 'write');
  });
});

test('clients without a name list shares where they may, and open none', async () => {
  const shares = { open: { memory: true, comment: 'for all' }, secret: { memory: true, hidden: true } };
  await withServer({ shares, anonymous: true }, async (peer) => {
    const { output } = await smbclient(peer, { account: noName, protection: 'off' });
    assert.match(output, /open +Disk +for all/);
    assert.doesNotMatch(output, /secret/);
    assert.match(await access(peer, { account: noName, share: 'open', protection: 'off' }), /DENIED|FAILURE/);
    assert.equal(await access(peer, { account: anna, share: 'secret' }), 'write');
  });
});

test('encryption that is required is required of everybody', async () => {
  const shares = { open: { memory: true } };
  await withServer({ shares, encryption: { mode: 'required' } }, async (peer) => {
    assert.equal(await access(peer, { account: anna, share: 'open', protection: 'encrypt' }), 'write');
    // A client that does not ask for encryption is told to, and does.
    assert.equal(await access(peer, { account: anna, share: 'open', protection: 'sign' }), 'write');
    assert.match(await access(peer, { account: anna, share: 'open', dialect: 'SMB2_10' }), /ACCESS_DENIED/);
  });
});

test('encryption of one share leaves the others open to older clients', async () => {
  const shares = { open: { memory: true }, sealed: { memory: true, encryption: 'required' } };
  await withServer({ shares }, async (peer) => {
    assert.equal(await access(peer, { account: anna, share: 'sealed', protection: 'encrypt' }), 'write');
    assert.equal(await access(peer, { account: anna, share: 'sealed', protection: 'sign' }), 'write');
    assert.equal(await access(peer, { account: anna, share: 'open', dialect: 'SMB2_10' }), 'write');
    assert.equal(await access(peer, { account: anna, share: 'sealed', dialect: 'SMB2_10' }), 'ACCESS_DENIED');
  });
});

test('the hardened profile serves new clients and refuses old ones', async () => {
  await withServer({ shares: { open: { memory: true } }, profile: 'hardened' }, async (peer) => {
    assert.equal(await access(peer, { account: anna, share: 'open', protection: 'encrypt' }), 'write');
    const { output } = await smbclient(peer, {
      account: anna,
      share: 'open',
      dialect: 'SMB3_00',
      commands: ['ls'],
    });
    assert.match(output, /NT_STATUS_/);
  });
});
