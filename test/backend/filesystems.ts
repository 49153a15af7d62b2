/**
 * Runs the tests of the local store and the exchange with Samba on each file system that this machine can make, in images
 * that are mounted for it. Only root may; `npm run test:filesystems`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IMAGE_BYTES = 2 * 1024 * 1024 * 1024;
const tests = [
  'test/backend/local.test.ts',
  'test/backend/metadata-local.test.ts',
  'test/backend/differential.test.ts',
  'test/backend/posix-permissions.test.ts',
  'test/backend/quota.test.ts',
  'test/vfs/object-id.test.ts',
  'test/interop/samba-exchange.test.ts',
];

/** What makes each file system in a file; tmpfs needs none. */
const makers: Readonly<Record<string, readonly string[]>> = {
  tmpfs: [],
  ext4: ['mkfs.ext4', '-q'],
  xfs: ['mkfs.xfs', '-q'],
  btrfs: ['mkfs.btrfs', '-q'],
};

/** Mounts a new file system at `place`; false when this machine cannot make it. */
function mounted(kind: string, image: string, place: string): boolean {
  const [maker, ...options] = makers[kind] ?? [];
  if (maker === undefined) {
    execFileSync('mount', ['-t', kind, kind, place]);
    return true;
  }
  if (spawnSync('which', [maker]).status !== 0) return false;
  writeFileSync(image, '');
  truncateSync(image, IMAGE_BYTES);
  execFileSync(maker, [...options, image], { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('mount', ['-o', 'loop', image, place]);
  return true;
}

function testedOn(kind: string): string {
  const base = mkdtempSync(join(tmpdir(), 'smbkit-filesystem-'));
  const place = join(base, 'mounted');
  mkdirSync(place);
  try {
    if (!mounted(kind, join(base, 'image'), place)) return 'left out: it cannot be made here';
    try {
      chmodSync(base, 0o755);
      chmodSync(place, 0o777);
      const env = { ...process.env, TMPDIR: place };
      const { status } = spawnSync(process.execPath, ['--test', ...tests], { env, stdio: 'inherit' });
      return status === 0 ? 'passed' : 'failed';
    } finally {
      execFileSync('umount', [place]);
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

const outcomes = Object.keys(makers).map((kind) => [kind, testedOn(kind)] as const);
for (const [kind, outcome] of outcomes) process.stdout.write(`${kind}: ${outcome}\n`);
if (outcomes.some(([, outcome]) => outcome === 'failed')) process.exitCode = 1;
