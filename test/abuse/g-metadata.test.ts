/** Row G15: what the server keeps beside the files. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { localBackend } from '../../src/backend/local.ts';
import { statusName } from '../../src/base/status.ts';
import { FileAttribute } from '../../src/wire/flags.ts';
import { FileFullEaInformationList } from '../../src/wire/fscc/extended-attributes.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { addVolume, underAbuseOfFolder } from './places.ts';

const own = [
  'DOSATTRIB',
  'NTACL',
  'DosStream.x:$DATA',
  'smbkit.attributes',
  'SAMBA_PAI',
  'org.netatalk.Metadata',
  'SMBKIT:OBJECTID',
];

describe('what the server keeps of its own', () => {
  it('G15 is not listed, read or written as an extended attribute', () =>
    underAbuseOfFolder(async ({ tree }) => {
      const share = await tree();
      const file = await share.open('file.bin', {
        fileAttributes: FileAttribute.HIDDEN,
        desiredAccess: 0x1f01ff,
      });
      await (await share.open('file.bin:stream')).close();
      await file.setInfo(
        InfoType.SECURITY,
        0,
        await file.queryInfo(InfoType.SECURITY, 0, { additionalInformation: 7 }),
        4,
      );
      for (const name of own) {
        const eaName = name.toUpperCase();
        const list = FileFullEaInformationList.encode([{ flags: 0, eaName, eaValue: Buffer.from('forged') }]);
        const body = SetInfoRequest.encode({
          infoType: InfoType.FILE,
          fileInfoClass: Class.FileFullEaInformation,
          additionalInformation: 0,
          fileId: file.fileId,
          buffer: list,
        });
        const { status } = await share.request(Command.SET_INFO, body);
        // The second one is of the warnings, by its number.
        assert.match(statusName(status), /^STATUS_(?:ACCESS_DENIED|INVALID_EA_NAME)$/, name);
      }
      const attributes = (await file.queryInfo(InfoType.FILE, Class.FileBasicInformation)).readUInt32LE(32);
      assert.ok((attributes & FileAttribute.HIDDEN) !== 0, 'forging changed nothing');
      const listed = await file
        .queryInfo(InfoType.FILE, Class.FileFullEaInformation)
        .catch(() => Buffer.alloc(0));
      const names = listed.length === 0 ? [] : FileFullEaInformationList.decode(listed);
      assert.deepEqual(names, [], 'nothing of it is listed');
      const streams = (await file.queryInfo(InfoType.FILE, Class.FileStreamInformation)).toString('utf16le');
      assert.ok(!/DOSATTRIB|NTACL|smbkit/i.test(streams));
      share.session.connection.close();
    }));

  it('G15 keeps malformed data of others’ formats as the bytes they are', () =>
    underAbuseOfFolder(async ({ tree }) => {
      const share = await tree();
      for (const [index, data] of [
        Buffer.alloc(1),
        Buffer.alloc(60, 0xff),
        Buffer.alloc(4000, 'AFP'),
      ].entries()) {
        for (const name of ['AFP_AfpInfo', 'AFP_Resource', 'Zone.Identifier']) {
          const stream = await share.open(`file${index}.bin:${name}`);
          await stream.write(0n, data);
          assert.deepEqual(await stream.read(0n, 5000), data);
          await stream.close();
        }
      }
      share.session.connection.close();
    }));

  it('G15 lies in a folder of its own, which no share leads to', () =>
    underAbuseOfFolder(async ({ server, tree }, { outside }) => {
      const stateDirectory = join(outside, 'state');
      const folder = join(outside, 'kept');
      mkdirSync(folder);
      addVolume(server, 'kept', { backend: localBackend(folder, { stateDirectory }) });
      const share = await tree('kept');
      const file = await share.open('file.bin', { fileAttributes: FileAttribute.SYSTEM });
      await file.flush();
      await file.close();
      assert.deepEqual(readdirSync(folder), ['file.bin']);
      await assert.rejects(share.open('..\\state', { createDisposition: 1 }));
      share.session.connection.close();
    }));
});
