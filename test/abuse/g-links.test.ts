/** Rows G2, G3 and G20: symbolic links, races with them, and files that are none. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { NtStatus, statusName } from '../../src/base/status.ts';
import { createRequestOf, type OpenOptions, TestFile, type TestTree } from '../../src/testing/client.ts';
import { AccessMask, CreateOption } from '../../src/wire/flags.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { CreateResponse } from '../../src/wire/smb2/create.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { figure } from './figures.ts';
import { underAbuseOfFolder } from './places.ts';

/** The status with which an open is refused; undefined where it is not. A link that the client is told of is refused, too. */
async function refusalOf(share: TestTree, name: string, options: OpenOptions): Promise<number | undefined> {
  const { status } = await share.request(Command.CREATE, createRequestOf(name, options));
  return status === NtStatus.SUCCESS ? undefined : status;
}

const reading = { createDisposition: 1, desiredAccess: AccessMask.GENERIC_READ } as const;

/** What reading `name` gives; the status of the refusal where there is one. */
async function outcomeOf(share: TestTree, name: string): Promise<number | string> {
  const response = await share.request(Command.CREATE, createRequestOf(name, reading));
  if (response.status !== NtStatus.SUCCESS) return response.status;
  const file = new TestFile(share, response.decode(CreateResponse));
  const data = await file.read(0n, 100).catch(() => Buffer.from('empty'));
  await file.close();
  return data.toString();
}

/** A file of the share renamed to `name`, where that can be done at all, and back. */
async function renamedInto(share: TestTree, name: string): Promise<void> {
  const rename = (fileName: string) =>
    FileRenameInformation.encode({ rootDirectory: 0n, fileName, replaceIfExists: false });
  const file = await share.open('mine.bin', {
    createDisposition: 3,
    desiredAccess: AccessMask.DELETE | AccessMask.GENERIC_READ,
  });
  await file.setInfo(InfoType.FILE, Class.FileRenameInformation, rename(name)).catch(() => {});
  await file.setInfo(InfoType.FILE, Class.FileRenameInformation, rename('mine.bin')).catch(() => {});
  await file.close();
}

/** Adds the names in the folder that is swapped, where it is there. */
async function listedOrNothing(share: TestTree, names: Set<string>): Promise<void> {
  const options = { createDisposition: 1, createOptions: CreateOption.DIRECTORY_FILE } as const;
  const folder = await share.open('now', options).catch(() => undefined);
  const listing = await folder?.queryDirectory(12, '*').catch(() => undefined);
  for (let at = 0; listing !== undefined && listing.length > 0; ) {
    const next = listing.readUInt32LE(at);
    names.add(listing.toString('utf16le', at + 12, at + 12 + listing.readUInt32LE(at + 8)));
    if (next === 0) break;
    at += next;
  }
  await folder?.close().catch(() => {});
}

describe('symbolic links', () => {
  it('G2 to the outside are not followed, whatever lies there', () =>
    underAbuseOfFolder(async ({ tree }, { inside, outside }) => {
      writeFileSync(join(outside, 'secret.txt'), 'secret');
      mkdirSync(join(outside, 'share2'));
      writeFileSync(join(outside, 'share2', 'secret.txt'), 'secret');
      mkdirSync(join(inside, 'folder'));
      const links: readonly (readonly [string, string])[] = [
        ['absolute', join(outside, 'secret.txt')],
        ['relative', '../secret.txt'],
        ['deeper', 'folder/../../secret.txt'],
        ['prefix', '../share2/secret.txt'],
        ['absent', '../nothing'],
        ['hop', 'absolute'],
        ['loop', 'loop'],
        ['proc', '/proc/self/environ'],
        ['above', '..'],
        ['twin', '../share2'],
      ];
      for (const [name, target] of links) symlinkSync(target, join(inside, name));
      const share = await tree();
      const statuses = new Map<string, number | string>();
      for (const [name] of links) {
        statuses.set(name, await outcomeOf(share, name));
        for (const child of ['secret.txt', 'share2\\secret.txt']) {
          const below = await outcomeOf(share, `${name}\\${child}`);
          assert.equal(typeof below, 'number', `${name}\\${child}: ${below}`);
        }
      }
      for (const [name, outcome] of statuses) assert.equal(typeof outcome, 'number', `${name}: ${outcome}`);
      // Whether something is there outside is not told either.
      assert.equal(statuses.get('absent'), statuses.get('relative'));
      for (const link of ['above', 'twin']) {
        const [there, missing] = [
          await outcomeOf(share, `${link}\\secret.txt`),
          await outcomeOf(share, `${link}\\nothing`),
        ];
        assert.equal(there, missing, link);
      }
      for (const [name] of links) {
        assert.ok(await refusalOf(share, `${name}\\made`, { createDisposition: 2 }), name);
        assert.ok(await refusalOf(share, name, { createDisposition: 5 }), name);
      }
      assert.equal(readFileSync(join(outside, 'secret.txt'), 'utf8'), 'secret');
      share.session.connection.close();
    }));

  it('G3 that take a folder’s place and leave it again let nobody out', async (t) => {
    await underAbuseOfFolder(async ({ tree }, { inside, outside }) => {
      mkdirSync(join(outside, 'hidden'));
      for (const name of ['file.txt', 'only outside'])
        writeFileSync(join(outside, 'hidden', name), 'outside');
      const listed = new Set<string>();
      mkdirSync(join(inside, 'good'));
      writeFileSync(join(inside, 'good', 'file.txt'), 'inside');
      symlinkSync('../hidden', join(inside, 'bad'));
      const swap = `const fs = require('node:fs'); const at = ${JSON.stringify(inside)};
        process.on('SIGTERM', () => process.exit(0));
        const way = (from, to) => fs.renameSync(at + '/' + from, at + '/' + to);
        const cell = new Int32Array(new SharedArrayBuffer(4));
        const ways = [['good', 'now'], ['now', 'good'], ['bad', 'now'], ['now', 'bad']];
        // A moment of rest, each time elsewhere: the file system would let nobody else in.
        for (let count = 0; ; count++) {
          way(...ways[count % 4]);
          if (count % 9 === 0) Atomics.wait(cell, 0, 0, 1);
        }`;
      const attacker = spawn(process.execPath, ['-e', swap], { stdio: 'ignore' });
      const share = await tree();
      const seen = new Map<number | string, number>();
      const until = performance.now() + figure(4000, 60_000);
      let made = 0;
      await (await share.open('mine.bin', { createDisposition: 2 })).close();
      while (performance.now() < until) {
        const outcome = await outcomeOf(share, 'now\\file.txt');
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        const child = `now\\made${made++}`;
        await share
          .open(child, { createDisposition: 2, createOptions: CreateOption.DIRECTORY_FILE })
          .then((file) => file.close())
          .catch(() => {});
        // A rename waits long for the file system while somebody else renames without end.
        if (made % 100 === 0) await renamedInto(share, `now\\moved${made}`);
        if (made % 10 === 2) await listedOrNothing(share, listed);
      }
      attacker.kill('SIGKILL');
      await once(attacker, 'exit');
      t.diagnostic([...seen].map(([outcome, count]) => `${outcome}: ${count}`).join(', '));
      assert.ok(!seen.has('outside'));
      assert.ok(seen.has('inside'), 'the way was open now and then');
      assert.ok(!listed.has('only outside'), [...listed].join());
      const beside = execFileSync('find', [join(outside, 'hidden'), '-mindepth', '1'], { encoding: 'utf8' });
      const kept = ['file.txt', 'only outside'].map((name) => join(outside, 'hidden', name));
      assert.deepEqual(beside.trim().split('\n').sort(), kept);
      share.session.connection.close();
    });
  });
});

describe('what is no file', () => {
  it('G20 a FIFO, a socket and a device are not opened, and nobody waits for them', (t) =>
    underAbuseOfFolder(async ({ tree, bystandersGoOn }, { inside }) => {
      execFileSync('mkfifo', [join(inside, 'fifo')]);
      const listen = `require('node:net').createServer().listen(${JSON.stringify(join(inside, 'socket'))}, () => process.kill(process.pid, 'SIGKILL'))`;
      spawnSync(process.execPath, ['-e', listen]);
      symlinkSync('/dev/zero', join(inside, 'zero'));
      const statuses = new Set<number | undefined>();
      const names = ['fifo', 'socket', 'zero'];
      // Only the administrator can make these, and not everywhere.
      const device = join(inside, 'device');
      if (spawnSync('mknod', [device, 'c', '1', '5']).status === 0) names.push('device');
      const share = await tree();
      for (const name of names) {
        for (const desiredAccess of [
          AccessMask.GENERIC_READ,
          AccessMask.GENERIC_WRITE,
          AccessMask.GENERIC_ALL,
        ])
          statuses.add(await refusalOf(share, name, { createDisposition: 1, desiredAccess }));
        statuses.add(await refusalOf(share, name, { createDisposition: 5 }));
      }
      assert.ok(!statuses.has(undefined), 'all are refused');
      t.diagnostic([...statuses].map((status) => statusName(status ?? 0)).join());
      await bystandersGoOn();
      share.session.connection.close();
    }));
});
