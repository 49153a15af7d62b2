import assert from 'node:assert/strict';
import test from 'node:test';
import { type Sharer, violatesSharing } from '../../src/fs/sharing.ts';
import { AccessMask, ShareAccess } from '../../src/wire/flags.ts';

const rights = [
  { mask: AccessMask.FILE_READ_DATA, share: ShareAccess.READ },
  { mask: AccessMask.FILE_EXECUTE, share: ShareAccess.READ },
  { mask: AccessMask.FILE_WRITE_DATA, share: ShareAccess.WRITE },
  { mask: AccessMask.FILE_APPEND_DATA, share: ShareAccess.WRITE },
  { mask: AccessMask.DELETE, share: ShareAccess.DELETE },
] as const;

function sharer(grantedAccess: number, shareAccess: number, stream = ''): Sharer {
  return { stream, grantedAccess, shareAccess };
}

test('every pair of rights and share modes conflicts exactly when one does not share what the other does', () => {
  for (const left of rights) {
    for (const right of rights) {
      for (let share = 0; share < 64; share++) {
        const a = sharer(left.mask, share & 7);
        const b = sharer(right.mask, share >> 3);
        const isAllowed = (a.shareAccess & right.share) !== 0 && (b.shareAccess & left.share) !== 0;
        assert.equal(violatesSharing(a, b), !isAllowed);
      }
    }
  }
});

test('an open of attributes only conflicts with nobody', () => {
  const stat = sharer(AccessMask.FILE_READ_ATTRIBUTES | AccessMask.READ_CONTROL, 0);
  assert.ok(!violatesSharing(stat, sharer(AccessMask.FILE_ALL_ACCESS, 0)));
});

test('streams share separately, but a stream that does not share deletion keeps its file', () => {
  const all = AccessMask.FILE_ALL_ACCESS;
  assert.ok(!violatesSharing(sharer(all, 0, 'A'), sharer(all, 0, 'B')));
  assert.ok(!violatesSharing(sharer(AccessMask.FILE_READ_DATA, 0), sharer(all, 0, 'B')));
  assert.ok(violatesSharing(sharer(AccessMask.DELETE, 7), sharer(AccessMask.FILE_READ_DATA, 3, 'B')));
  assert.ok(violatesSharing(sharer(AccessMask.FILE_READ_DATA, 3, 'B'), sharer(AccessMask.DELETE, 7)));
  assert.ok(!violatesSharing(sharer(AccessMask.DELETE, 0), sharer(AccessMask.FILE_READ_DATA, 4, 'B')));
});
