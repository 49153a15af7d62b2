import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { latency } from '../../../src/backend/latency.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { NtStatus } from '../../../src/base/status.ts';
import type { TestFile, TestTree } from '../../../src/testing/client.ts';
import { AccessMask, CompletionFilter, CreateDisposition, FileAction } from '../../../src/wire/flags.ts';
import { FileIdBothDirectoryInformationList } from '../../../src/wire/fscc/directory.ts';
import { FileFullEaInformationList } from '../../../src/wire/fscc/extended-attributes.ts';
import {
  FileBasicInformation,
  FileStandardInformation,
  FileStatLxInformation,
  LxFlag,
} from '../../../src/wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../../src/wire/fscc/names.ts';
import { FileNotifyInformationList } from '../../../src/wire/fscc/notify.ts';
import { ChangeNotifyResponse } from '../../../src/wire/smb2/change-notify.ts';
import { CreateContextName } from '../../../src/wire/smb2/create-context.ts';
import { Command } from '../../../src/wire/smb2/header.ts';
import { InfoType, QueryInfoRequest, QueryInfoResponse } from '../../../src/wire/smb2/query-info.ts';
import { answered, onTree } from './world.ts';

const DIRECTORY_FILE = 0x0000_0001;

const openFolder = (tree: TestTree, name: string): Promise<TestFile> =>
  tree.open(name, { createOptions: DIRECTORY_FILE, desiredAccess: AccessMask.GENERIC_READ });

describe('QUERY_DIRECTORY', () => {
  it('lists once, matches as it was asked, and starts again when told', () =>
    onTree(async (tree) => {
      for (const name of ['b.txt', 'a.txt', 'c.doc']) await (await tree.open(name)).close();
      const names = async (root: TestFile, pattern: string, flags = 0) => {
        const bytes = await root.queryDirectory(Class.FileIdBothDirectoryInformation, pattern, flags);
        return FileIdBothDirectoryInformationList.decode(bytes).map(({ fileName }) => fileName);
      };
      const root = await openFolder(tree, '');
      assert.deepEqual((await names(root, '*.TXT')).sort(), ['a.txt', 'b.txt']);
      assert.equal(
        (await root.queryDirectory(Class.FileIdBothDirectoryInformation, '*')).length,
        0,
        'NO_MORE_FILES',
      );
      const RESTART = 1;
      assert.deepEqual((await names(root, '*', RESTART)).sort(), ['.', '..', 'a.txt', 'b.txt', 'c.doc']);
      const listing = (await openFolder(tree, '')).queryDirectory(
        Class.FileIdBothDirectoryInformation,
        'none',
      );
      await assert.rejects(listing, answered(NtStatus.NO_SUCH_FILE));
    }));
});

describe('CLOSE behind a QUERY_DIRECTORY', () => {
  it('lets the listing that is on its way arrive', () =>
    onTree(
      async (tree) => {
        for (const name of ['a', 'b', 'c']) await (await tree.open(name)).close();
        const root = await openFolder(tree, '');
        const listing = root.queryDirectory(Class.FileIdBothDirectoryInformation, '*');
        const closing = root.close();
        const names = FileIdBothDirectoryInformationList.decode(await listing).map(
          ({ fileName }) => fileName,
        );
        assert.deepEqual(names.sort(), ['.', '..', 'a', 'b', 'c']);
        await closing;
      },
      { wrapStore: (store) => latency(store, systemClock, 2) },
    ));
});

describe('QUERY_INFO', () => {
  it('tells WSL what it keeps of a file in extended attributes', () =>
    onTree(async (tree) => {
      const value = (number: number) => Buffer.from(Uint32Array.of(number).buffer);
      const eas = FileFullEaInformationList.encode([
        { flags: 0, eaName: '$LXUID', eaValue: value(1000) },
        { flags: 0, eaName: '$LXMOD', eaValue: value(0o100644) },
        { flags: 0, eaName: '$LXGID', eaValue: Buffer.from('?') },
      ]);
      const file = await tree.open('name', { contexts: [{ name: CreateContextName.EA_BUFFER, data: eas }] });
      const told = FileStatLxInformation.decode(
        await file.queryInfo(InfoType.FILE, Class.FileStatLxInformation),
      );
      const { lxFlags, lxUid, lxGid, lxMode, numberOfLinks } = told;
      assert.deepEqual(
        { lxFlags, lxUid, lxGid, lxMode, numberOfLinks },
        {
          lxFlags: LxFlag.HAS_UID | LxFlag.HAS_MODE,
          lxUid: 1000,
          lxGid: 0,
          lxMode: 0o100644,
          numberOfLinks: 1,
        },
      );
    }));

  it('cuts what does not fit where the class allows, and refuses otherwise', () =>
    onTree(async (tree) => {
      const { fileId } = await tree.open('name');
      const query = (fileInfoClass: number, outputBufferLength: number) => {
        const fixed = { infoType: InfoType.FILE, additionalInformation: 0, flags: 0, input: Buffer.alloc(0) };
        const body = QueryInfoRequest.encode({ ...fixed, fileInfoClass, outputBufferLength, fileId });
        return tree.request(Command.QUERY_INFO, body);
      };
      assert.equal((await query(Class.FileStandardInformation, 23)).status, NtStatus.INFO_LENGTH_MISMATCH);
      const cut = await query(Class.FileAllInformation, 106);
      assert.equal(cut.status, NtStatus.BUFFER_OVERFLOW);
      assert.equal(cut.decode(QueryInfoResponse).buffer.length, 106);
      assert.equal((await query(0xfe, 1000)).status, NtStatus.INVALID_INFO_CLASS);
    }));

  it('wants READ_ATTRIBUTES for attributes', () =>
    onTree(async (tree) => {
      const file = await tree.open('a', { desiredAccess: AccessMask.FILE_WRITE_DATA });
      await assert.rejects(
        file.query(Class.FileBasicInformation, FileBasicInformation),
        answered(NtStatus.ACCESS_DENIED),
      );
      assert.equal(
        (await file.query(Class.FileStandardInformation, FileStandardInformation)).numberOfLinks,
        1,
      );
    }));
});

describe('SET_INFO', () => {
  it('renames, also over another where that is wanted', () =>
    onTree(async (tree) => {
      const renaming = (fileName: string, replaceIfExists: boolean) =>
        FileRenameInformation.encode({ replaceIfExists, rootDirectory: 0n, fileName });
      await (await tree.open('taken')).close();
      const file = await tree.open('a');
      const rename = (name: string, replace: boolean) =>
        file.setInfo(InfoType.FILE, Class.FileRenameInformation, renaming(name, replace));
      await assert.rejects(rename('taken', false), answered(NtStatus.OBJECT_NAME_COLLISION));
      await assert.rejects(rename('nowhere\\b', false), answered(NtStatus.OBJECT_PATH_NOT_FOUND));
      await rename('taken', true);
      const open = tree.open('a', { createDisposition: CreateDisposition.OPEN });
      await assert.rejects(open, answered(NtStatus.OBJECT_NAME_NOT_FOUND));
    }));

  it('refuses what is too short', () =>
    onTree(async (tree) => {
      const file = await tree.open('a');
      const setting = file.setInfo(InfoType.FILE, Class.FileEndOfFileInformation, Buffer.alloc(7));
      await assert.rejects(setting, answered(NtStatus.INFO_LENGTH_MISMATCH));
    }));
});

describe('CHANGE_NOTIFY', () => {
  it('waits for a change, and ends with the watched folder', () =>
    onTree(async (tree) => {
      const root = await openFolder(tree, 'folder');
      const watch = root.watch(CompletionFilter.FILE_NAME);
      await (await tree.open('folder\\new')).close();
      const { buffer } = (await watch.response).decode(ChangeNotifyResponse);
      assert.deepEqual(FileNotifyInformationList.decode(buffer), [
        { action: FileAction.ADDED, fileName: 'new' },
      ]);
      const second = root.watch(CompletionFilter.FILE_NAME);
      await root.close();
      assert.equal((await second.response).status, NtStatus.NOTIFY_CLEANUP);
    }));
});
