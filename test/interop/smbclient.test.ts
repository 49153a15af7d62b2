import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checksum, content, makeTree } from './folder-tree.ts';
import type { Peer } from './peers/peer.ts';
import { startServer } from './server.ts';
import { type Dialect, dialects, smbclient, smbclientDone } from './smbclient.ts';

const sizes = [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 100 * 1024 * 1024];
const refusal = /NT_STATUS_(?:ACCESS_DENIED|MEDIA_WRITE_PROTECTED)/g;

let server: Peer;
let folder = '';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smbkit-smbclient-'));
  for (const name of ['served', 'fixed', 'local', 'tree']) mkdirSync(join(folder, name));
  for (const [i, size] of sizes.entries())
    writeFileSync(join(folder, 'local', `${size}.bin`), content(size, i));
  writeFileSync(join(folder, 'fixed', 'there.txt'), 'fixed');
  makeTree(join(folder, 'tree'));
  const fixed = { path: join(folder, 'fixed'), isReadOnly: true };
  server = await startServer({
    shares: { files: { path: join(folder, 'served') }, memory: {}, fixed },
    settings: { limits: { failedLogonDelayMs: 10 } },
  });
});

after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A fresh local folder. */
function emptyFolder(): string {
  return mkdtempSync(join(folder, 'got-'));
}

async function transferSizes(share: string, dialect: Dialect): Promise<void> {
  const names = sizes.map((size) => `${size}.bin`);
  const got = emptyFolder();
  const puts = names.map((name) => `put ${name} "${dialect} ${name}"`);
  await smbclientDone(server, { share, dialect, folder: join(folder, 'local'), commands: puts });
  const gets = names.map((name) => `get "${dialect} ${name}" ${name}`);
  const deletes = names.map((name) => `del "${dialect} ${name}"`);
  await smbclientDone(server, { share, dialect, folder: got, commands: [...gets, ...deletes] });
  for (const name of names) {
    assert.equal(await checksum(join(got, name)), await checksum(join(folder, 'local', name)), name);
  }
  rmSync(got, { recursive: true });
}

async function transferTree(share: string, dialect: Dialect): Promise<void> {
  const got = emptyFolder();
  const whole = ['recurse ON', 'prompt OFF'];
  await smbclientDone(server, {
    share,
    dialect,
    folder: join(folder, 'tree'),
    commands: [`mkdir tree${dialect}`, `cd tree${dialect}`, ...whole, 'mput *'],
  });
  await smbclientDone(server, {
    share,
    dialect,
    folder: got,
    commands: [`cd tree${dialect}`, ...whole, 'mget *'],
  });
  assert.equal(
    readdirSync(got, { recursive: true }).length,
    readdirSync(join(folder, 'tree'), { recursive: true }).length,
  );
  execFileSync('diff', ['-r', join(folder, 'tree'), got]);
  await smbclientDone(server, { share, dialect, commands: [`deltree tree${dialect}`] });
  rmSync(got, { recursive: true });
}

for (const dialect of dialects) {
  describe(`smbclient, ${dialect}, signed`, () => {
    test('lists the shares', async () => {
      const output = await smbclientDone(server, { dialect });
      for (const line of [
        /^\s+files\s+Disk/m,
        /^\s+memory\s+Disk/m,
        /^\s+fixed\s+Disk/m,
        /^\s+IPC\$\s+IPC/m,
      ]) {
        assert.match(output, line);
      }
    });

    test('files from 0 bytes to 100 MiB go into a folder and come back the same', () =>
      transferSizes('files', dialect));

    test('files from 0 bytes to 100 MiB go into memory and come back the same', () =>
      transferSizes('memory', dialect));

    test('a tree of 2,000 files goes into a folder and comes back the same', () =>
      transferTree('files', dialect));

    test('a tree of 2,000 files goes into memory and comes back the same', () =>
      transferTree('memory', dialect));

    test('names are made, listed, renamed, replaced and removed', async () => {
      const local = emptyFolder();
      writeFileSync(join(local, 'long'), content(5000, 1));
      writeFileSync(join(local, 'short'), content(17, 2));
      const own = `dir ${dialect}`;
      const output = await smbclientDone(server, {
        share: 'files',
        dialect,
        folder: local,
        commands: [
          ...[
            `mkdir "${own}"`,
            `cd "${own}"`,
            'mkdir inner',
            'put long one',
            'rename one two',
            'put long three',
            'ls',
          ],
          ...[
            'put short three',
            'get three back',
            'rename two inner\\four',
            'ls inner\\*',
            'del three',
            'allinfo inner\\four',
          ],
        ],
      });
      assert.match(output, /^ {2}two\s+A\s+5000 /m);
      assert.match(output, /^ {2}inner\s+D\s+0 /m);
      assert.match(output, /^ {2}four\s+A\s+5000 /m);
      assert.match(output, /stream: \[::\$DATA\], 5000 bytes/);
      assert.deepEqual(readFileSync(join(local, 'back')), content(17, 2));
      const served = join(folder, 'served', own);
      assert.deepEqual(readdirSync(served, { recursive: true }).sort(), ['inner', 'inner/four']);
      assert.equal(statSync(join(served, 'inner/four')).size, 5000);
      const busy = await smbclient(server, { share: 'files', dialect, commands: [`rmdir "${own}"`] });
      assert.match(busy.output, /NT_STATUS_DIRECTORY_NOT_EMPTY/);
      const commands = [`del "${own}\\inner\\four"`, `rmdir "${own}\\inner"`, `rmdir "${own}"`];
      await smbclientDone(server, { share: 'files', dialect, commands });
      assert.equal(readdirSync(join(folder, 'served')).includes(own), false);
    });

    test('a read-only share is read and refuses every change', async () => {
      const local = emptyFolder();
      writeFileSync(join(local, 'new'), 'new');
      const changes = [
        'put new new',
        'put new there.txt',
        'mkdir dir',
        'del there.txt',
        'rename there.txt other',
      ];
      const got = await smbclientDone(server, {
        share: 'fixed',
        dialect,
        folder: local,
        commands: ['get there.txt'],
      });
      assert.equal(readFileSync(join(local, 'there.txt'), 'utf8'), 'fixed', got);
      for (const change of changes) {
        const { output } = await smbclient(server, {
          share: 'fixed',
          dialect,
          folder: local,
          commands: [change],
        });
        assert.equal(output.match(refusal)?.length, 1, `${change}: ${output}`);
      }
      assert.deepEqual(readdirSync(join(folder, 'fixed')), ['there.txt']);
      assert.equal(readFileSync(join(folder, 'fixed', 'there.txt'), 'utf8'), 'fixed');
    });

    test('a wrong password and an unknown user are refused', async () => {
      for (const name of [server.account.name, 'nobody-we-know']) {
        const account = { name, password: 'wrong' };
        const { output, exitCode } = await smbclient(server, {
          share: 'files',
          dialect,
          account,
          commands: ['ls'],
        });
        assert.match(output, /session setup failed: NT_STATUS_LOGON_FAILURE/);
        assert.equal(exitCode, 1);
      }
    });
  });
}

test('a share that does not exist is refused by its name', async () => {
  const { output } = await smbclient(server, { share: 'nowhere', commands: ['ls'] });
  assert.match(output, /tree connect failed: NT_STATUS_BAD_NETWORK_NAME/);
});

test('two clients at once each get their own bytes back', async () => {
  const own = [1, 2].map((seed) => ({ seed, local: emptyFolder() }));
  for (const { seed, local } of own) writeFileSync(join(local, 'sent'), content(20 * 1024 * 1024, seed));
  const both = await Promise.all(
    own.map(({ seed, local }) =>
      smbclientDone(server, {
        share: 'files',
        folder: local,
        commands: [
          `put sent both${seed}`,
          'ls',
          `get both${seed} first`,
          `put sent both${seed}`,
          `get both${seed} second`,
        ],
      }),
    ),
  );
  assert.equal(both.length, 2);
  for (const { local } of own) {
    const sent = await checksum(join(local, 'sent'));
    assert.equal(await checksum(join(local, 'first')), sent);
    assert.equal(await checksum(join(local, 'second')), sent);
  }
});
