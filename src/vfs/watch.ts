/**
 * Watching directories. [MS-FSA] 2.1.5.11
 */
import { NtStatus, NtStatusError } from '../base/status.ts';
import type { NotifyEntry, WatchRequest } from '../fs/types.ts';
import type { OpenFile } from './open-file.ts';
import type { Waiter } from './waiter.ts';

/** What has happened already, or a waiter that ends with `notify`. */
export function watchDirectory(
  file: OpenFile,
  request: WatchRequest,
): Waiter | { status: NtStatus; entries: readonly NotifyEntry[] } {
  const { driver, outside } = file.volume;
  file.endWatch ??= outside.watch(file.link.path, request.isRecursive, file.core.file);
  const outcome = driver.core.watch(file.core, request, driver.nowMs);
  const waiter = outcome.kind === 'wait' ? driver.waiterOf(outcome.ticket) : undefined;
  driver.settle();
  if (waiter !== undefined) return waiter;
  if (outcome.kind === 'notified') return outcome;
  throw new NtStatusError(outcome.kind === 'denied' ? outcome.status : NtStatus.INTERNAL_ERROR, 'watch');
}
