/** Rows G1 and G4: names that lead elsewhere, and the root of a share. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isError, NtStatus, statusName } from '../../src/base/status.ts';
import { createRequestOf, type TestTree } from '../../src/testing/client.ts';
import { AccessMask, CreateOption } from '../../src/wire/flags.ts';
import { FileDispositionInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileLinkInformation, FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { addPipes, underAbuseOfFolder } from './places.ts';
import { refusal, underAbuse } from './scene.ts';

/** Each leads out of the share, or to what has no name, wherever names are taken literally. */
const wicked: readonly (readonly [string, string])[] = [
  ['the parent', '..'],
  ['the parent of the root', '..\\outside.txt'],
  ['out by a folder', 'folder\\..\\..\\outside.txt'],
  ['out by a folder that is not there', 'none\\..\\..\\outside.txt'],
  ['with a slash', 'folder/../../outside.txt'],
  ['two separators', 'folder\\\\file'],
  ['NUL in the middle', 'file\0.txt'],
  ['a drive', 'C:\\outside.txt'],
  ['a device path', '\\\\?\\C:\\outside.txt'],
  ['another server', '\\\\server\\files\\outside.txt'],
  ['a stream of the folder above', '..:stream:$DATA'],
  ['the index of a file', 'file::$INDEX_ALLOCATION'],
  ['an unknown type of stream', 'file:stream:$BITMAP'],
  ['a colon too many', 'file:a:b:$DATA'],
  ['a stream with a separator', 'file:..\\x:$DATA'],
  ['a control character', 'fi\u0001le'],
  ['a wildcard', 'f*le'],
  ['quotes', '"file"'],
  ['a pipe', 'fi|le'],
  ['a name of 256 units', 'n'.repeat(256)],
  ['32,768 units', 'long\\'.repeat(6553)],
];

async function statusOfCreate(tree: TestTree, name: string): Promise<number> {
  return (await tree.request(Command.CREATE, createRequestOf(name, { createDisposition: 3 }))).status;
}

describe('names', () => {
  for (const [what, name] of wicked) {
    it(`G1 that lead elsewhere are refused in CREATE, rename and link: ${what}`, () =>
      underAbuseOfFolder(async ({ tree }, { inside, outside }) => {
        writeFileSync(join(outside, 'outside.txt'), 'secret');
        const share = await tree();
        await (await share.open('folder', { createOptions: CreateOption.DIRECTORY_FILE })).close();
        const file = await share.open('file', { desiredAccess: AccessMask.GENERIC_ALL });
        const status = await statusOfCreate(share, name);
        assert.ok(isError(status), statusName(status));
        const target = { rootDirectory: 0n, fileName: name, replaceIfExists: true };
        for (const [codec, number] of [
          [FileRenameInformation, Class.FileRenameInformation],
          [FileLinkInformation, Class.FileLinkInformation],
        ] as const) {
          const buffer = codec.encode(target);
          await refusal(file.setInfo(InfoType.FILE, number, buffer));
        }
        await file.close();
        assert.deepEqual(readdirSync(outside).sort(), ['outside.txt', 'share']);
        const left = readdirSync(inside).filter((entry) => !/^(?:alice|bob)\.bin$/.test(entry));
        assert.deepEqual(left.sort(), ['file', 'folder']);
        share.session.connection.close();
      }));
  }

  it('G1 with a separator in front are refused in CREATE', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      for (const name of ['\\file', '\\', '\\..\\file'])
        assert.equal(await statusOfCreate(share, name), NtStatus.INVALID_PARAMETER);
      share.session.connection.close();
    }));

  it('G1 of an odd number of bytes are refused', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const body = createRequestOf('abcd');
      body.writeUInt16LE(7, 46);
      assert.equal((await share.request(Command.CREATE, body)).status, NtStatus.INVALID_PARAMETER);
      share.session.connection.close();
    }));

  it('G1 that only look alike are different files, and half a pair is kept as it is', () =>
    underAbuseOfFolder(async ({ tree }, { inside }) => {
      const share = await tree();
      const twins = ['e\u0301', '\u00e9', '\uff0e\uff0e', '\uff0e\uff0e\uff3cx', 'half\ud83d', 'ab\uff0fc'];
      for (const [index, name] of twins.entries()) {
        const file = await share.open(name, { createDisposition: 2 });
        await file.write(0n, Buffer.from(`${index}`));
        await file.close();
      }
      for (const [index, name] of twins.entries()) {
        const file = await share.open(name, { createDisposition: 1 });
        assert.equal((await file.read(0n, 10)).toString(), `${index}`);
        await file.close();
      }
      assert.equal(readdirSync(inside).length, twins.length + 2);
      share.session.connection.close();
    }));

  it('G1 with a dot or a blank at the end are not another name for something else', () =>
    underAbuseOfFolder(async ({ tree }, { inside }) => {
      const share = await tree();
      await (await share.open('plain')).close();
      for (const name of ['plain.', 'plain ', 'plain . .']) {
        const reading = { createDisposition: 1, desiredAccess: AccessMask.GENERIC_READ } as const;
        assert.equal(await refusal(share.open(name, reading)), NtStatus.OBJECT_NAME_NOT_FOUND, name);
        await (await share.open(name, { createDisposition: 2 })).close();
      }
      assert.equal(readdirSync(inside).length, 4 + 2, 'each is a file of its own');
      share.session.connection.close();
    }));

  it('G1 of pipes lead to pipes alone', () =>
    underAbuse(async ({ server, tree }) => {
      addPipes(server);
      const pipes = await tree('IPC$');
      for (const name of [
        '..\\..\\srvsvc',
        'srvsvc\\..\\lsarpc',
        '/srvsvc',
        '..',
        '',
        'srvsvc\0',
        'samr/../srvsvc',
        'x'.repeat(2000),
      ]) {
        await refusal(pipes.open(name, { createDisposition: 1 }));
      }
      pipes.session.connection.close();
    }));
});

describe('the root of a share', () => {
  it('G4 cannot be deleted, renamed, linked or replaced', () =>
    underAbuseOfFolder(async ({ tree }, { outside }) => {
      const share = await tree();
      const root = await share.open('', {
        createOptions: CreateOption.DIRECTORY_FILE,
        desiredAccess: AccessMask.DELETE | AccessMask.GENERIC_READ,
        createDisposition: 1,
      });
      const deletion = FileDispositionInformation.encode({ deletePending: true });
      await refusal(root.setInfo(InfoType.FILE, Class.FileDispositionInformation, deletion));
      const away = FileRenameInformation.encode({
        rootDirectory: 0n,
        fileName: 'away',
        replaceIfExists: true,
      });
      await refusal(root.setInfo(InfoType.FILE, Class.FileRenameInformation, away));
      await root.close();
      const closing = { createOptions: CreateOption.DELETE_ON_CLOSE, desiredAccess: AccessMask.DELETE };
      await refusal(share.open('', { ...closing, createDisposition: 1 }));
      for (const createDisposition of [0, 4, 5] as const)
        await refusal(share.open('', { createDisposition }));
      assert.deepEqual(readdirSync(outside), ['share']);
      share.session.connection.close();
    }));

  it('G4 is what an empty name means, and no file is renamed to it', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const file = await share.open('kept', { desiredAccess: AccessMask.GENERIC_ALL });
      for (const fileName of ['', '\\', '.', '\\\\']) {
        const buffer = FileRenameInformation.encode({ rootDirectory: 0n, fileName, replaceIfExists: true });
        await refusal(file.setInfo(InfoType.FILE, Class.FileRenameInformation, buffer));
      }
      await file.close();
      await (await share.open('kept', { createDisposition: 1 })).close();
      share.session.connection.close();
    }));
});
