/**
 * Wrappers of a share's storage, from its settings.
 */
import { audit, auditedOperations } from '../backend/audit.ts';
import type { Backend } from '../backend/contract.ts';
import { fault } from '../backend/fault.ts';
import { latency } from '../backend/latency.ts';
import { quota } from '../backend/quota.ts';
import { readOnly } from '../backend/read-only.ts';
import { recycle } from '../backend/recycle.ts';
import { snapshotFolders } from '../backend/snapshots.ts';
import { veto } from '../backend/veto.ts';
import { type Operation, operations } from '../backend/wrap.ts';
import type { Clock } from '../base/clock.ts';
import { type Log, printable } from '../base/log.ts';
import { compilePattern } from '../fs/wildcards.ts';
import { durationMs } from './duration.ts';
import { sizeBytes } from './size.ts';
import { StateFolderError } from './state-folder.ts';
import { codeOf, reasonOf } from './system-error.ts';
import type { ConfiguredWrapper } from './wrapper-schema.ts';

/** A test for names that match any of `patterns`, `*` and `?` standing for anything, without regard to case. */
export function namesMatching(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(compilePattern);
  return (name) => matchers.some((matches) => matches(name));
}

export interface WrapperParts {
  readonly share: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Opens a folder outside of the share. */
  readonly openFolder: (path: string) => Backend;
  /** Where the limits of owners are kept; absent where nothing outlives the server. */
  readonly quotaDirectory: string | undefined;
}

/** `store` within its wrappers: the first is next to the storage, the last next to the clients. */
export function wrapped(
  store: Backend,
  wrappers: readonly ConfiguredWrapper[],
  parts: WrapperParts,
): Backend {
  return wrappers.reduce((inner, wrapper) => wrap(inner, wrapper, parts), store);
}

function wrap(store: Backend, wrapper: ConfiguredWrapper, parts: WrapperParts): Backend {
  const { clock } = parts;
  if (wrapper.readOnly) return readOnly(store);
  if (wrapper.recycle) return recycled(store, wrapper.recycle, clock);
  if (wrapper.veto) return veto(store, namesMatching(wrapper.veto));
  if (wrapper.quota) return limited(store, wrapper.quota, parts);
  if (wrapper.snapshots) return withSnapshots(store, wrapper.snapshots, parts);
  if (wrapper.audit) return audited(store, wrapper.audit, parts);
  if (wrapper.latency !== undefined) return latency(store, clock, wrapper.latency);
  if (wrapper.fault) {
    const { every, code } = wrapper.fault;
    return fault(store, ({ count }) => ((count + 1) % every === 0 ? { kind: 'error', code } : undefined));
  }
  return store;
}

function recycled(store: Backend, wrapper: NonNullable<ConfiguredWrapper['recycle']>, clock: Clock): Backend {
  const { folder, days, maxSize, ignore } = wrapper;
  const sizeBytesMax = maxSize === undefined ? undefined : sizeBytes(maxSize);
  return recycle(store, {
    folder,
    clock,
    isIgnored: namesMatching(ignore),
    ...(days !== undefined && { days }),
    ...(sizeBytesMax !== undefined && { sizeBytesMax }),
  });
}

function limited(
  store: Backend,
  { size, files, recount }: NonNullable<ConfiguredWrapper['quota']>,
  { quotaDirectory, clock, log }: WrapperParts,
): Backend {
  const sizeBytesMax = size === undefined ? undefined : sizeBytes(size);
  const recountMs = recount === undefined ? undefined : durationMs(recount);
  try {
    return quota(store, {
      clock,
      log,
      ...(sizeBytesMax !== undefined && { sizeBytesMax }),
      ...(files !== undefined && { fileCountMax: files }),
      ...(recountMs !== undefined && { recountMs }),
      ...(quotaDirectory !== undefined && { stateDirectory: quotaDirectory }),
    });
  } catch (error) {
    const reason = codeOf(error) === 'EBUSY' ? 'another server uses it' : reasonOf(error);
    throw new StateFolderError(`the state folder ${quotaDirectory} cannot be used: ${reason}`);
  }
}

function withSnapshots(
  store: Backend,
  { directory, path, format, below }: NonNullable<ConfiguredWrapper['snapshots']>,
  { openFolder }: WrapperParts,
): Backend {
  const more = { format, ...(below !== undefined && { below }) };
  if (path === undefined) return snapshotFolders(store, { directory, ...more });
  const within = openFolder(path);
  const close = async (): Promise<void> => {
    await store.close();
    await within.close();
  };
  return { ...snapshotFolders(store, { directory: '', within, ...more }), close };
}

const isOperation = (name: string): name is Operation => Object.hasOwn(operations, name);

function audited(
  store: Backend,
  { operations: wanted }: NonNullable<ConfiguredWrapper['audit']>,
  { share, log }: WrapperParts,
): Backend {
  const names = wanted?.filter(isOperation) ?? auditedOperations;
  return audit(
    store,
    ({ operation, path, to, error }) =>
      log.write('info', 'audit', {
        share,
        operation,
        ...(path !== undefined && { path: printable(path) }),
        ...(to !== undefined && { to: printable(to) }),
        result: error ?? 'done',
      }),
    names,
  );
}
