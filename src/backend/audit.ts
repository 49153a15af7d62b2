/**
 * A record of what is done to a store.
 */
import type { Backend, BackendPath, MaybePromise } from './contract.ts';
import { codeOf } from './error.ts';
import { type BackendCall, type Operation, operations, wrapBackend } from './wrap.ts';

/** One operation that is over. Who asked for it is not known to a store. */
export interface AuditEvent {
  readonly operation: Operation;
  readonly path?: BackendPath;
  /** Where a name went, for `rename` and `link`. */
  readonly to?: BackendPath;
  /** The Node error code of a failure; absent when it was done. */
  readonly error?: string;
}

/** What is reported unless told otherwise: every change but the bytes of files, and what is opened. */
export const auditedOperations: readonly Operation[] = Object.freeze([
  'open',
  ...(Object.keys(operations) satisfies string[]).filter(isChangeOfName),
]);

function isChangeOfName(name: string): name is Operation {
  if (!Object.hasOwn(operations, name)) return false;
  return !['write', 'truncate', 'punch', 'copy'].includes(name) && Reflect.get(operations, name) === 'change';
}

/** `store`, with `report` called after each of `audited`; what it throws is the caller's to bear. */
export function audit(
  store: Backend,
  report: (event: AuditEvent) => void,
  audited: readonly Operation[] = auditedOperations,
): Backend {
  const wanted = new Set(audited);
  return wrapBackend(store, {
    name: store.name,
    gate: (call, proceed) => (wanted.has(call.operation) ? watched(call, proceed, report) : proceed()),
  });
}

function watched<T>(
  call: BackendCall,
  proceed: () => MaybePromise<T>,
  report: (event: AuditEvent) => void,
): MaybePromise<T> {
  const failed = (error: unknown): never => {
    report({ ...call, error: codeOf(error) ?? 'unknown' });
    throw error;
  };
  const done = (value: T): T => {
    report(call);
    return value;
  };
  let answer: MaybePromise<T>;
  try {
    answer = proceed();
  } catch (error) {
    return failed(error);
  }
  return answer instanceof Promise ? answer.then(done, failed) : done(answer);
}
