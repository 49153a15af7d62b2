import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Backend } from '../../src/backend/contract.ts';
import { codeOf } from '../../src/backend/error.ts';
import { localBackend } from '../../src/backend/local.ts';
import { withFolder } from './folder.ts';

const ATTACK_MS = 2000;

async function codeFrom(operation: () => unknown): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

async function namesIn(backend: Backend, at: string): Promise<string[]> {
  const names: string[] = [];
  for await (const batch of backend.list(at)) names.push(...batch.map(({ name }) => name));
  return names.sort();
}

/** Every way to reach `at`, or what is below it. */
function operationsOn(backend: Backend, at: string): (() => unknown)[] {
  return [
    () => backend.open(at, {}),
    () => backend.open(`${at}/secret`, {}),
    () => backend.open(`${at}/secret`, { write: true }),
    () => backend.open(`${at}/new`, { write: true, create: true }),
    () => backend.stat(`${at}/secret`),
    () => backend.makeDirectory(`${at}/new`),
    () => backend.removeFile(`${at}/secret`),
    () => backend.removeDirectory(`${at}/sub`),
    () => backend.rename(`${at}/secret`, 'stolen', true),
    () => backend.rename('mine', `${at}/new`, true),
    () => backend.link?.(`${at}/secret`, 'stolen'),
    () => backend.link?.('mine', `${at}/new`),
    () => backend.symlinks?.makeLink(`${at}/new`, 'x'),
    () => backend.symlinks?.readLink(`${at}/link`),
    () => backend.streams?.list(`${at}/secret`),
    () => backend.security?.read(`${at}/secret`),
    () => namesIn(backend, at),
    () => namesIn(backend, `${at}/sub`),
  ];
}

test('symbolic links of every shape lead nowhere', () =>
  withFolder(async ({ root, outside, base }) => {
    fs.mkdirSync(`${outside}/sub`);
    fs.writeFileSync(`${outside}/secret`, 'secret');
    fs.symlinkSync('x', `${outside}/link`);
    fs.writeFileSync(`${root}/mine`, 'mine');
    fs.mkdirSync(`${root}/dir`);
    const links = new Map([
      ['absolute', outside],
      ['relative', '../share2'],
      ['second-hop', 'absolute'],
      ['inside-directory', 'dir/../../share2'],
      ['dangling', `${base}/nothing`],
      ['loop', 'loop'],
      ['proc', '/proc/self/cwd'],
      ['to-file', `${outside}/secret`],
    ]);
    for (const [name, target] of links) fs.symlinkSync(target, `${root}/${name}`);
    fs.symlinkSync(outside, `${root}/dir/below`);
    const before = fs.readdirSync(outside);

    const backend = localBackend(root);
    for (const at of [...links.keys(), 'dir/below']) {
      for (const operation of operationsOn(backend, at)) {
        assert.equal(await codeFrom(operation), 'ELOOP', `${operation} on ${at}`);
      }
      assert.equal((await backend.stat(at)).kind, 'symlink');
    }
    await backend.close();
    assert.deepEqual(fs.readdirSync(outside), before);
    assert.equal(fs.readFileSync(`${outside}/secret`, 'utf8'), 'secret');
  }));

test('paths that climb are refused before anything is touched', () =>
  withFolder(async ({ root, outside }) => {
    fs.mkdirSync(`${root}/dir`);
    fs.writeFileSync(`${root}/mine`, 'mine');
    fs.writeFileSync(`${outside}/secret`, 'secret');
    const backend = localBackend(root);
    for (const at of ['..', '../share2', 'dir/../../share2', '/etc', 'dir/..', './dir/../..', '../share']) {
      for (const operation of operationsOn(backend, at)) {
        assert.equal(await codeFrom(operation), 'EINVAL', `${operation} on ${at}`);
      }
    }
    await backend.close();
    assert.deepEqual(fs.readdirSync(outside), ['secret']);
  }));

test('FIFOs, sockets and devices are neither shown nor opened', () =>
  withFolder(async ({ root }) => {
    fs.writeFileSync(`${root}/mine`, 'mine');
    execFileSync('mkfifo', [`${root}/fifo`]);
    const server = net.createServer().listen(`${root}/socket`);
    await once(server, 'listening');
    const backend = localBackend(root);
    // Blocked until somebody opens the other end.
    const writer = spawn('sh', ['-c', `echo x > '${root}/fifo'`], { stdio: 'ignore' });
    await once(writer, 'spawn');
    assert.deepEqual(await namesIn(backend, ''), ['mine']);
    for (const at of ['fifo', 'socket']) {
      for (const operation of [
        () => backend.open(at, {}),
        () => backend.open(at, { write: true }),
        () => backend.open(at, { stream: 's' }),
        () => backend.stat(at),
        () => backend.removeFile(at),
        () => backend.rename(at, 'new', false),
        () => backend.rename('mine', at, true),
        () => backend.link?.(at, 'new'),
      ]) {
        assert.equal(await codeFrom(operation), 'EACCES', `${operation} on ${at}`);
      }
      assert.equal(await codeFrom(() => backend.open(at, { create: true })), 'EEXIST');
      assert.equal(await codeFrom(() => namesIn(backend, at)), 'ENOTDIR');
    }
    assert.equal(writer.exitCode, null, 'the FIFO was opened');
    writer.kill('SIGKILL');
    server.close();
    await backend.close();
  }));

test('devices and mount points do not show', async () => {
  const backend = localBackend('/dev');
  const names = await namesIn(backend, '');
  assert.ok(!names.includes('null'));
  assert.equal(await codeFrom(() => backend.open('null', {})), 'EACCES');
  const isMount = fs.existsSync('/dev/shm') && fs.statSync('/dev').dev !== fs.statSync('/dev/shm').dev;
  if (isMount) {
    assert.ok(!names.includes('shm'));
    assert.equal(await codeFrom(() => backend.open('shm', {})), 'EACCES');
    assert.equal(await codeFrom(() => backend.stat('shm/x')), 'EACCES');
  }
  await backend.close();
});

/** Swaps a directory and a link to the outside under one name, as fast as it can, then tells how often. */
const attacker = `
  const fs = require('node:fs');
  const [root, duration] = process.argv.slice(1);
  const end = Date.now() + Number(duration);
  let swaps = 0;
  while (Date.now() < end) {
    fs.renameSync(root + '/d', root + '/real');
    fs.renameSync(root + '/link', root + '/d');
    fs.renameSync(root + '/d', root + '/link');
    fs.renameSync(root + '/real', root + '/d');
    swaps += 1;
  }
  console.log(swaps);
`;

test('a link swapped in under every operation never leads outside', () =>
  withFolder(async ({ root, outside }) => {
    for (const [place, text] of [
      [`${root}/d`, 'inside'],
      [outside, 'outside'],
    ] as const) {
      fs.mkdirSync(`${place}/sub`, { recursive: true });
      fs.writeFileSync(`${place}/secret`, text);
      fs.writeFileSync(`${place}/sub/secret`, text);
    }
    fs.symlinkSync(outside, `${root}/link`);
    const before = fs.readdirSync(outside, { recursive: true }).sort();
    const backend = localBackend(root);
    const child = spawn(process.execPath, ['-e', attacker, root, String(ATTACK_MS)]);
    let told = '';
    child.stdout.on('data', (data) => {
      told += data;
    });
    const codes = new Map<string, number>();
    let number = 0;
    while (child.exitCode === null && child.signalCode === null) {
      for (const step of steps(backend, number)) {
        const code = (await codeFrom(step)) ?? 'inside';
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
      number += 1;
      await nextTurn();
    }
    await backend.close();

    assert.ok(Number(told) > 200, `the attacker swapped ${told.trim()} times only`);
    assert.ok((codes.get('inside') ?? 0) > 20, `hardly anything was reached: ${[...codes]}`);
    assert.ok((codes.get('ELOOP') ?? 0) > 0, `no link was met: ${[...codes]}`);
    for (const code of codes.keys()) assert.ok(['inside', 'ELOOP', 'ENOENT', 'ENOTDIR'].includes(code), code);
    assert.deepEqual(fs.readdirSync(outside, { recursive: true }).sort(), before);
    assert.equal(fs.readFileSync(`${outside}/secret`, 'utf8'), 'outside');
  }));

/** What is done under attack; throws an assertion when the outside shows. */
function steps(backend: Backend, number: number): (() => Promise<void>)[] {
  const read = async (at: string): Promise<void> => {
    const handle = await backend.open(at, { write: true });
    const target = Buffer.alloc(16);
    const count = await handle.read(target, 0);
    await handle.close();
    assert.equal(target.toString('utf8', 0, count), 'inside');
  };
  return [
    () => read('d/secret'),
    () => read('d/sub/secret'),
    async () => assert.equal((await backend.stat('d/secret')).sizeBytes, 6),
    async () => backend.makeDirectory(`d/made-${number}`),
    async () => backend.rename(`d/made-${number}`, `d/sub/moved-${number}`, false),
    async () => backend.removeDirectory(`d/sub/moved-${number}`),
    async () => {
      const handle = await backend.open(`d/file-${number}`, { write: true, create: true });
      await handle.close();
      await backend.removeFile(`d/file-${number}`);
    },
    async () => {
      await namesIn(backend, 'd/sub');
    },
  ];
}
