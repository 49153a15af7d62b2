/**
 * Marking files for deletion. [MS-FSA] 2.1.5.15.3, 2.1.5.15.4
 */
import type { MaybePromise } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask, FileAttribute } from '../wire/flags.ts';
import { DispositionFlag } from '../wire/fscc/file.ts';
import { chain } from './maybe-promise.ts';
import type { OpenFile } from './open-file.ts';
import type { Waiter } from './waiter.ts';

/** `flags` are those of FileDispositionInformationEx. A waiter when caches of others break first. */
export function setDisposition(file: OpenFile, flags: number): MaybePromise<Waiter | undefined> {
  file.demandAccess(AccessMask.DELETE);
  const { volume, core, link } = file;
  const isDelete = (flags & DispositionFlag.DELETE) !== 0;
  demand(link.path !== '' || !isDelete, NtStatus.CANNOT_DELETE, 'the root of a share stays');
  const ignoresReadOnly = (flags & DispositionFlag.IGNORE_READONLY_ATTRIBUTE) !== 0;
  const disposition = {
    isDelete,
    isPosix: (flags & DispositionFlag.POSIX_SEMANTICS) !== 0,
    isOnClose: (flags & DispositionFlag.ON_CLOSE) !== 0,
  };
  return chain(isDelete ? checkDeletable(file, ignoresReadOnly) : undefined, () =>
    volume.driver.attempt((fs, nowMs) => fs.setDisposition(core, disposition, nowMs)),
  );
}

function checkDeletable(file: OpenFile, ignoresReadOnly: boolean): MaybePromise<void> {
  return chain(file.handle.stat(), (stat) => {
    const isReadOnly = (file.attributesOf(stat) & FileAttribute.READONLY) !== 0;
    demand(!isReadOnly || file.isDirectory || ignoresReadOnly, NtStatus.CANNOT_DELETE, 'read-only file');
    return file.isDirectory ? checkEmpty(file) : undefined;
  });
}

async function checkEmpty(file: OpenFile): Promise<void> {
  demand(await isEmpty(file), NtStatus.DIRECTORY_NOT_EMPTY);
}

async function isEmpty(file: OpenFile): Promise<boolean> {
  for await (const batch of file.volume.backend.list(file.link.path)) if (batch.length > 0) return false;
  return true;
}
