/**
 * What the tests of authentication share.
 */
import type { Account, UserStore } from '../../src/auth/identity.ts';
import { createNtlm, type NtlmOptions } from '../../src/auth/ntlm/acceptor.ts';
import { ntHashOf } from '../../src/auth/ntlm/ntlmv2.ts';
import type { Clock, FileTime } from '../../src/base/clock.ts';
import type { Entropy } from '../../src/base/entropy.ts';
import { NtlmClient, type NtlmClientOptions } from '../../src/testing/ntlm-client.ts';

/** Entropy that gives out the buffers in their order, and then a counter. */
export function scriptedEntropy(...script: readonly Buffer[]): Entropy {
  let calls = 0;
  return {
    fill(target) {
      const given = script[calls++];
      target.fill(calls);
      if (given !== undefined) target.set(given);
      return target;
    },
  };
}

/** A clock that stands still. */
export function clockAt(now: FileTime): Clock {
  return { now: () => now, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) };
}

export const serverNames = {
  netbiosComputer: 'SERVER',
  netbiosDomain: 'SERVER',
  dnsComputer: 'server.example',
  dnsDomain: 'example',
};

export function account(name: string, password: string, more: Partial<Account> = {}): Account {
  return {
    name,
    domain: 'SERVER',
    ntHash: ntHashOf(password),
    sid: 'S-1-5-21-1-2-3-1001',
    groups: ['S-1-5-32-545'],
    isDisabled: false,
    ...more,
  };
}

/** A store of `accounts`, each given out as a copy; the hashes that were given out are kept for inspection. */
export function storeOf(...accounts: readonly Account[]): UserStore & { readonly lent: Buffer[] } {
  const lent: Buffer[] = [];
  return {
    lent,
    lookup(name) {
      const found = accounts.find((row) => row.name.toLowerCase() === name.toLowerCase());
      if (found?.ntHash === undefined) return found;
      const ntHash = Buffer.from(found.ntHash);
      lent.push(ntHash);
      return { ...found, ntHash };
    },
  };
}

export const users = storeOf(
  account('alice', 'Secret.1'),
  account('disabled', 'Secret.1', { isDisabled: true }),
  account('nohash', 'x', { ntHash: undefined }),
  account('ünïcødé', 'pässwörd'),
);

export function ntlmServer(more: Partial<NtlmOptions> = {}) {
  return createNtlm({
    users,
    names: serverNames,
    clock: clockAt(132_000_000_000_000_000n),
    entropy: scriptedEntropy(),
    ...more,
  });
}

export function ntlmClient(
  user: string,
  password: string,
  more: Partial<NtlmClientOptions> & { domain?: string } = {},
) {
  const { domain, ...options } = more;
  const credentials = { user, password, ...(domain !== undefined && { domain }) };
  return new NtlmClient({ credentials, entropy: scriptedEntropy(), ...options });
}
