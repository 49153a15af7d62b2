/**
 * The classes of abuse of authentication, channels and protection, and where each is tried. A class is a letter and a number, with
 * which the names of its tests begin.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';

/** What each class is, in the words of its test. */
const classes: Readonly<Record<string, string>> = {
  B1: 'a key from a response that was not verified',
  B2: 'NTLM messages with short, long and overlapping fields',
  B3: 'a dropped MIC, edited flags',
  B4: 'LM, NTLMv1, NTLMv1 with extended session security',
  B5: 'anonymous or guest by accident',
  B6: 'a session key of zeros, or none',
  B7: 'guessing in parallel',
  B8: 'telling known users from unknown ones',
  B9: 'PreviousSessionId of somebody else',
  B10: 're-authentication as somebody else, half-way, after expiry',
  B11: 'Kerberos tickets',
  B12: 'relayed logons',
  B13: 'guessed and foreign session ids',
  B14: 'setup, logoff and close at once',
  B15: 'rights taken away while files are open',
  C1: 'binding with other dialect, algorithms, client',
  C2: 'binding as another user',
  C3: 'a failed binding that hurts the session',
  C4: 'binding with another cipher',
  C5: 'binding to a guest',
  C6: 'use of a channel before it is bound',
  C7: 'a channel that is torn down',
  D1: 'unsigned requests where signing is demanded',
  D2: 'forged signatures',
  D3: 'a signed NEGOTIATE',
  D4: 'the nonce of AES-GMAC twice',
  D5: 'malformed transform headers',
  D6: 'a seal of one session around requests of another',
  D7: 'plaintext where encryption is required',
  D8: 'the nonce of a cipher twice',
  D9: 'a message replayed',
  D10: 'an edited negotiation',
  D11: 'keys in logs and memory',
  D12: 'a cipher that fails',
};

/** Classes that are tried outside this folder. */
const elsewhere: Readonly<Record<string, { readonly file: string; readonly test: string }>> = {
  D8: { file: 'test/server/session-nonces.test.ts', test: 'no nonce is used twice with a key' },
};

/** Classes that nothing can be tried of yet, with the reason. */
const later: Readonly<Record<string, string>> = {
  B11: 'there is no Kerberos acceptor',
  B15: 'accounts and rights cannot be changed on a running server',
};

const root = resolve(import.meta.dirname, '../..');
const tests = globSync('test/abuse/*.test.ts', { cwd: root }).map((file) =>
  readFileSync(join(root, file), 'utf8'),
);
const isTried = (name: string): boolean =>
  tests.some((text) => new RegExp(`\\bit\\(\\s*['\`]${name} `).test(text));

describe('every class of abuse', () => {
  for (const [name, what] of Object.entries(classes)) {
    it(`is tried in one place, or there is a reason why not: ${name}, ${what}`, () => {
      const place = elsewhere[name];
      const places = [isTried(name), place !== undefined, later[name] !== undefined];
      assert.equal(places.filter(Boolean).length, 1);
      if (place === undefined) return;
      assert.ok(existsSync(join(root, place.file)));
      assert.ok(readFileSync(join(root, place.file), 'utf8').includes(`it('${place.test}'`));
    });
  }

  it('that is named elsewhere or later is one of them', () => {
    for (const name of [...Object.keys(elsewhere), ...Object.keys(later)]) assert.ok(name in classes, name);
  });
});
