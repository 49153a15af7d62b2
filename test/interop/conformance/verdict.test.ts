import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notYet, updated } from './expected.ts';
import { allLeaves, matches, planOf, reasonNotToRun, sambaResult } from './facts.ts';
import { verdictIn } from './leaf.ts';

test("smbtorture's verdict lines are read, and output without one is a failure", () => {
  assert.deepEqual(verdictIn('test: a\nsuccess: a\n'), { result: 'pass', message: '' });
  assert.deepEqual(verdictIn('test: a\nskip: a [\n../../source4/torture/smb2/dir.c:1: No\nindex\n]\n'), {
    result: 'skip',
    message: 'smb2/dir.c:1: No index',
  });
  assert.deepEqual(verdictIn('success: a\nfailure: b [\nwrong\n]\n'), { result: 'fail', message: 'wrong' });
  assert.equal(verdictIn('error: a [\nbroken\n]\n').result, 'fail');
  assert.deepEqual(verdictIn('Unable to connect\n'), { result: 'fail', message: 'Unable to connect' });
  assert.equal(verdictIn('').result, 'fail');
});

test('a pattern names a leaf or a suite around it, not a neighbour', () => {
  assert.equal(matches('smb2.read', 'smb2.read.eof.eof'), true);
  assert.equal(matches('smb2.re', 'smb2.read.eof.eof'), false);
  assert.equal(matches('smb2.*.eof', 'smb2.read.eof.eof'), true);
});

test('every leaf either judges, with a result of Samba or a setting of our own, or has a reason', () => {
  const leaves = allLeaves();
  assert.equal(leaves.length, 567);
  const unexplained = leaves.filter(
    (leaf) => reasonNotToRun(leaf) === undefined && sambaResult(leaf) === undefined,
  );
  assert.deepEqual(unexplained, [
    'smb2.change_notify_disabled.notfiy_disabled.notfiy_disabled',
    'smb2.check-sharemode.check-sharemode',
    'smb2.session-require-signing.bug15397.bug15397',
    'smb2.set-sparse-ioctl.set-sparse-ioctl',
    'smb2.twrp.listdir.listdir',
    'smb2.twrp.openroot.openroot',
    'smb2.twrp.stream.stream',
    'smb2.twrp.write.write',
    'smb2.zero-data-ioctl.zero-data-ioctl',
  ]);
});

test('a leaf gets the share, the options and the time that its suite needs', () => {
  const { share, options, limitSeconds } = planOf('smb2.ea.acl_xattr.acl_xattr');
  assert.deepEqual(
    { share, options, limitSeconds },
    { share: 'ea_acl_xattr', options: ['torture:acl_xattr_name=hackme'], limitSeconds: 60 },
  );
  assert.equal(planOf('smb2.oplock.batch1.batch1').limitSeconds, 180);
  assert.equal(planOf('smb2.read.eof.eof').share, 'torture');
});

test('an updated entry keeps its reason as long as the result stays', () => {
  const old = { result: 'fail', reason: 'needs Kerberos', seconds: 0 } as const;
  assert.deepEqual(updated(old, { result: 'fail', seconds: 1, message: 'm' }), old);
  assert.equal(updated(old, { result: 'pass', seconds: 1, message: '' }).reason, '');
  assert.equal(updated(undefined, { result: 'fail', seconds: 1, message: 'm' }).reason, notYet);
  assert.equal(
    updated({ ...old, result: 'timeout' }, { result: 'skip', seconds: 40, message: 'm' }).reason,
    'm',
  );
});
