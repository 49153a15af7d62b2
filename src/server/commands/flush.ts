/**
 * FLUSH. [MS-SMB2] 3.3.5.11
 */
import { OpenFile } from '../../vfs/open-file.ts';
import { flush as flushFile } from '../../vfs/read-write.ts';
import { AccessMask } from '../../wire/flags.ts';
import { FlushRequest, FlushResponse } from '../../wire/smb2/flush.ts';
import { Command } from '../../wire/smb2/header.ts';
import { command } from '../command.ts';

/** Also FILE_ADD_FILE and FILE_ADD_SUBDIRECTORY of a directory, which are the same bits. */
const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA;

export const flush = command({
  name: 'FLUSH',
  code: Command.FLUSH,
  needs: 'open',
  request: FlushRequest,
  response: FlushResponse,
  fileId: (request) => request.fileId,
  interimAfterMs: 500,
  spec: '[MS-SMB2] 2.2.17, 2.2.18, 3.3.5.11',
  async handle(context) {
    const { target } = context.open;
    if (!(target instanceof OpenFile)) return {};
    target.demandAccess(writing);
    for (;;) {
      const waiter = target.volume.driver.attempt((core, nowMs) => core.flush(target.core, nowMs));
      if (waiter === undefined) break;
      await context.wait(waiter);
    }
    await flushFile(target);
    return {};
  },
});
