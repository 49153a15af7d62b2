import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { run } from '../../src/cli/run.ts';
import { auditLine, chainStart } from '../../src/control/audit-chain.ts';
import { ntHashOf } from '../../src/control/password.ts';
import { openHash } from '../../src/control/sealed-hash.ts';

async function told(
  words: readonly string[],
  input = '',
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await run({
    words,
    variables: {},
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    outHasColor: false,
    errHasColor: false,
    readInput: async () => Buffer.from(input),
    onSignal: () => () => {},
    exit: () => {},
    timestamp: () => 'now',
    version: '0',
  });
  return { code, out, err };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-security-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('audit verify', () => {
  it('tells the last hash of a whole file, and the first wrong line of another', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'audit.jsonl');
      const first = auditLine({ seq: 1, event: 'logon' }, chainStart);
      const second = auditLine({ seq: 2, event: 'logon' }, first.chain);
      writeFileSync(file, `${first.line}\n${second.line}\n`);
      const whole = await told(['audit', 'verify', file]);
      assert.deepEqual([whole.code, whole.out.includes(second.chain)], [0, true]);
      writeFileSync(file, `${first.line.replace('logon', 'logoff')}\n${second.line}\n`);
      const broken = await told(['audit', 'verify', file, '--json']);
      assert.equal(broken.code, 1);
      assert.deepEqual([JSON.parse(broken.out).ok, JSON.parse(broken.out).wrongLine], [false, 1]);
      assert.equal((await told(['audit', 'verify'])).code, 2);
    }));
});

describe('user seal', () => {
  it('prints what opens with the key, and takes the password from standard input', () =>
    inFolder(async (folder) => {
      const keyFile = join(folder, 'key');
      writeFileSync(keyFile, 'ab'.repeat(32), { mode: 0o600 });
      const { code, out } = await told(['user', 'seal', 'ann', '--key-file', keyFile], 'Secret.1\n');
      assert.equal(code, 0);
      assert.deepEqual(openHash(out.trim(), 'ann', Buffer.alloc(32, 0xab)), ntHashOf('Secret.1'));
      assert.equal((await told(['user', 'seal', 'ann'], 'x\n')).code, 2);
      assert.equal((await told(['user', 'seal', 'ann', '--key-file', join(folder, 'none')], 'x\n')).code, 2);
    }));
});
