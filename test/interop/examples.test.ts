import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { strToU8, zipSync } from 'fflate';
import { endWithThisProcess } from './peers/peer.ts';
import { smbclient, smbclientDone } from './smbclient.ts';

const examples = resolve(import.meta.dirname, '../../examples');
const password = 'For-the-test';

interface Running {
  readonly child: ChildProcess;
  readonly address: {
    readonly host: string;
    readonly port: number;
    readonly account: { name: string; password: string };
  };
}

/** Starts an example on a free port; it prints its address and, where it made one, its account. */
async function example(name: string, ...words: string[]): Promise<Running> {
  const env = { ...process.env, PORT: '0', PASSWORD: password };
  const child = spawn(process.execPath, [join(examples, name), ...words], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithThisProcess(child, false);
  const [line] = await once(child.stdout, 'data');
  const [, port, user, made] = /:(\d+)\/\S+(?: (\S+) (\S+))?/.exec(String(line)) ?? [];
  const account = { name: user ?? 'anna', password: made ?? password };
  return { child, address: { host: '127.0.0.1', port: Number(port), account } };
}

/** Works with a running example, then stops it as Ctrl-C does. */
async function withRunning(
  running: Running,
  work: (address: Running['address']) => Promise<void>,
): Promise<void> {
  const { child } = running;
  try {
    await work(running.address);
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
  } finally {
    child.kill('SIGKILL');
  }
}

test('the example that serves a folder stores what a client puts there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-example-'));
  await withRunning(await example('serve-folder.ts', folder), async (address) => {
    writeFileSync(join(folder, 'a.txt'), 'hello');
    const commands = ['rename a.txt b.txt', 'put a-copy.txt c.txt'];
    writeFileSync(join(folder, 'a-copy.txt'), 'hello again');
    await smbclientDone(address, { share: 'folder', folder, commands });
    assert.equal(readFileSync(join(folder, 'b.txt'), 'utf8'), 'hello');
    assert.equal(readFileSync(join(folder, 'c.txt'), 'utf8'), 'hello again');
  });
  rmSync(folder, { recursive: true });
});

test('the example that serves memory takes the account it printed', async () => {
  await withRunning(await example('serve-memory.ts'), async (address) => {
    const commands = ['cd notes', 'ls', 'get today.txt -'];
    assert.match(await smbclientDone(address, { share: 'scratch', commands }), /Nothing yet\./);
  });
});

test('the example with a storage of its own is read and cannot be changed', async () => {
  await withRunning(await example('embed-with-backend.ts'), async (address) => {
    const commands = ['ls', 'get lisbon.txt -'];
    const output = await smbclientDone(address, { share: 'weather', commands });
    assert.match(output, /berlin\.txt/);
    assert.match(output, /sun/);
    for (const command of ['del berlin.txt', 'mkdir x', 'rename berlin.txt x']) {
      const refused = await smbclient(address, { share: 'weather', commands: [command] });
      assert.match(refused.output, /NT_STATUS_ACCESS_DENIED/, command);
    }
  });
});

test('the example with a zip archive unpacks what is opened', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-example-'));
  const long = 'packed '.repeat(10_000);
  const names = {
    'a.txt': strToU8(long),
    deep: { er: { 'b.txt': strToU8('below') } },
    '../out.txt': strToU8('x'),
  };
  writeFileSync(join(folder, 'archive.zip'), zipSync(names));
  await withRunning(await example('zip-archive.ts', join(folder, 'archive.zip')), async (address) => {
    const commands = ['ls', 'get a.txt', 'get deep\\er\\b.txt -'];
    const output = await smbclientDone(address, { share: 'archive', folder, commands });
    assert.match(output, /below/);
    assert.doesNotMatch(output, /out\.txt/);
    assert.equal(readFileSync(join(folder, 'a.txt'), 'utf8'), long);
    const refused = await smbclient(address, { share: 'archive', commands: ['del a.txt'] });
    assert.match(refused.output, /NT_STATUS_(MEDIA_WRITE_PROTECTED|ACCESS_DENIED)/);
  });
  rmSync(folder, { recursive: true });
});

test('the example with a database shows its tables and takes rows that fit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-example-'));
  await withRunning(await example('database-as-csv.ts'), async (address) => {
    const request = { share: 'tables', folder };
    await smbclientDone(address, { ...request, commands: ['cd tables', 'get people.csv'] });
    const before = readFileSync(join(folder, 'people.csv'), 'utf8');
    assert.equal(before, 'id,name\n1,Ada\n2,"Grace ""Amazing"" Hopper"\n');
    writeFileSync(join(folder, 'people.csv'), `${before}3,"Lovelace, Ada"\n`);
    await smbclientDone(address, { ...request, commands: ['cd tables', 'put people.csv', 'get people.csv'] });
    assert.match(readFileSync(join(folder, 'people.csv'), 'utf8'), /^3,"Lovelace, Ada"$/m);
    writeFileSync(join(folder, 'wrong.csv'), 'id,nonsense\n1,x\n');
    await smbclient(address, { ...request, commands: ['cd tables', 'put wrong.csv people.csv'] });
    await smbclientDone(address, { ...request, commands: ['cd tables', 'get people.csv'] });
    assert.match(readFileSync(join(folder, 'people.csv'), 'utf8'), /^1,Ada$/m);
  });
  rmSync(folder, { recursive: true });
});

test('the example with an HTTP API shows what the API tells, and sends back what is saved', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-example-'));
  await withRunning(await example('http-api-as-folder.ts'), async (address) => {
    const request = { share: 'api', folder };
    writeFileSync(join(folder, 'ada.json'), '{ "name": "Countess" }');
    const commands = ['cd users', 'ls', 'get grace.json -', 'put ada.json', 'get ada.json -'];
    const output = await smbclientDone(address, { ...request, commands });
    assert.match(output, /grace\.json/);
    assert.match(output, /Grace Hopper/);
    assert.match(output, /Countess/);
  });
  rmSync(folder, { recursive: true });
});
