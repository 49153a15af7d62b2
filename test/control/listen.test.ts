import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Endpoint, ListenError, listenAsWished } from '../../src/control/listen.ts';

/** A machine on which the given ports fail with the given codes. */
function machine(failures: Readonly<Record<number, string>>): (endpoint: Endpoint) => Promise<Endpoint> {
  return async ({ host, port }) => {
    const code = failures[port];
    if (code !== undefined) throw Object.assign(new Error(`listen ${code}`), { code });
    return { host, port: port === 0 ? 50_000 : port };
  };
}

const wish = { host: '127.0.0.1', strictPort: false };

describe('without a port', () => {
  it('the server takes 445 where it is permitted', async () => {
    assert.deepEqual(await listenAsWished(machine({}), wish), { host: '127.0.0.1', port: 445 });
  });

  it('it goes to 1445 where 445 is not permitted, and says why and how to allow it', async () => {
    const { port, notice } = await listenAsWished(machine({ 445: 'EACCES' }), wish);
    assert.equal(port, 1445);
    assert.match(notice ?? '', /445 is not permitted .*ip_unprivileged_port_start=445.*using 1445/);
  });

  it('it goes to 1445 where 445 is taken, and says by whom it may be', async () => {
    const { port, notice } = await listenAsWished(machine({ 445: 'EADDRINUSE' }), wish);
    assert.equal(port, 1445);
    assert.match(notice ?? '', /in use .*LanmanServer/);
  });

  it('and strict it fails instead', async () => {
    await assert.rejects(
      listenAsWished(machine({ 445: 'EACCES' }), { ...wish, strictPort: true }),
      ListenError,
    );
  });

  it('it fails where neither is to be had, and names both', async () => {
    const both = machine({ 445: 'EACCES', 1445: 'EADDRINUSE' });
    await assert.rejects(listenAsWished(both, wish), /445 is not permitted.*1445 is in use/);
  });
});

describe('with a port', () => {
  it('the server takes no other', async () => {
    const taken = machine({ 4450: 'EADDRINUSE' });
    await assert.rejects(listenAsWished(taken, { ...wish, port: 4450 }), /port 4450 is in use/);
  });

  it('0 gives the real one', async () => {
    assert.equal((await listenAsWished(machine({}), { ...wish, port: 0 })).port, 50_000);
  });
});

it('an address of another machine and an unknown name are explained', async () => {
  await assert.rejects(
    listenAsWished(machine({ 445: 'EADDRNOTAVAIL' }), wish),
    /not an address of this machine/,
  );
  await assert.rejects(
    listenAsWished(machine({ 445: 'ENOTFOUND' }), wish),
    /host name 127.0.0.1 is not known/,
  );
});
