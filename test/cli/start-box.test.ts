import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectLines } from '../../src/cli/connect-lines.ts';
import { type StartInfo, startBox } from '../../src/cli/start-box.ts';

const target = { host: '192.168.1.5', port: 1445, share: 'files', user: 'anna' };
const linesOf = (change: Partial<typeof target>) => new Map(connectLines({ ...target, ...change }));

describe('the line to paste', () => {
  it('names the port on every system', () => {
    assert.deepEqual(connectLines(target), [
      ['Windows', 'net use Z: \\\\192.168.1.5\\files /TCPPORT:1445 /USER:anna'],
      ['macOS', 'open smb://anna@192.168.1.5:1445/files'],
      ['Linux', 'sudo mount -t cifs //192.168.1.5/files /mnt -o port=1445,username=anna'],
      ['smbclient', 'smbclient //192.168.1.5/files -p 1445 -U anna'],
    ]);
  });

  it('leaves out port 445', () => {
    assert.deepEqual(connectLines({ ...target, port: 445 }), [
      ['Windows', 'net use Z: \\\\192.168.1.5\\files /USER:anna'],
      ['macOS', 'open smb://anna@192.168.1.5/files'],
      ['Linux', 'sudo mount -t cifs //192.168.1.5/files /mnt -o username=anna'],
      ['smbclient', 'smbclient //192.168.1.5/files -U anna'],
    ]);
  });

  it('quotes names as each system wants it', () => {
    const lines = linesOf({ share: "Anna's files", user: 'anna b' });
    assert.equal(
      lines.get('Windows'),
      'net use Z: "\\\\192.168.1.5\\Anna\'s files" /TCPPORT:1445 /USER:"anna b"',
    );
    assert.equal(lines.get('macOS'), "open 'smb://anna%20b@192.168.1.5:1445/Anna'\\''s%20files'");
    assert.equal(lines.get('smbclient'), "smbclient '//192.168.1.5/Anna'\\''s files' -p 1445 -U 'anna b'");
  });

  it('writes IPv6 addresses as each system wants it', () => {
    const lines = linesOf({ host: 'fd00::1' });
    assert.match(lines.get('Windows') ?? '', /\\\\fd00--1\.ipv6-literal\.net\\files/);
    assert.match(lines.get('macOS') ?? '', /smb:\/\/anna@\[fd00::1\]:1445\/files/);
  });

  it('lets no share name run a command', () => {
    for (const share of ['$(reboot)', '`reboot`', 'a&b', 'a b', '!x']) {
      const line = linesOf({ share }).get('Linux') ?? '';
      assert.ok(line.includes(`'//192.168.1.5/${share}'`), line);
    }
  });
});

const info: StartInfo = {
  version: '1.2.3',
  host: '127.0.0.1',
  port: 1445,
  networkAddresses: [],
  shares: [
    { name: 'docs', source: '/srv/docs', isReadOnly: false },
    { name: 'pics', source: '/srv/pics', isReadOnly: true },
  ],
  user: 'smbkit',
  password: 'aaaa-bbbb-cccc-dddd',
  userCount: 0,
  hasColor: false,
};

describe('the box', () => {
  it('shows address, shares, user and the generated password', () => {
    const text = startBox(info);
    for (const part of [
      'smb://127.0.0.1:1445/docs',
      '/srv/docs',
      '/srv/pics (read-only)',
      'smbkit',
      'aaaa-bbbb-cccc-dddd',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.match(text, /this machine only; --lan opens it/);
  });

  it('has straight edges', () => {
    const box = startBox(info)
      .split('\n')
      .filter((line) => /^[┌│└]/.test(line));
    assert.equal(new Set(box.map((line) => [...line].length)).size, 1);
  });

  it('shows the network addresses when it is open to the network', () => {
    const text = startBox({ ...info, host: '0.0.0.0', networkAddresses: ['192.168.1.5'] });
    assert.match(text, /Local +smb:\/\/127\.0\.0\.1:1445/);
    assert.match(text, /Network +smb:\/\/192\.168\.1\.5:1445/);
    assert.match(text, /net use Z: \\\\192\.168\.1\.5\\docs/);
    assert.doesNotMatch(text, /this machine only/);
  });

  it('warns that older Windows knows port 445 only, unless that is the port', () => {
    assert.match(startBox(info), /Windows before 11 24H2 can use port 445 only/);
    assert.doesNotMatch(startBox({ ...info, port: 445 }), /24H2/);
  });

  it('shows no password that was not generated now', () => {
    assert.doesNotMatch(startBox({ ...info, password: undefined }), /Password/);
    assert.match(
      startBox({ ...info, password: undefined, keptIn: '/var/lib/smbkit' }),
      /as before \(kept in/,
    );
  });

  it('writes no control characters of names to the terminal', () => {
    const shares = [{ name: 'a', source: '/srv/\u001b[2J', isReadOnly: false }];
    assert.ok(!startBox({ ...info, shares }).includes('\u001b'));
  });
});
