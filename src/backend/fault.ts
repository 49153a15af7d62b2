/**
 * A store that fails on purpose: at chosen operations, in chosen ways. For tests of whatever stands above a store.
 */
import type { Backend, BackendHandle, MaybePromise } from './contract.ts';
import { BackendError } from './error.ts';
import { type BackendCall, type Operation, wrapBackend } from './wrap.ts';

export type Fault =
  /** The operation is not begun and fails with this Node error code. */
  | { readonly kind: 'error'; readonly code: string }
  /** The operation is done, and then reported as failed. */
  | { readonly kind: 'errorAfter'; readonly code: string }
  /** Part of a write reaches the store, then it fails. Other operations just fail. */
  | { readonly kind: 'shortWrite'; readonly bytes: number; readonly code: string }
  /** The operation begins once `until` is settled. */
  | { readonly kind: 'stall'; readonly until: Promise<unknown> }
  /** A sync answers well and does nothing. */
  | { readonly kind: 'lostSync' };

/** Says what goes wrong with a call: `count` calls came before it, `nth` of them of the same operation. */
export type FaultPlan = (
  call: BackendCall & { readonly count: number; readonly nth: number },
) => Fault | undefined;

/** The plan that fails the `n`-th call (from 0), of any or of one operation. */
export function faultAt(n: number, fault: Fault, operation?: Operation): FaultPlan {
  return (call) => {
    if (operation === undefined) return call.count === n ? fault : undefined;
    return call.operation === operation && call.nth === n ? fault : undefined;
  };
}

/** The plan that fails each call with the given chance; `random` returns numbers from 0 to 1, e.g. seeded ones. */
export function faultsBy(random: () => number, chance: number, faults: readonly Fault[]): FaultPlan {
  return () => (random() < chance ? faults[Math.floor(random() * faults.length)] : undefined);
}

/** `store` with the faults of `plan`. Closing a handle or the store never fails. */
export function fault(store: Backend, plan: FaultPlan): Backend {
  const counts = new Map<Operation, number>();
  let count = 0;

  const next = (call: BackendCall): Fault | undefined => {
    const nth = counts.get(call.operation) ?? 0;
    counts.set(call.operation, nth + 1);
    count += 1;
    return plan({ ...call, count: count - 1, nth });
  };

  return wrapBackend(store, {
    name: store.name,
    gate: (call, proceed) => undergo(next(call), call, proceed),
    write: (source, write) => {
      const call: BackendCall = { operation: 'write' };
      const planned = next(call);
      return planned?.kind === 'shortWrite'
        ? failAfter(planned.code, call, () => write(source.subarray(0, planned.bytes)))
        : undergo(planned, call, () => write(source));
    },
    sync: (sync) => {
      const call: BackendCall = { operation: 'sync' };
      const planned = next(call);
      return planned?.kind === 'lostSync' ? undefined : undergo(planned, call, sync);
    },
  });
}

/** Whoever hears that an open failed closes nothing. */
function isOpened(answer: unknown): answer is Pick<BackendHandle, 'close'> {
  return (
    typeof answer === 'object' && answer !== null && 'close' in answer && typeof answer.close === 'function'
  );
}

async function failAfter<T>(code: string, call: BackendCall, proceed: () => MaybePromise<T>): Promise<T> {
  const answer: unknown = await proceed();
  if (isOpened(answer)) await answer.close();
  throw new BackendError(code, call.operation, call.path);
}

function undergo<T>(
  planned: Fault | undefined,
  call: BackendCall,
  proceed: () => MaybePromise<T>,
): MaybePromise<T> {
  switch (planned?.kind) {
    case undefined:
    case 'lostSync':
      return proceed();
    case 'error':
    case 'shortWrite':
      throw new BackendError(planned.code, call.operation, call.path);
    case 'errorAfter':
      return failAfter(planned.code, call, proceed);
    case 'stall':
      return planned.until.then(proceed);
  }
}
