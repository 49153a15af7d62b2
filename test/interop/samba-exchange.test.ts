/**
 * One folder, served by Samba and by smbkit in turn: what is set through one is told by the other.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { localBackend } from '../../src/backend/local.ts';
import type { TestTree } from '../../src/testing/client.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec } from '../../src/wire/dtyp/security-descriptor.ts';
import { AccessMask, FileAttribute } from '../../src/wire/flags.ts';
import { refusing } from '../backend/xattr-refusals.ts';
import type { Peer } from './peers/peer.ts';
import { startSamba } from './peers/samba.ts';
import { keep, keptOf, toldOf, treeOf, type Wanted } from './samba-exchange.ts';
import { startSmbkit } from './server.ts';

const { HIDDEN, SYSTEM, ARCHIVE, READONLY, DIRECTORY, SPARSE_FILE } = FileAttribute;
const base = mkdtempSync(join(tmpdir(), 'smbkit-exchange-'));

/** How Samba looks at the POSIX permissions beside a descriptor. */
const kinds = {
  regarded: {},
  ignored: { 'acl_xattr:ignore system acls': 'yes' },
} as const;

/** For a smbkit that may set no attributes of the system. */
const unprivileged = { 'acl_xattr:security_acl_name': 'user.NTACL' } as const;

interface Servers {
  readonly samba: TestTree;
  readonly smbkit: TestTree;
}

const peers: Peer[] = [];
const trees = new Map<string, Servers>();

/** smbd works under the accounts of its sessions and sets attributes of the system. */
const skip = process.getuid?.() === 0 ? false : 'smbd takes root';

before(async () => {
  if (skip !== false) return;
  chmodSync(base, 0o755);
  const shares = Object.fromEntries(
    Object.entries({ ...kinds, unprivileged }).map(([kind, own]) => {
      const path = join(base, kind);
      mkdirSync(path);
      // Files are made by the accounts that the servers run under; these must not stand in the way of each other.
      return [kind, { path, sambaSettings: { 'force user': 'root', ...own } }];
    }),
  );
  const samba = await startSamba({ shares });
  peers.push(samba);
  const smbkit = await startSmbkit({ shares });
  peers.push(smbkit);
  for (const kind of Object.keys(shares)) {
    trees.set(kind, { samba: await treeOf(samba, kind), smbkit: await treeOf(smbkit, kind) });
  }
});

after(async () => {
  for (const { samba, smbkit } of trees.values()) {
    for (const tree of [samba, smbkit]) tree.session.connection.close();
  }
  for (const peer of peers) await peer.stop();
  rmSync(base, { recursive: true, force: true });
});

function serversOf(kind: string): Servers {
  const servers = trees.get(kind);
  assert.ok(servers);
  return servers;
}

const file: Wanted = {
  attributes: HIDDEN | SYSTEM | ARCHIVE,
  creationTime: 131_000_000_001_234_567n,
  lastWriteTime: 132_000_000_007_654_321n,
  eas: { AUTHOR: 'someone', 'A.NUMBER': '\u0001\u0002' },
  streams: { 'Zone.Identifier': '[ZoneTransfer]\r\nZoneId=3\r\n', größer: 'x'.repeat(1000) },
  everyone: AccessMask.FILE_ALL_ACCESS,
  isDirectory: false,
  isSparse: true,
};
const directory: Wanted = { ...file, attributes: HIDDEN | DIRECTORY, isDirectory: true, isSparse: false };
const changed: Wanted = {
  ...file,
  attributes: READONLY | ARCHIVE,
  creationTime: 130_000_000_000_000_001n,
  eas: { AUTHOR: 'somebody else' },
  streams: { 'Zone.Identifier': 'shorter?'.repeat(9), third: '' },
  everyone: AccessMask.FILE_ALL_ACCESS & ~AccessMask.DELETE,
  isSparse: true,
};

const names = [
  ['a file', 'file', file],
  ['a directory', 'directory', directory],
] as const;

for (const kind of Object.keys(kinds)) {
  for (const [from, to] of [
    ['samba', 'smbkit'],
    ['smbkit', 'samba'],
  ] as const) {
    for (const [what, name, wanted] of names) {
      test(`everything that ${from} keeps of ${what} is told by ${to}, permissions ${kind}`, {
        skip,
      }, async () => {
        const servers = serversOf(kind);
        const at = `${name}-of-${from}`;
        await keep(servers[from], at, wanted);
        const kept = await keptOf(servers[from], at, wanted.isDirectory);
        assert.deepEqual(kept.eas, wanted.eas);
        assert.equal(Object.keys(kept.streams).length, 2);
        const sparse = wanted.isSparse === true ? SPARSE_FILE : 0;
        assert.equal(kept.attributes, wanted.attributes | sparse);
        assert.deepEqual(
          [kept.creationTime, kept.lastWriteTime],
          [wanted.creationTime, wanted.lastWriteTime],
        );
        assert.deepEqual(await keptOf(servers[to], at, wanted.isDirectory), kept);
      });
    }

    test(`what ${to} changes of a file that ${from} made is told by ${from}, permissions ${kind}`, {
      skip,
    }, async () => {
      const servers = serversOf(kind);
      const at = `changed-of-${from}`;
      await keep(servers[from], at, file);
      await keep(servers[to], at, changed);
      const kept = await keptOf(servers[to], at, false);
      assert.deepEqual(kept.eas, { ...file.eas, ...changed.eas });
      assert.equal(kept.streams[':Zone.Identifier:$DATA'], changed.streams['Zone.Identifier']);
      assert.equal(kept.attributes, changed.attributes | SPARSE_FILE);
      assert.deepEqual(await keptOf(servers[from], at, false), kept);
    });
  }
}

test('descriptors of a smbkit without privileges are told by Samba, and the other way round', {
  skip,
}, async () => {
  const { samba } = serversOf('unprivileged');
  const libc = refusing(({ operation, name }) =>
    operation !== 'read' && name.startsWith('security.') ? 'EPERM' : undefined,
  );
  const backend = localBackend(join(base, 'unprivileged'), { metadata: 'xattr', libc });
  await keep(samba, 'of-samba', file);
  const ofSamba = await backend.security?.read('of-samba');
  assert.ok(ofSamba);
  assert.deepEqual(toldOf(ofSamba), (await keptOf(samba, 'of-samba', false)).descriptor);
  for (const name of ['new', 'of-samba']) {
    const handle = await backend.open(name, { write: true, create: name === 'new' });
    await handle.close();
    const descriptor = SecurityDescriptorCodec.encode({
      ...SecurityDescriptorCodec.decode(ofSamba),
      dacl: aclOf(allow('S-1-1-0', AccessMask.FILE_ALL_ACCESS & ~AccessMask.WRITE_OWNER)),
    });
    await backend.security?.write(name, descriptor);
    assert.deepEqual((await keptOf(samba, name, false)).descriptor, toldOf(descriptor));
  }
  await backend.close();
});

test('a file that neither server has touched looks the same through both', { skip }, async () => {
  const { samba, smbkit } = serversOf('ignored');
  writeFileSync(join(base, 'ignored', 'plain'), 'content');
  const [told, other] = [await keptOf(smbkit, 'plain', false), await keptOf(samba, 'plain', false)];
  assert.deepEqual({ ...told, descriptor: '', attributes: 0 }, { ...other, descriptor: '', attributes: 0 });
});
