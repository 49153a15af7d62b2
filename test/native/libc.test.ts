import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { EntryType, visitEntries } from '../../src/native/dirent.ts';
import { libcOrAbsence, loadLibc } from '../../src/native/libc.ts';
import { O_PATH } from '../../src/native/names.ts';
import { StatxRecord } from '../../src/native/stat.ts';
import { waitsInLittle } from './waiting.ts';

const { O_RDONLY, O_RDWR, O_CREAT } = fs.constants;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-native-'));
const directory = fs.openSync(folder, O_PATH);
after(() => {
  fs.closeSync(directory);
  fs.rmSync(folder, { recursive: true });
});

const newFile = (name: string, content: string | Buffer = ''): string => {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
};

const opened = <T>(file: string, use: (fd: number) => T): T => {
  const fd = fs.openSync(file, 'r+');
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
};

const libc = loadLibc();

test('there are native calls on Linux with koffi, and none when they are switched off', () => {
  const absence = libcOrAbsence();
  if (process.env['SMBKIT_NATIVE'] === 'off') assert.equal(absence, 'switched off');
  else assert.equal(typeof absence, 'object');
});

describe('extended attributes', () => {
  const { xattr } = libc ?? {};
  if (xattr === undefined) return;
  const file = newFile('attributes');
  const paths = `/proc/self/fd/${directory}/attributes`;

  for (const [kind, use] of [
    ['a descriptor', <T>(call: (target: number | string | Buffer) => T): T => opened(file, call)],
    ['a path', <T>(call: (target: number | string | Buffer) => T): T => call(paths)],
    ['a path of bytes', <T>(call: (target: number | string | Buffer) => T): T => call(Buffer.from(paths))],
  ] as const) {
    test(`are written, read, listed and removed by ${kind}`, () => {
      use((target) => {
        assert.equal(xattr.read(target, 'user.a'), undefined);
        xattr.write(target, 'user.a', Buffer.from([0, 1, 255]));
        xattr.write(target, Buffer.from([...Buffer.from('user.'), 0xe4]), Buffer.alloc(0));
        assert.deepEqual(xattr.read(target, 'user.a'), Buffer.from([0, 1, 255]));
        assert.deepEqual(xattr.list(target).sort(), ['user.a', 'user.ä']);
        assert.equal(xattr.read(target, Buffer.from('user.\xe4', 'latin1'))?.length, 0);
        assert.equal(xattr.remove(target, Buffer.from('user.\xe4', 'latin1')), true);
        assert.equal(xattr.remove(target, 'user.a'), true);
        assert.equal(xattr.remove(target, 'user.a'), false);
        assert.deepEqual(xattr.list(target), []);
      });
    });
  }

  test('work in the thread pool, many at a time', async () => {
    await xattr.writeLater(paths, 'user.later', Buffer.from('value'));
    const values = await Promise.all(Array.from({ length: 500 }, () => xattr.readLater(paths, 'user.later')));
    assert.deepEqual(new Set(values.map(String)), new Set(['value']));
    assert.deepEqual(await xattr.listLater(paths), ['user.later']);
    assert.equal(await xattr.removeLater(paths, 'user.later'), true);
    assert.equal(await xattr.removeLater(paths, 'user.later'), false);
    assert.equal(await xattr.readLater(paths, 'user.later'), undefined);
    await assert.rejects(xattr.readLater('/no-such/file', 'user.a'), { code: 'ENOENT' });
  });

  test('take little memory while they wait for the thread pool', async () => {
    xattr.write(paths, 'user.waits', Buffer.from('value'));
    await waitsInLittle(
      () => xattr.readLater(paths, 'user.waits'),
      () => xattr.listLater(paths),
    );
    xattr.remove(paths, 'user.waits');
  });

  test('are read whole, however long', async () => {
    for (const sizeBytes of [0, 1, 1023, 1024, 1025, 3000]) {
      const value = Buffer.alloc(sizeBytes, sizeBytes);
      xattr.write(paths, 'user.long', value);
      assert.deepEqual(xattr.read(paths, 'user.long'), value);
      assert.deepEqual(await xattr.readLater(paths, 'user.long'), value);
    }
    xattr.remove(paths, 'user.long');
    const many = Array.from({ length: 20 }, (_, index) => `user.${index}`.padEnd(100, 'x')).sort();
    for (const name of many) xattr.write(paths, name, Buffer.alloc(0));
    assert.deepEqual(xattr.list(paths).sort(), many);
    assert.deepEqual((await xattr.listLater(paths)).sort(), many);
    for (const name of many) xattr.remove(paths, name);
  });

  test('keep their value when they must not exist, and stay away when they must', () => {
    xattr.write(paths, 'user.kept', Buffer.from('1'), 'create');
    assert.throws(() => xattr.write(paths, 'user.kept', Buffer.from('2'), 'create'), { code: 'EEXIST' });
    xattr.write(paths, 'user.kept', Buffer.from('3'), 'replace');
    assert.equal(String(xattr.read(paths, 'user.kept')), '3');
    assert.throws(() => xattr.write(paths, 'user.none', Buffer.from('2'), 'replace'), { code: 'ENODATA' });
  });

  test('of a symbolic link are those of what it leads to, or of the link', () => {
    fs.symlinkSync('attributes', path.join(folder, 'link'));
    const link = `/proc/self/fd/${directory}/link`;
    xattr.write(link, 'user.through', Buffer.from('x'));
    assert.equal(String(xattr.read(paths, 'user.through')), 'x');
    assert.equal(xattr.link.list(link).includes('user.through'), false);
    assert.throws(() => xattr.link.write(link, 'user.x', Buffer.from('x')), { code: 'EPERM' });
  });

  test('refuse names and paths with a zero, and impossible descriptors', () => {
    assert.throws(() => xattr.read(paths, 'user.a\0b'), { code: 'EINVAL' });
    assert.throws(() => xattr.read(`${paths}\0`, 'user.a'), { code: 'EINVAL' });
    assert.throws(() => xattr.write(Buffer.from(`${paths}\0`), 'user.a', Buffer.alloc(1)), {
      code: 'EINVAL',
    });
    for (const fd of [-1, 0.5, Number.NaN, 2 ** 31, 2 ** 32]) {
      assert.throws(() => xattr.read(fd, 'user.a'), { code: 'EBADF' });
    }
  });
});

describe('statx', () => {
  const { statx } = libc ?? {};
  if (statx === undefined) return;
  const record = new StatxRecord();

  test('tells what fstat tells, by name and of the directory itself, without following links', async () => {
    const file = newFile('stated', Buffer.alloc(10_000));
    fs.symlinkSync('stated', path.join(folder, 'to-stated'));
    for (const [name, expected] of [
      ['stated', fs.lstatSync(file, { bigint: true })],
      ['to-stated', fs.lstatSync(path.join(folder, 'to-stated'), { bigint: true })],
      ['', fs.lstatSync(folder, { bigint: true })],
    ] as const) {
      for (const call of [statx, statx.later]) {
        record.bytes.fill(0xff);
        await call(directory, name, record);
        const { dev, ino, size, blocks, atimeNs, mtimeNs, ctimeNs, birthtimeNs } = record;
        const told = { dev, ino, size, blocks, atimeNs, mtimeNs, ctimeNs, birthtimeNs };
        for (const [key, value] of Object.entries(told)) assert.equal(value, Reflect.get(expected, key), key);
        assert.equal(BigInt(record.mode), expected.mode);
        assert.equal(BigInt(record.nlink), expected.nlink);
        assert.deepEqual([BigInt(record.uid), BigInt(record.gid)], [expected.uid, expected.gid]);
        assert.equal(record.isFile(), expected.isFile());
        assert.equal(record.isDirectory(), expected.isDirectory());
        assert.equal(record.isSymbolicLink(), expected.isSymbolicLink());
      }
    }
  });

  test('tells mounts apart', () => {
    const proc = fs.openSync('/proc', O_PATH);
    statx(proc, '', record);
    const { mountId, isMountRoot, dev } = record;
    fs.closeSync(proc);
    statx(directory, '', record);
    assert.notEqual(record.mountId, mountId);
    assert.notEqual(record.dev, dev);
    assert.equal(isMountRoot, true);
  });

  test('says what is missing', async () => {
    assert.throws(() => statx(directory, 'none', record), { code: 'ENOENT', syscall: 'statx' });
    await assert.rejects(statx.later(directory, 'none', record), { code: 'ENOENT' });
  });
});

describe('entries of a directory', () => {
  const { readEntries } = libc ?? {};
  if (readEntries === undefined) return;

  test('come back as bytes, with type and inode, over several calls', async () => {
    const listed = fs.mkdtempSync(path.join(folder, 'listed-'));
    const expected = Array.from({ length: 500 }, (_, index) => `name ${index} ä`.padEnd(60, 'x'));
    for (const name of expected) fs.writeFileSync(path.join(listed, name), '');
    fs.mkdirSync(Buffer.concat([Buffer.from(`${listed}/`), Buffer.from([0xff, 0xfe])]));
    for (const call of [readEntries, readEntries.later]) {
      const fd = fs.openSync(listed, O_RDONLY);
      const buffer = Buffer.alloc(8192);
      const found = new Map<string, number>();
      for (;;) {
        const sizeBytes = await call(fd, buffer);
        if (sizeBytes === 0) break;
        visitEntries(buffer, sizeBytes, (name, type) => found.set(name, type));
      }
      fs.closeSync(fd);
      assert.equal(found.get('\xff\xfe'), EntryType.DIRECTORY);
      found.delete('\xff\xfe');
      const names = [...found.keys()].map((name) => Buffer.from(name, 'latin1').toString());
      assert.deepEqual(names.sort(), expected.sort());
      assert.deepEqual(new Set(found.values()), new Set([EntryType.FILE]));
    }
  });

  test('a list that is cut short is refused', () => {
    const entry = Buffer.alloc(32);
    entry.writeUInt16LE(40, 16);
    assert.throws(() => visitEntries(entry, 32, () => assert.fail()), RangeError);
    entry.writeUInt16LE(0, 16);
    assert.throws(() => visitEntries(entry, 32, () => assert.fail()), RangeError);
  });
});

describe('opening below a directory', () => {
  const openAt = libc?.openAt;
  if (openAt === undefined) return;

  test('makes and opens files, which programs that are started do not inherit', async () => {
    const fd = openAt(directory, 'made', O_RDWR | O_CREAT, 0o600);
    assert.equal(fs.fstatSync(fd).mode & 0o777, 0o600);
    assert.match(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), /flags:\s+0?2\d{6}/);
    fs.closeSync(fd);
    fs.closeSync(await openAt.later(directory, 'made', O_RDONLY));
    await assert.rejects(openAt.later(directory, 'none', O_RDONLY), { code: 'ENOENT' });
  });
});

describe('renaming', () => {
  const rename = libc?.renameAt2;
  if (rename === undefined) return;
  test('replaces, never replaces, or exchanges', async () => {
    newFile('one', '1');
    newFile('two', '2');
    const [one, two, three] = ['one', 'two', 'three'].map((name) => ({ directory, name }));
    assert.ok(one && two && three);
    assert.throws(() => rename(one, two, 'noReplace'), { code: 'EEXIST' });
    await assert.rejects(rename.later(one, two, 'noReplace'), { code: 'EEXIST' });
    rename(one, two, 'exchange');
    assert.equal(fs.readFileSync(path.join(folder, 'one'), 'utf8'), '2');
    await rename.later(one, three, 'noReplace');
    assert.equal(fs.readFileSync(path.join(folder, 'three'), 'utf8'), '2');
    assert.equal(fs.existsSync(path.join(folder, 'one')), false);
    rename(two, three, 'replace');
    assert.equal(fs.readFileSync(path.join(folder, 'three'), 'utf8'), '1');
    assert.equal(fs.existsSync(path.join(folder, 'two')), false);
  });
});

describe('removing a name', () => {
  const unlinkAt = libc?.unlinkAt;
  if (unlinkAt === undefined) return;
  test('takes a file away, and no directory', async () => {
    newFile('gone', '');
    newFile('later', '');
    fs.mkdirSync(path.join(folder, 'stays'));
    unlinkAt(directory, 'gone');
    await unlinkAt.later(directory, 'later');
    assert.equal(fs.existsSync(path.join(folder, 'gone')), false);
    assert.equal(fs.existsSync(path.join(folder, 'later')), false);
    assert.throws(() => unlinkAt(directory, 'gone'), { code: 'ENOENT' });
    assert.throws(() => unlinkAt(directory, 'stays'), { code: 'EISDIR' });
  });
});

describe('times', () => {
  const setTimes = libc?.setTimes;
  if (setTimes === undefined) return;
  test('are set to the nanosecond, before 1970 too, and stay when absent', async () => {
    const file = newFile('timed');
    const stat = (): fs.BigIntStats => fs.statSync(file, { bigint: true });
    setTimes(directory, 'timed', { accessNs: 1_600_000_000_123_456_789n, writeNs: -1n });
    assert.deepEqual([stat().atimeNs, stat().mtimeNs], [1_600_000_000_123_456_789n, -1n]);
    await setTimes.later(directory, 'timed', { writeNs: 5n });
    assert.deepEqual([stat().atimeNs, stat().mtimeNs], [1_600_000_000_123_456_789n, 5n]);
    const reference = fs.openSync(file, O_PATH);
    setTimes(reference, '', { accessNs: -1_500_000_000n });
    fs.closeSync(reference);
    assert.deepEqual([stat().atimeNs, stat().mtimeNs], [-1_500_000_000n, 5n]);
    assert.throws(() => setTimes(directory, 'timed', { writeNs: 2n ** 100n }), { code: 'EINVAL' });
    assert.throws(() => setTimes(directory, 'none', { writeNs: 1n }), { code: 'ENOENT' });
  });
});

describe('ranges', () => {
  const { holes, search, copies, clones, readNow } = libc ?? {};
  if (!holes || !search || !copies || !clones || !readNow) return;

  test('holes are punched and found, space is allocated and zeroed, beyond 4 GiB', async () => {
    const offset = 2 ** 33;
    const file = newFile('sparse');
    fs.truncateSync(file, offset);
    const fd = fs.openSync(file, 'r+');
    assert.equal(search.nextData(fd, 0), undefined);
    assert.equal(search.nextHole(fd, 0), 0);
    fs.writeSync(fd, Buffer.alloc(131_072, 1), 0, 131_072, offset);
    assert.equal(search.nextData(fd, 5), offset);
    assert.equal(search.nextHole(fd, offset), offset + 131_072);
    assert.equal(search.nextHole(fd, offset + 131_072), undefined);
    holes.punchHole(fd, offset, 65_536);
    assert.equal(search.nextData(fd, 0), offset + 65_536);
    const before = fs.fstatSync(fd).blocks;
    await holes.later.allocate(fd, 0, 1_048_576);
    assert.equal(fs.fstatSync(fd).blocks, before + 2048);
    await holes.later.punchHole(fd, 0, 1_048_576);
    assert.equal(fs.fstatSync(fd).blocks, before);
    assert.equal(fs.fstatSync(fd).size, offset + 131_072);
    fs.closeSync(fd);
  });

  test('offsets that a double does not hold exactly are refused', async () => {
    const file = newFile('offsets', 'abc');
    const fd = fs.openSync(file, 'r+');
    const target = Buffer.alloc(1);
    for (const offset of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      const range = { source: fd, sourceOffset: offset, target: fd, targetOffset: 0, length: 1 };
      assert.throws(() => holes.punchHole(fd, offset, 1), { code: 'EINVAL' });
      assert.throws(() => holes.allocate(fd, 0, offset), { code: 'EINVAL' });
      assert.throws(() => holes.later.zeroRange(fd, offset, 1), { code: 'EINVAL' });
      assert.throws(() => search.nextData(fd, offset), { code: 'EINVAL' });
      assert.throws(() => copies.copyRange(range), { code: 'EINVAL' });
      assert.throws(() => clones.cloneRange(range), { code: 'EINVAL' });
      assert.throws(() => readNow(fd, target, offset), { code: 'EINVAL' });
    }
    fs.closeSync(fd);
  });

  test('copies say how far they came', async () => {
    const source = fs.openSync(newFile('source', 'abcdefgh'), 'r');
    const target = fs.openSync(newFile('target', '--'), 'r+');
    assert.equal(copies.copyRange({ source, sourceOffset: 2, target, targetOffset: 1, length: 3 }), 3);
    const rest = { source, sourceOffset: 6, target, targetOffset: 4, length: 100 };
    assert.equal(await copies.copyRangeLater(rest), 2);
    assert.equal(await copies.copyRangeLater({ ...rest, sourceOffset: 8 }), 0);
    assert.equal(fs.readFileSync(path.join(folder, 'target'), 'utf8'), '-cdegh');
    await assert.rejects(copies.copyRangeLater({ ...rest, target: source }), { code: 'EBADF' });
    fs.closeSync(source);
    fs.closeSync(target);
  });

  test('what is in memory is read at once', () => {
    const fd = fs.openSync(newFile('read', 'abcdef'), 'r+');
    const target = Buffer.from('------');
    try {
      assert.equal(readNow(fd, target.subarray(1, 4), 2), 3);
      assert.equal(target.toString(), '-cde--');
      assert.equal(readNow(fd, target, 5), 1);
      assert.equal(readNow(fd, target, 6), 0);
      assert.equal(readNow(fd, Buffer.alloc(0), 0), 0);
    } catch (error) {
      // A temporary folder on tmpfs: it cannot say.
      assert.equal(Reflect.get(Object(error), 'code'), 'ENOTSUP');
    }
    fs.closeSync(fd);
  });
});
