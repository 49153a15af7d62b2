/**
 * The classes of abuse, and where each is tried. A class is a letter and a number, with which the names of its tests, or of the suite
 * around them, begin.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';

/** What each class is, in the words of its test. */
const classes: Readonly<Record<string, string>> = {
  A1: 'memory by the length that a frame claims',
  A2: 'frames that come slowly',
  A3: 'connections that say nothing',
  A4: 'many connections',
  A5: 'frames of another kind',
  A6: 'messages cut short',
  A7: 'switching protocols',
  A8: 'a second NEGOTIATE',
  A9: 'wrong negotiate contexts',
  A10: 'commands before their time',
  A11: 'logons that are not finished',
  A12: 'answers that are not taken',
  A13: 'SPNEGO and ASN.1',
  A14: 'many failed logons',
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
  E1: 'sizes of compressed messages',
  E2: 'compressed messages that are too short inside',
  E3: 'compression bombs',
  E4: 'bounds of the decoders',
  E5: 'compression that was not agreed on',
  F1: 'NextCommand',
  F2: 'related elements',
  F3: 'compounds that end what their later elements need',
  F4: 'large answers to small compounds',
  F5: 'credits',
  F6: 'many requests that wait',
  F7: 'ending what waits',
  F8: 'offsets and lengths of every command',
  G1: 'names that lead elsewhere',
  G2: 'symbolic links',
  G3: 'races with symbolic links',
  G4: 'the root of a share',
  G5: 'changes through a read-only share or handle',
  G6: 'dispositions that change',
  G7: 'the maximum of access',
  G8: 'wrong security descriptors',
  G9: 'empty and null lists of access',
  G10: 'handles of others',
  G11: 'reclaiming what is not one’s own',
  G12: 'hoarding durable opens',
  G13: 'breaks that nobody answers',
  G14: 'byte-range locks',
  G15: 'the server’s own metadata',
  G16: 'lists of extended attributes',
  G17: 'searching directories',
  G18: 'leftovers in buffers',
  G19: 'numbers of 64 bits',
  G20: 'FIFOs, sockets and devices',
  G21: 'renaming and linking onto others',
  G22: 'change notification without the right to list',
  G23: 'pipes and calls',
  G24: 'control codes',
  H1: 'errors of the store',
  H2: 'being cut off in the middle of writing',
  H3: 'no room for the server’s own state',
  H4: 'errors that nobody expects',
  H5: 'names in log lines',
  H6: 'the control plane',
  H7: 'settings changed under load',
  H8: 'clocks that step',
  N1: 'short tags',
  N2: 'names of prototypes',
  N3: 'buffers used again too early',
  N4: 'a directory that stalls everybody',
};

/** Classes that are tried outside this folder. */
const elsewhere: Readonly<Record<string, { readonly file: string; readonly test: string }>> = {
  H3: {
    file: 'test/control/audit.test.ts',
    test: 'H3 on a full disk keeps what it can in the queue, leaves no piece of a line, and goes on when there is room',
  },
};

/** Classes of which there is nothing here that could be tried, with the reason. */
const withoutObject: Readonly<Record<string, string>> = {
  E4: 'no message is compressed, so there is no decoder; E1 to E3 show that nothing compressed is looked into',
};

const root = resolve(import.meta.dirname, '../..');
const tests = globSync('test/abuse/*.test.ts', { cwd: root }).map((file) =>
  readFileSync(join(root, file), 'utf8'),
);
const isTried = (name: string): boolean =>
  tests.some((text) => new RegExp(`\\b(?:it|describe)\\(\\s*['\`]${name}[ :]|'${name}: `).test(text));

describe('every class of abuse', () => {
  for (const [name, what] of Object.entries(classes)) {
    it(`is tried in one place, or there is a reason why not: ${name}, ${what}`, () => {
      const place = elsewhere[name];
      const places = [isTried(name), place !== undefined, withoutObject[name] !== undefined];
      assert.equal(places.filter(Boolean).length, 1);
      if (place === undefined) return;
      assert.ok(existsSync(join(root, place.file)));
      assert.ok(readFileSync(join(root, place.file), 'utf8').includes(`('${place.test}'`));
    });
  }

  it('that is named elsewhere or without an object is one of them', () => {
    for (const name of [...Object.keys(elsewhere), ...Object.keys(withoutObject)])
      assert.ok(name in classes, name);
  });
});
