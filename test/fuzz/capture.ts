/**
 * Makes the corpus from what real clients send: `node test/fuzz/capture.ts` starts a server, lets smbclient, smbtorture and
 * impacket work with it, and keeps one request of each form, with the seals open and the ids of files replaced by placeholders.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeNegotiationToken } from '../../src/auth/spnego/tokens.ts';
import { commands } from '../../src/server/commands/index.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { IoctlRequest } from '../../src/wire/smb2/ioctl.ts';
import { SessionSetupRequest } from '../../src/wire/smb2/session-setup.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { WriteRequest } from '../../src/wire/smb2/write.ts';
import { commandName } from '../abuse/messages.ts';
import { memoryServer } from '../testing/memory-server.ts';
import { rewrite } from './corpus.ts';
import { commandTargetName, normalized } from './request-seed.ts';
import { pipeShare } from './server-world.ts';

const bodyBytesMax = 1500;
const entriesMax = 40;

interface Entry {
  readonly input: Buffer;
  readonly what: string;
}

const found = new Map<string, Map<string, Entry>>();

/** Keeps `input` when none of its form is there yet. */
function note(target: string, form: string, entry: Entry): void {
  const entries = found.get(target) ?? new Map<string, Entry>();
  found.set(target, entries);
  if (entry.input.length === 0 || entry.input.length > bodyBytesMax) return;
  if (!entries.has(form) && entries.size < entriesMax) entries.set(form, entry);
}

let client = '';

function record(code: number, body: Buffer): void {
  const input = normalized(code, body);
  const what = `${client} ${commandName(code)}`;
  note(commandTargetName(code), formOf(code, input), { input, what });
  if (code === Command.SESSION_SETUP) recordToken(SessionSetupRequest.decode(body).securityBuffer);
  if (code === Command.CREATE) note('create-contexts', 'create', { input: body, what });
  if (code === Command.NEGOTIATE) note('negotiate-contexts', `${body.length}`, { input: body, what });
  if (code === Command.LOCK) note('lock-array', `${body.length}`, { input: body, what });
  if (code === Command.IOCTL) recordPdu(IoctlRequest.decode(body).input);
  if (code === Command.WRITE) recordPdu(WriteRequest.decode(body).data);
  if (code === Command.SET_INFO) {
    const { infoType, buffer } = SetInfoRequest.decode(body);
    if (infoType === 3) note('security-descriptor', `${buffer.length}`, { input: buffer, what });
  }
}

/** What tells two requests apart: their size and the class or code that they name. */
function formOf(code: number, body: Buffer): string {
  const parts = new Map<number, readonly [number, number]>([
    [Command.QUERY_INFO, [2, 4]],
    [Command.SET_INFO, [2, 4]],
    [Command.IOCTL, [4, 8]],
    [Command.QUERY_DIRECTORY, [2, 4]],
    [Command.CREATE, [3, 56]],
  ]);
  const [from, to] = parts.get(code) ?? [0, 0];
  return `${body.length} ${body.subarray(from, to).toString('hex')}`;
}

function recordToken(token: Buffer): void {
  const what = client;
  if (token.subarray(0, 7).toString('latin1') === 'NTLMSSP') {
    note('ntlm', `${token.length}`, { input: token, what });
    return;
  }
  note('spnego', `${token.length}`, { input: token, what });
  const message = decodeNegotiationToken(token);
  const inner = message.kind === 'init' ? message.mechToken : message.responseToken;
  if (inner !== undefined) note('ntlm', `${inner.length}`, { input: inner, what });
}

/** A data unit of a pipe; it is a seed for every pipe, whose operations overlap. */
function recordPdu(bytes: Buffer): void {
  if (bytes.length < 24 || bytes.readUInt16LE(0) !== 5) return;
  for (const pipe of ['srvsvc', 'wkssvc', 'lsarpc']) {
    const form = bytes[2] === 0 ? `request ${bytes.readUInt16LE(22)}` : `type ${bytes[2]} ${bytes.length}`;
    note(`pipe-${pipe}`, form, { input: bytes, what: client });
  }
}

const server = memoryServer({
  settings: { encryption: { mode: 'available', ciphers: ['AES-128-GCM'] } },
  commands: {
    get(code, request) {
      record(code, Buffer.from(request.message.subarray(64)));
      return commands.get(code);
    },
  },
});
server.addShare(pipeShare());
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
const scratch = mkdtempSync(join(tmpdir(), 'smbkit-capture-'));

async function use(program: string, ...words: readonly string[]): Promise<void> {
  client = program;
  const child = spawn(program, words, { stdio: 'ignore', cwd: scratch, timeout: 60_000 });
  child.on('error', () => console.error(`${program} is not installed`));
  await once(child, 'close').catch(() => {});
}

writeFileSync(join(scratch, 'a.bin'), Buffer.alloc(1000, 'a'));
const share = '//127.0.0.1/files';
const login = ['-p', String(port), '-U', 'alice%Secret.1'];
const work =
  'put a.bin; mkdir d; put a.bin d\\b.bin; ls; ls d\\*; rename a.bin c.bin; allinfo c.bin; stat c.bin; volume; du; hardlink c.bin h.bin; setmode c.bin +r; setmode c.bin -r; utimes c.bin -1 -1 -1 -1; getfacl c.bin; allinfo d; get c.bin; notify nowhere; del c.bin; recurse; deltree d';
for (const protocol of ['SMB2_02', 'SMB2_10', 'SMB3_00', 'SMB3_11']) {
  await use('smbclient', share, ...login, '-m', protocol, '-c', work);
}
await use('smbclient', share, ...login, '--client-protection=encrypt', '-c', 'ls; get h.bin');
await use('smbclient', '-L', '//127.0.0.1', ...login);
await use('smbcacls', share, 'h.bin', ...login);
await use('smbcacls', share, 'h.bin', ...login, '-a', 'ACL:Everyone:ALLOWED/0/READ');
const login2 = ['-U', 'alice%Secret.1', `ncacn_np:127.0.0.1[smb2]`];
for (const command of [
  'srvinfo',
  'netshareenumall',
  'netsharegetinfo files',
  'netfileenum',
  'netsessenum',
  'netremotetod',
  'lsaquery',
  'lookupnames alice',
  'lookupsids S-1-1-0',
  'wkssvc_wkstagetinfo',
  'getusername',
]) {
  await use('rpcclient', '-p', String(port), ...login2, '-c', command);
}
const suites =
  'smb2.create smb2.getinfo smb2.setinfo smb2.lock.valid-request smb2.ioctl smb2.lease.request smb2.durable-v2-open.open-oplock smb2.dir.find smb2.notify.basic smb2.acls smb2.ea smb2.streams.dir smb2.compound.related1 smb2.read smb2.rw smb2.oplock.batch1 smb2.sharemode smb2.rename.simple smb2.winattr smb2.mkdir';
for (const suite of suites.split(' ')) {
  await use('smbtorture', '-p', String(port), ...login.slice(2), share, suite);
}
const impacket = [
  'from impacket.smbconnection import SMBConnection',
  `c = SMBConnection('server', '127.0.0.1', sess_port=${port})`,
  "c.login('alice', 'Secret.1')",
  "c.listShares(); c.createDirectory('files', 'i'); c.listPath('files', '*')",
  "c.putFile('files', 'i\\\\x', open('a.bin', 'rb').read); c.deleteFile('files', 'i\\\\x'); c.deleteDirectory('files', 'i')",
  'c.logoff()',
].join('\n');
await use('python3', '-c', impacket);
await server.close();
rmSync(scratch, { recursive: true });

for (const [target, entries] of found) rewrite(target, [...entries.values()]);
const count = [...found.values()].reduce((sum, entries) => sum + entries.size, 0);
console.log(`${count} entries for ${found.size} targets`);
