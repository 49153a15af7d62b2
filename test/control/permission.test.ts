import assert from 'node:assert/strict';
import { it } from 'node:test';
import { accessOf, type Permissions, type Subject } from '../../src/control/permission.ts';

const user = (name: string, ...groups: string[]): Subject => ({ kind: 'user', name, groups });
const guest: Subject = { kind: 'guest', name: 'whoever', groups: [] };
const anonymous: Subject = { kind: 'anonymous', name: '', groups: [] };

const permissions: Permissions = {
  default: 'read',
  users: { Anna: 'read-write', ben: 'none' },
  groups: { staff: 'read-write', interns: 'read', banned: 'none' },
};

/** What is asked, by whom, and the answer. */
const cases: readonly (readonly [text: string, subject: Subject, expected: string, rules?: Permissions])[] = [
  ['an account that is named gets what is said of it, without regard to case', user('ANNA'), 'read-write'],
  ['what is said of an account goes before its groups', user('ben', 'staff'), 'none'],
  ['of several groups the most generous counts', user('carl', 'interns', 'staff'), 'read-write'],
  ['a group that is refused wins over the others', user('carl', 'staff', 'banned'), 'none'],
  ['group names are compared without regard to case', user('carl', 'STAFF'), 'read-write'],
  ['everybody else gets the default', user('dora', 'others'), 'read'],
  [
    'a guest reads where the default allows anything',
    guest,
    'read',
    { ...permissions, default: 'read-write' },
  ],
  ['a guest gets nothing where the default is none', guest, 'none', { ...permissions, default: 'none' }],
  [
    'a guest writes where it is said',
    guest,
    'read-write',
    { ...permissions, users: { guest: 'read-write' } },
  ],
  ['a guest is not the account whose name it gives', { ...guest, name: 'anna' }, 'read'],
  ['nobody reads files without a name', anonymous, 'none', { ...permissions, default: 'read-write' }],
];

for (const [text, subject, expected, rules] of cases) {
  it(text, () => assert.equal(accessOf(rules ?? permissions, subject), expected));
}
