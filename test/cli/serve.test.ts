import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import os, { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it, mock } from 'node:test';
import { negotiate } from '../control/wire-client.ts';
import { type RunOptions, start } from './fake-surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'smbkit-cli-'));
after(() => rmSync(folder, { recursive: true }));
for (const name of ['docs', 'pics', 'bad=;name', 'sub', 'sub/docs'])
  mkdirSync(join(folder, name), { recursive: true });
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const docs = join(folder, 'docs');

/** Starts the server, asks for the event `listening`, stops it; the run with what it said. */
async function served(words: readonly string[], options: RunOptions = {}) {
  const run = start(['serve', '--json', '--port', '0', ...words], options);
  const listening = await run.event('listening');
  run.signal('SIGTERM');
  assert.equal(await run.code, 0);
  return { listening, run };
}

/** Runs to its end; code and standard error. */
async function failed(words: readonly string[], options: RunOptions = {}) {
  const run = start(words, options);
  return { code: await run.code, err: run.err(), out: run.out() };
}

describe('serve', () => {
  it('without a folder serves a share in memory to this machine, with an account made for it', async () => {
    const { listening } = await served([]);
    const { port, password, ...rest } = listening;
    assert.deepEqual(rest, { event: 'listening', host: '127.0.0.1', shares: ['files'], user: 'smbkit' });
    assert.ok(Number(port) > 0);
    assert.match(String(password), /^(\w{4}-){3}\w{4}$/);
  });

  it('names shares after folders, or as told', async () => {
    const { listening } = await served([docs, '--share', `Pictures=${join(folder, 'pics')}`]);
    assert.deepEqual(listening['shares'], ['Pictures', 'docs']);
  });

  it('says when it has stopped, with every counter at zero', async () => {
    const { run } = await served([]);
    const [stopping, stopped] = run.events().slice(-2);
    assert.deepEqual(stopping, { event: 'stopping', signal: 'SIGTERM' });
    const { event, left, ...counters } = stopped ?? {};
    assert.equal(event, 'stopped');
    assert.ok('sessions' in counters && 'opens' in counters && 'connections' in counters);
    for (const [name, count] of Object.entries(counters)) assert.equal(count, 0, name);
    assert.deepEqual(left, counters, 'no client had left anything behind');
  });

  it('shows a box where no JSON is asked for', async () => {
    const run = start(['serve', '--port', '0', docs]);
    while (!run.out().includes('smbclient ')) await new Promise((done) => setTimeout(done, 5));
    run.signal('SIGINT');
    assert.equal(await run.code, 0);
    assert.match(
      run.out(),
      /smb:\/\/127\.0\.0\.1:\d+\/docs[\s\S]*generated, shown only now[\s\S]*net use Z:/,
    );
    assert.deepEqual(run.events(), []);
  });

  it('shows the name of the machine where a sandbox keeps its addresses from it', async () => {
    const asked = mock.method(os, 'networkInterfaces', () => {
      throw new Error('address family not supported');
    });
    syncBuiltinESMExports();
    try {
      const run = start(['serve', '--lan', '--port', '0', docs]);
      while (!run.out().includes('smbclient ')) await new Promise((done) => setTimeout(done, 5));
      run.signal('SIGTERM');
      assert.equal(await run.code, 0);
      assert.ok(run.out().includes(`Network   smb://${os.hostname()}:`), run.out());
    } finally {
      asked.mock.restore();
      syncBuiltinESMExports();
    }
  });

  it('opens to the network with --lan', async () => {
    assert.equal((await served(['--lan'])).listening['host'], '0.0.0.0');
  });
});

describe('a password', () => {
  const cases: readonly (readonly [from: string, words: string[], options: RunOptions])[] = [
    ['a file', ['--password-file', file('pw', 'secret\n')], {}],
    ['standard input', ['--password-stdin'], { input: 'secret\n' }],
    ['a variable', [], { variables: { SMBKIT_PASSWORD: 'secret' } }],
    ['a file that a variable names', [], { variables: { SMBKIT_PASSWORD_FILE: join(folder, 'pw') } }],
  ];
  for (const [from, words, options] of cases) {
    it(`from ${from} is used and not shown`, async () => {
      const { listening, run } = await served(['--user', 'anna', ...words], options);
      assert.equal(listening['user'], 'anna');
      assert.equal('password' in listening, false);
      assert.doesNotMatch(run.out() + run.err(), /secret/);
    });
  }

  it('that is empty is refused', async () => {
    const { code, err } = await failed(['serve', '--password-stdin'], { input: '\n' });
    assert.equal(code, 2);
    assert.match(err, /the password in standard input is empty/);
  });

  it('that was generated is the same after a restart with a state folder, and shown once', async () => {
    const state = join(folder, 'state');
    const first = await served(['--state-dir', state]);
    const second = await served(['--state-dir', state]);
    const kept = JSON.parse(readFileSync(join(state, 'state.json'), 'utf8'));
    assert.equal(kept.password, first.listening['password']);
    assert.equal('password' in second.listening, false);
    assert.equal(statSync(join(state, 'state.json')).mode & 0o777, 0o600);
  });
});

describe('a configuration file', () => {
  it('gives shares, users and settings; flags go before it', async () => {
    const config = file(
      'a.yaml',
      'server: { host: 127.0.0.2, port: 1 }\nusers: [{ name: a, password: x }]\nshares: { one: ./docs }',
    );
    const { listening } = await served(['--config', config, '--share', `two=${docs}`]);
    assert.equal(listening['host'], '127.0.0.2');
    assert.notEqual(listening['port'], 1);
    assert.deepEqual(listening['shares'], ['one', 'two']);
    assert.equal('user' in listening, false);
  });

  it('is read again at SIGHUP; an invalid one changes nothing and says why', async () => {
    const config = file('b.yaml', 'shares: { one: ./docs }');
    const run = start(['serve', '--json', '--port', '0', '--config', config]);
    await run.event('listening');
    file('b.yaml', 'shares: { one: ./docs }\nencryption: { mode: requird }');
    run.signal('SIGHUP');
    const refused = await run.event('reload-failed');
    assert.match(String(refused['message']), /b\.yaml:2:15: encryption\.mode: .*Did you mean "required"/);
    file(
      'b.yaml',
      'shares: { one: ./docs, two: ./pics }\nencryption: { mode: required }\nusers: [{ name: a, password: x }]',
    );
    run.signal('SIGHUP');
    const reloaded = await run.event('reloaded');
    assert.deepEqual(reloaded, {
      event: 'reloaded',
      changed: ['users', 'encryption'],
      restartNeeded: ['shares'],
    });
    run.signal('SIGTERM');
    assert.equal(await run.code, 0);
  });

  it('has its effect on the next connection after SIGHUP', async () => {
    const config = file('h.yaml', 'shares: { one: ./docs }');
    const run = start(['serve', '--json', '--port', '0', '--config', config]);
    const port = Number((await run.event('listening'))['port']);
    assert.equal((await negotiate(port)).dialect, 0x0311);
    file('h.yaml', 'shares: { one: ./docs }\ndialects: { max: 3.0 }');
    run.signal('SIGHUP');
    await run.event('reloaded');
    assert.equal((await negotiate(port)).dialect, 0x0300);
    run.signal('SIGTERM');
    assert.equal(await run.code, 0);
  });

  it('that is wrong starts nothing', async () => {
    const { code, err } = await failed(['serve', '--config', file('c.yaml', 'sahres: {}\nguest: 5')]);
    assert.equal(code, 2);
    assert.match(
      err,
      /c\.yaml:1:1: sahres: unknown setting\. Did you mean "shares"\?\n.*c\.yaml:2:1: guest: must be true or false/,
    );
  });
});

describe('an error', () => {
  const cases: readonly (readonly [what: string, words: string[], code: number, said: RegExp])[] = [
    [
      'a folder that does not exist',
      [join(folder, 'nope')],
      1,
      /nope cannot be served: there is no such file or folder/,
    ],
    ['a file instead of a folder', [join(folder, 'pw')], 1, /pw is not a folder/],
    [
      'two folders of one name',
      [docs, join(folder, 'sub/docs')],
      2,
      /"docs" is there already .*--share NAME=/,
    ],
    [
      'two shares of one name',
      ['--share', `A=${docs}`, '--share', `a=${docs}`],
      2,
      /the share "a" is there already/,
    ],
    ['a folder whose name cannot be a share', [join(folder, 'bad=;name')], 2, /must not hold "="/],
    ['a reserved name', ['--share', `IPC$=${docs}`], 2, /reserved by the protocol/],
    ['a share without a folder', ['--share', 'a'], 2, /give the name and the folder as NAME=PATH/],
    ['a share with an empty name', ['--share', `=${docs}`], 2, /a share needs a name/],
    ['a foreign address', ['--host', '192.0.2.1'], 1, /192\.0\.2\.1 is not an address of this machine/],
    ['both --lan and --host', ['--lan', '--host', '::1'], 2, /exclude each other/],
    [
      'a port that is none',
      ['--port', '70000'],
      2,
      /--port: server\.port: must be a whole number from 0 to 65535, not 70000/,
    ],
    ['a log level that is none', ['--log-level', 'inof'], 2, /Did you mean "info"\?/],
    [
      'a password file that is absent',
      ['--password-file', '/nope'],
      2,
      /password file \/nope cannot be read: there is no such file/,
    ],
    ['a configuration that is absent', ['--config', '/nope'], 2, /configuration file \/nope cannot be read/],
  ];
  for (const [what, words, code, said] of cases) {
    it(`of ${what} has its cause, its fix and its code`, async () => {
      const outcome = await failed(['serve', '--port', '0', ...words]);
      assert.match(outcome.err, said);
      assert.equal(outcome.code, code);
      assert.equal(outcome.out, '');
    });
  }

  it('of a port in use says how to find who has it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = String(typeof address === 'object' ? address?.port : 0);
    const outcome = await failed(['serve', '--port', port]);
    other.close();
    assert.equal(outcome.code, 1);
    assert.match(outcome.err, new RegExp(`port ${port} is in use .*ss -ltnp`));
  });

  it('is an event too where JSON is asked for', async () => {
    const { out } = await failed(['serve', '--json', '/nope']);
    assert.equal(JSON.parse(out).event, 'error');
  });
});

describe('a signal', () => {
  it('the second time ends at once', async () => {
    const run = start(['serve', '--json', '--port', '0']);
    await run.event('listening');
    run.signal('SIGINT');
    run.signal('SIGINT');
    run.signal('SIGTERM');
    await run.code;
    assert.deepEqual(run.exits, [130, 143]);
  });

  it('ends the real process in good order', async () => {
    const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
    const child = spawn(process.execPath, [main, 'serve', '--json', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [first] = await once(child.stdout, 'data');
    assert.equal(JSON.parse(String(first).split('\n')[0] ?? '').event, 'listening');
    let rest = '';
    child.stdout.on('data', (chunk) => {
      rest += chunk;
    });
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    assert.equal(JSON.parse(rest.trim().split('\n').at(-1) ?? '').event, 'stopped');
  });
});

describe('config check', () => {
  it('says where the mistake is, with code 1', async () => {
    const { code, err } = await failed(['config', 'check', file('d.yaml', 'server:\n  prot: 1')]);
    assert.equal(code, 1);
    assert.match(err, /d\.yaml:2:3: server\.prot: unknown setting\. Did you mean "port"\?/);
  });

  it('checks that folders and password files are there', async () => {
    const config = file('e.yaml', 'shares: { a: ./absent }\nusers: [{ name: x, passwordFile: ./absent }]');
    const { code, err } = await failed(['config', 'check', config]);
    assert.equal(code, 1);
    assert.match(err, /e\.yaml:1:11: shares\.a\.path: .*absent cannot be served/);
    assert.match(err, /e\.yaml:2:9: users\[0\]: the password file .*absent cannot be read/);
  });

  it('prints every value with its origin and no secret', async () => {
    const config = file(
      'f.yaml',
      'users:\n  - name: a\n    password: hunter2\n  - name: b\n    ntHash: 0123456789abcdef0123456789abcdef\nshares: { one: ./docs }',
    );
    const { code, out, err } = await failed(['config', 'check', config, '--print'], {
      variables: { SMBKIT_PORT: '4450' },
    });
    assert.equal(code, 0);
    assert.match(err, /f\.yaml is fine/);
    assert.match(out, /port: 4450 +# SMBKIT_PORT/);
    assert.match(out, /path: .*docs +# .*f\.yaml:6:11/);
    assert.match(out, /required: true +# default/);
    assert.equal(out.match(/\*{8}/g)?.length, 2);
    assert.doesNotMatch(out, /hunter2|0123456789abcdef/);
  });

  it('gives its result as JSON', async () => {
    const { out } = await failed(['config', 'check', '--json', file('g.yaml', 'guest: 1')]);
    const { ok, errors } = JSON.parse(out);
    assert.equal(ok, false);
    assert.match(errors[0], /g\.yaml:1:1: guest/);
  });

  it('needs a file', async () => {
    assert.equal((await failed(['config', 'check'])).code, 2);
  });
});

it('the version and the help go to standard output', async () => {
  assert.deepEqual(await failed(['--version']), { code: 0, err: '', out: '1.2.3\n' });
  assert.match((await failed(['help', 'serve'])).out, /^Serve folders/);
  assert.match((await failed(['serve', '--help'])).out, /^Serve folders/);
  assert.equal((await failed(['help', 'quux'])).code, 2);
  assert.equal(JSON.parse((await failed(['config', 'schema'])).out).title, 'smbkit configuration');
});
