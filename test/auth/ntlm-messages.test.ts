import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { upperCase } from '../../src/auth/ntlm/ntlmv2.ts';
import { ntlmClient, ntlmServer } from './fixtures.ts';
import { logOn, refused } from './ntlm-logon.ts';

const withoutMic = { sendsMic: false };

describe('bytes that are no NTLM message', () => {
  it('are refused, whatever they are', async () => {
    const attempt = async (first: Buffer, second?: Buffer) => {
      const server = ntlmServer().begin();
      const step = await server.step(first);
      assert.ok(step.kind === 'continue');
      return second === undefined ? step : server.step(second);
    };
    const client = ntlmClient('alice', 'Secret.1');
    for (const type of [0, 2, 3, 4, 0xffff_ffff]) {
      const wrong = Buffer.from(client.negotiateMessage);
      wrong.writeUInt32LE(type, 8);
      await refused(attempt(wrong), `type ${type} first`);
      await refused(attempt(client.negotiateMessage, wrong), `type ${type} second`);
    }
    await refused(attempt(client.negotiateMessage, client.negotiateMessage));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), async (noise) => {
        const head = Buffer.concat([Buffer.from('NTLMSSP\0\x03\0\0\0', 'latin1'), Buffer.from(noise)]);
        await refused(attempt(Buffer.from(noise)));
        await refused(attempt(client.negotiateMessage, head));
      }),
      { numRuns: 200 },
    );
  });

  it('include every truncation of a right one', async () => {
    const size = (await sizeOfAuthenticate()) - 1;
    for (let length = 0; length <= size; length++) {
      const cut = (bytes: Buffer) => bytes.subarray(0, length);
      await refused(logOn(ntlmClient('alice', 'Secret.1', withoutMic), {}, cut), `${length} bytes`);
    }
  });

  it('include payloads that overlap each other, the header, or the end', async () => {
    const place = (field: number, offset: number) => (bytes: Buffer) => {
      bytes.writeUInt32LE(offset >>> 0, field + 4);
      return bytes;
    };
    const fields = { lm: 12, nt: 20, domain: 28, user: 36, key: 52 };
    for (const [name, field] of Object.entries(fields)) {
      for (const offset of [0, 32, 60, 100, 0x7fff_ffff, 0xffff_fff0]) {
        const client = ntlmClient('alice', 'Secret.1', { domain: 'D', ...withoutMic });
        await refused(logOn(client, {}, place(field, offset)), `${name} at ${offset}`);
      }
    }
  });
});

async function sizeOfAuthenticate(): Promise<number> {
  let size = 0;
  await logOn(ntlmClient('alice', 'Secret.1', withoutMic), {}, (bytes) => {
    size = bytes.length;
    return bytes;
  });
  return size;
}

describe('upper case', () => {
  it('keeps what would become longer and does not depend on the locale', () => {
    assert.equal(upperCase('straße'), 'STRAßE');
    assert.equal(upperCase('iı'), 'II');
    assert.equal(upperCase('äéø'), 'ÄÉØ');
    assert.equal(upperCase('\ud800x'), '\ud800X');
  });
});
