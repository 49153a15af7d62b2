import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AccountStore, type LocalAccount } from '../../src/control/accounts.ts';
import { SidNameUse } from '../../src/rpc/accounts.ts';
import { WellKnownSid } from '../../src/wire/dtyp/sid.ts';

const account = (name: string, ...groups: string[]): LocalAccount => ({
  name,
  ntHash: Buffer.alloc(16, 1),
  groups,
  isDisabled: false,
});

describe('the accounts as file dialogs see them', () => {
  const store = new AccountStore('SERVER', [
    account('Anna', 'Staff'),
    account('ben', 'staff', 'Administrators'),
  ]);

  it('are users and groups of the server, found by name without regard to case', () => {
    const anna = store.accountOfName('ANNA');
    assert.equal(anna?.name, 'Anna');
    assert.equal(anna?.domainName, 'SERVER');
    assert.equal(anna?.use, SidNameUse.USER);
    assert.equal(store.accountOfName('staff')?.use, SidNameUse.ALIAS);
    assert.equal(store.accountOfName('carl'), undefined);
  });

  it('are found by the SIDs that sessions carry', () => {
    const anna = store.lookup('anna');
    assert.equal(store.accountOfSid(anna?.sid ?? '')?.name, 'Anna');
    assert.equal(store.accountOfSid(anna?.groups[0] ?? '')?.name, 'Staff');
    assert.ok(anna?.sid.startsWith(`${store.machineSid}-`));
    assert.equal(store.accountOfSid('S-1-5-21-1-2-3-4'), undefined);
  });

  it('have one SID for a group however its name is written', () => {
    assert.equal(store.lookup('anna')?.groups[0], store.lookup('ben')?.groups[0]);
  });

  it('count members of the group "administrators" among the administrators', () => {
    assert.ok(store.lookup('ben')?.groups.includes(WellKnownSid.BUILTIN_ADMINISTRATORS));
    assert.ok(!store.lookup('anna')?.groups.includes(WellKnownSid.BUILTIN_ADMINISTRATORS));
  });
});
