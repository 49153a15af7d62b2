/**
 * What a renamed name may take the place of; one rule for every store.
 */
import type { BackendPath } from './contract.ts';
import { BackendError } from './error.ts';

/** Throws unless `moved` may take the place of `taken`. */
export function checkReplaceable(
  moved: { readonly kind: string },
  taken: { readonly kind: string },
  during: { replace: boolean; to: BackendPath },
): void {
  if (!during.replace) throw new BackendError('EEXIST', 'rename', during.to);
  if (moved.kind === 'directory' && taken.kind === 'directory')
    throw new BackendError('EEXIST', 'rename', during.to);
  if (moved.kind === 'directory') throw new BackendError('ENOTDIR', 'rename', during.to);
  if (taken.kind === 'directory') throw new BackendError('EISDIR', 'rename', during.to);
}
