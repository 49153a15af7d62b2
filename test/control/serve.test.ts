import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigurationError, FolderError, ListenError, memoryBackend, serve } from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'smbkit-serve-'));
after(() => rmSync(folder, { recursive: true }));
const users = [{ name: 'anna', password: 'secret' }];
const base = { port: 0, users };

/** Resolves when the server takes a connection at `port`, rejects when nobody does. */
async function reach(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

describe('serve()', () => {
  it('listens when it resolves and not any more when close has resolved', async () => {
    const server = await serve({ ...base, shares: { docs: folder } });
    await reach(server.address.port);
    await server.close();
    await assert.rejects(reach(server.address.port), /ECONNREFUSED/);
    await server.close();
    for (const [name, count] of Object.entries(server.counters())) assert.equal(count, 0, name);
  });

  it('takes a path, a storage of the program, and either with options', async () => {
    await using server = await serve({
      ...base,
      shares: {
        a: folder,
        b: memoryBackend(),
        c: { path: folder, readOnly: true, comment: 'c', hidden: true },
        d: { backend: memoryBackend(), permissions: { default: 'none', users: { anna: 'read' } } },
      },
    });
    assert.deepEqual(server.shares, ['a', 'b', 'c', 'd']);
    assert.equal(server.url, `smb://127.0.0.1:${server.address.port}/a`);
    assert.equal(server.credentials, undefined);
  });

  it('makes an account where none is given', async () => {
    await using server = await serve({ port: 0, shares: { docs: folder } });
    assert.equal(server.credentials?.user, 'smbkit');
    assert.match(server.credentials?.password ?? '', /^(\w{4}-){3}\w{4}$/);
  });

  it('closes at the end of its scope', async () => {
    let port = 0;
    {
      await using server = await serve({ ...base, shares: { docs: folder } });
      port = server.address.port;
    }
    await assert.rejects(reach(port), /ECONNREFUSED/);
  });

  it('closes when its signal fires', async () => {
    const controller = new AbortController();
    const server = await serve({ ...base, shares: { docs: folder }, signal: controller.signal });
    controller.abort();
    await server.close();
    await assert.rejects(reach(server.address.port), /ECONNREFUSED/);
    const late = serve({ ...base, shares: { docs: folder }, signal: controller.signal });
    await assert.rejects(late, { name: 'AbortError' });
  });

  it('overwrites a password that was given as bytes', async () => {
    const password = Buffer.from('secret');
    await using _server = await serve({
      port: 0,
      shares: { docs: folder },
      users: [{ name: 'a', password }],
    });
    assert.deepEqual(password, Buffer.alloc(6));
  });

  it('stands beside another one', async () => {
    await using one = await serve({ ...base, shares: { docs: folder } });
    await using two = await serve({ ...base, shares: { docs: folder } });
    assert.notEqual(one.address.port, two.address.port);
  });

  it('writes nothing, takes no signals and keeps no process alive after close', async () => {
    const program = `
      import { serve } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)};
      const before = process.eventNames().length;
      const server = await serve({ port: 0, shares: { docs: ${JSON.stringify(folder)} } });
      const after = process.eventNames().length;
      await server.close();
      process.exitCode = after - before;`;
    const words = ['--input-type=module', '--eval', program];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
});

describe('serve() refuses', () => {
  it('options that are wrong, all at once', async () => {
    const wrong = serve({ ...base, shares: { 'a:b': folder }, dialects: { min: '3.1.1', max: '2.1' } });
    await assert.rejects(wrong, (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.deepEqual(
        error.issues.map((issue) => issue.setting),
        ['shares["a:b"]', 'dialects.max'],
      );
      return true;
    });
  });

  it('a misspelt option of a share', async () => {
    const misspelt = { path: folder, readonly: true };
    await assert.rejects(
      serve({ ...base, shares: { a: misspelt } }),
      /shares\.a\.readonly: unknown setting\. Did you mean "readOnly"/,
    );
  });

  it('a permission for somebody who is not there', async () => {
    const shares = { a: { path: folder, permissions: { users: { ana: 'read' } } } } satisfies Parameters<
      typeof serve
    >[0]['shares'];
    await assert.rejects(serve({ ...base, shares }), /there is no user "ana"\. Did you mean "anna"/);
  });

  it('users without a name or a password, or twice', async () => {
    const attempt = (...list: { name: string; password: string }[]) =>
      serve({ port: 0, shares: { a: folder }, users: list });
    await assert.rejects(attempt({ name: '', password: 'x' }), /needs a name/);
    await assert.rejects(attempt({ name: 'a', password: '' }), /password of "a" is empty/);
    await assert.rejects(
      attempt({ name: 'a', password: 'x' }, { name: 'A', password: 'y' }),
      /"A" is there twice/,
    );
  });

  it('a folder that is not there', async () => {
    await assert.rejects(serve({ ...base, shares: { a: join(folder, 'absent') } }), FolderError);
  });

  it('a port that is taken, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await assert.rejects(serve({ users, port, shares: { a: folder } }), ListenError);
    other.close();
  });
});

describe('a change of settings on the running server', () => {
  it('is checked as a whole; a wrong one changes nothing', async () => {
    await using server = await serve({ ...base, shares: { a: { path: folder, encryption: 'required' } } });
    server.settings.update({ dialects: { min: '3.0' }, encryption: { mode: 'required' } });
    assert.throws(() => server.settings.update({ dialects: { max: '2.1' } }), ConfigurationError);
    assert.throws(() => server.settings.update({ encryption: { mode: 'off' } }), /shares\.a\.encryption/);
    const misspelt = JSON.parse('{ "signing": { "requird": false } }');
    assert.throws(
      () => server.settings.update(misspelt),
      /signing\.requird: unknown setting\. Did you mean "required"/,
    );
    const fixed = JSON.parse('{ "server": { "port": 1 } }');
    assert.throws(() => server.settings.update(fixed), /server: cannot be changed while the server runs/);
    // The refused changes left the minimum at 3.0: a maximum of 3.0 is fine, one below is not.
    server.settings.update({ dialects: { max: '3.0' } });
  });

  it('cannot weaken the hardened profile', async () => {
    await using server = await serve({ ...base, profile: 'hardened', shares: { a: folder } });
    assert.throws(
      () => server.settings.update({ guest: true }),
      /the hardened profile excludes guest access/,
    );
    assert.throws(
      () => server.settings.update({ signing: { required: false } }),
      /excludes unsigned sessions/,
    );
    server.settings.update({ dialects: { min: '3.1.1' } });
  });
});
