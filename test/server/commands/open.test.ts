import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault, faultAt } from '../../../src/backend/fault.ts';
import { present } from '../../../src/base/assert.ts';
import { NtStatus } from '../../../src/base/status.ts';
import { createRequestOf, succeeded, type TestTree } from '../../../src/testing/client.ts';
import { AccessMask, CreateAction, CreateDisposition } from '../../../src/wire/flags.ts';
import { CloseFlags, CloseRequest, CloseResponse } from '../../../src/wire/smb2/close.ts';
import {
  CreateContextName,
  QueryMaximalAccessResponse,
  QueryOnDiskIdResponse,
} from '../../../src/wire/smb2/create-context.ts';
import { ErrorContexts, ErrorResponse, SymbolicLinkErrorResponse } from '../../../src/wire/smb2/error.ts';
import { Command } from '../../../src/wire/smb2/header.ts';
import { answered, onTree } from './world.ts';

const { OPEN, CREATE } = CreateDisposition;

describe('CREATE', () => {
  it('says what it did, and CLOSE what became of it', () =>
    onTree(async (tree) => {
      const file = await tree.open('a.txt');
      assert.equal(file.created.createAction, CreateAction.CREATED);
      await file.write(0n, Buffer.from('four'));
      const closed = await file.close();
      assert.deepEqual([closed.endOfFile, closed.creationTime], [4n, file.created.creationTime]);
      const again = await tree.open('A.TXT', { createDisposition: OPEN });
      assert.deepEqual([again.created.createAction, again.created.endOfFile], [CreateAction.OPENED, 4n]);
      await assert.rejects(
        tree.open('a.TXT', { createDisposition: CREATE }),
        answered(NtStatus.OBJECT_NAME_COLLISION),
      );
      await assert.rejects(
        tree.open('b', { createDisposition: OPEN }),
        answered(NtStatus.OBJECT_NAME_NOT_FOUND),
      );
    }));

  it('gives nothing but zeros when CLOSE is not asked for attributes, and closes once', () =>
    onTree(async (tree) => {
      const { fileId } = await tree.open('a');
      const close = (flags: number) => tree.request(Command.CLOSE, CloseRequest.encode({ flags, fileId }));
      const closed = succeeded(await close(0)).decode(CloseResponse);
      assert.deepEqual([closed.flags, closed.creationTime, closed.fileAttributes], [0, 0n, 0]);
      assert.equal((await close(CloseFlags.POSTQUERY_ATTRIB)).status, NtStatus.FILE_CLOSED);
    }));

  it('leaves the extensions of macOS and for POSIX unanswered, whatever stands in them', () =>
    onTree(async (tree) => {
      for (const [at, bytes] of [0, 3, 4, 24, 1000].entries()) {
        const data = Buffer.alloc(bytes, 1);
        const contexts = [CreateContextName.AAPL, CreateContextName.POSIX].map((name) => ({ name, data }));
        const { created } = await tree.open(`a${at}`, { contexts });
        assert.deepEqual([created.createAction, created.createContexts], [CreateAction.CREATED, []]);
      }
    }));

  it('answers the contexts it knows, ignores others and refuses broken ones', () =>
    onTree(async (tree) => {
      const { QUERY_MAXIMAL_ACCESS_REQUEST, QUERY_ON_DISK_ID, ALLOCATION_SIZE } = CreateContextName;
      const none = Buffer.alloc(0);
      const asked = [QUERY_MAXIMAL_ACCESS_REQUEST, QUERY_ON_DISK_ID, 'zzzz'];
      const { created } = await tree.open('a', { contexts: asked.map((name) => ({ name, data: none })) });
      const answers = new Map(created.createContexts.map(({ name, data }) => [name, data]));
      assert.deepEqual([...answers.keys()].sort(), ['MxAc', 'QFid']);
      const access = QueryMaximalAccessResponse.decode(present(answers.get('MxAc'), 'MxAc'));
      assert.equal(access.maximalAccess, AccessMask.FILE_ALL_ACCESS);
      assert.notEqual(QueryOnDiskIdResponse.decode(present(answers.get('QFid'), 'QFid')).diskFileId, 0n);
      const broken = { contexts: [{ name: ALLOCATION_SIZE, data: Buffer.alloc(3) }] };
      await assert.rejects(tree.open('a', broken), answered(NtStatus.INVALID_PARAMETER));
    }));

  it('tells of errors of the store by their own status, and the connection lives on', () =>
    onTree(
      async (tree) => {
        await assert.rejects(tree.open('a'), answered(NtStatus.DISK_FULL));
        assert.equal((await tree.open('a')).created.createAction, CreateAction.CREATED);
      },
      { wrapStore: (store) => fault(store, faultAt(0, { kind: 'error', code: 'ENOSPC' }, 'create')) },
    ));
});

/** The error data of an open that a symbolic link out of the share stops. */
async function stopped(tree: TestTree): Promise<{ contextCount: number; data: Buffer }> {
  const body = createRequestOf('folder\\out\\rest', { createDisposition: OPEN });
  const response = await tree.request(Command.CREATE, body);
  assert.equal(response.status, NtStatus.STOPPED_ON_SYMLINK);
  const { errorContextCount, errorData } = response.decode(ErrorResponse);
  return { contextCount: errorContextCount, data: errorData };
}

describe('STOPPED_ON_SYMLINK', () => {
  const seen = new Map<string, Buffer>();
  const wrapStore = (store: Parameters<typeof fault>[0]) => {
    void store.makeDirectory('folder');
    void store.symlinks?.makeLink('folder/out', '/elsewhere');
    return store;
  };

  it('carries the target as it is before SMB 3.1.1', () =>
    onTree(
      async (tree) => {
        const { contextCount, data } = await stopped(tree);
        assert.equal(contextCount, 0);
        const link = SymbolicLinkErrorResponse.decode(data);
        assert.deepEqual([link.printName, link.substituteName], ['\\elsewhere', '\\??\\\\elsewhere']);
        assert.deepEqual([link.flags, link.unparsedPathLength], [0, '\\rest'.length * 2]);
        seen.set('3.0', data);
      },
      { wrapStore, offer: { dialects: [0x0302] } },
    ));

  it('carries the same in a context in SMB 3.1.1', () =>
    onTree(
      async (tree) => {
        const { contextCount, data } = await stopped(tree);
        assert.equal(contextCount, 1);
        const { contexts } = ErrorContexts.decode(data);
        assert.deepEqual(contexts, [{ errorId: 0, errorContextData: seen.get('3.0') }]);
      },
      { wrapStore },
    ));
});
