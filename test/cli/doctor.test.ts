import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { nativeFindings } from '../../src/cli/doctor-abilities.ts';
import { cryptoFindings, cryptoSpeeds } from '../../src/cli/doctor-speed.ts';
import { networkFindings } from '../../src/cli/doctor-system.ts';
import { signingParameters } from '../../src/crypto/algorithms.ts';
import { loadLibc } from '../../src/native/libc.ts';
import { fastestCryptoProvider } from '../../src/server/crypto-provider.ts';
import { start } from './fake-surroundings.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-doctor-'));
after(() => fs.rmSync(folder, { recursive: true }));

interface Told {
  readonly topic: string;
  readonly name: string;
  readonly state: string;
  readonly value: unknown;
  readonly consequence?: string;
}

/** The exit code and the one event of `smbkit doctor --json`. */
async function examined(...folders: readonly string[]) {
  const run = start(['doctor', '--json', ...folders]);
  const code = await run.code;
  assert.equal(run.events().length, 1);
  const [event = {}] = run.events();
  const findings = event['findings'] as readonly Told[];
  const speeds = event['speeds'] as readonly Record<string, unknown>[];
  const find = (topic: string, name: string): Told | undefined =>
    findings.find((one) => one.topic === topic && one.name === name);
  return { code, ok: event['ok'], findings, speeds, find };
}

describe('smbkit doctor', () => {
  test('tells what the machine and a folder give, and that nothing keeps them from serving', async () => {
    fs.writeFileSync(path.join(folder, 'name'), '');
    const { code, ok, find, findings, speeds } = await examined(folder);
    assert.deepEqual([code, ok], [0, true]);
    assert.equal(find('system', 'node')?.value, process.versions.node);
    assert.equal(find('system', 'smbkit')?.value, '1.2.3');
    assert.ok(Number(find('limits', 'open files')?.value) > 0);
    for (const { topic, name, state, consequence } of findings) {
      assert.ok(['ok', 'missing'].includes(state), name);
      if (topic !== 'system' && state === 'missing') assert.ok(consequence, name);
    }

    // The folder, which is left as it was.
    assert.deepEqual(fs.readdirSync(folder), ['name']);
    assert.equal(find(folder, 'writable')?.value, true);
    assert.equal(find(folder, 'case sensitive')?.value, true);
    assert.match(String(find(folder, 'file system')?.value), /^[0-9a-z]+$/);

    // The speed of every algorithm.
    assert.equal(new Set(speeds.map((speed) => speed['algorithm'])).size, 7);
    for (const speed of speeds) assert.ok(Number(speed['us1MiB']) > 0, String(speed['algorithm']));
  });

  test('fails for a folder that cannot be served, and still tells the rest', async () => {
    const { code, ok, find } = await examined(path.join(folder, 'none'), folder);
    assert.deepEqual([code, ok], [1, false]);
    assert.equal(find(path.join(folder, 'none'), 'folder')?.state, 'problem');
    assert.match(find(path.join(folder, 'none'), 'folder')?.consequence ?? '', /no such file/);
    assert.equal(find(folder, 'writable')?.value, true);
  });

  test('says whether native calls are on, and what follows if not', () => {
    const findings = nativeFindings();
    const [native] = findings;
    if (loadLibc() === undefined) {
      assert.deepEqual([native?.state, native?.value], ['missing', 'switched off']);
      assert.match(native?.consequence ?? '', /unset SMBKIT_NATIVE/);
    } else {
      assert.deepEqual([native?.state, native?.value], ['ok', 'on']);
      assert.equal(findings.find(({ name }) => name === 'extended attributes')?.state, 'ok');
    }
    const provider = fastestCryptoProvider().name === 'native' ? 'OpenSSL in place' : 'node:crypto';
    assert.equal(provider === 'OpenSSL in place', loadLibc() !== undefined);
  });

  test('says what two messages at once cost where a server signs them so', () => {
    const provider = fastestCryptoProvider();
    const speeds = cryptoSpeeds().filter((speed) => speed.provider === provider.name);
    for (const { id, name } of signingParameters.values()) {
      const mac = provider.mac(id, Buffer.alloc(16, 1));
      const speed = speeds.find(({ algorithm }) => algorithm === name);
      assert.equal(speed?.us1MiBOfTwo !== undefined, mac.tagPair !== undefined);
      const finding = cryptoFindings(speeds).find((one) => one.name === name);
      assert.equal(/each of two at once/.test(String(finding?.value)), mac.tagPair !== undefined);
      mac.destroy();
    }
  });

  test('says it in words, what follows below what is', async () => {
    const run = start(['doctor', path.join(folder, 'none')]);
    assert.equal(await run.code, 1);
    assert.match(run.out(), /^system\n {2}ok {2}smbkit +1\.2\.3\n/);
    assert.match(run.out(), /\n {2}!! {2}folder +cannot be served\n +→ .*no such file/);
    assert.equal(run.err(), '');
  });

  test('refuses a flag that it does not have', async () => {
    const run = start(['doctor', '--fix']);
    assert.equal(await run.code, 2);
  });

  test('says that a port is taken', async () => {
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    const [taken] = await networkFindings(address.port);
    assert.deepEqual([taken?.state, taken?.value], ['missing', 'in use by another program']);
    await new Promise((resolve) => other.close(resolve));
    const [free] = await networkFindings(address.port);
    assert.equal(free?.state, 'ok');
  });
});
