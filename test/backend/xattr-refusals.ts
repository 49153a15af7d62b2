/**
 * Extended attributes that refuse on request, as file systems, kinds of files and missing rights do.
 */

import { BackendError } from '../../src/backend/error.ts';
import { present } from '../../src/base/assert.ts';
import { type Libc, loadLibc } from '../../src/native/libc.ts';
import type { Xattr, XattrCalls, XattrTarget } from '../../src/native/xattr.ts';

/** A call about to be made. */
export interface XattrCall {
  readonly operation: 'read' | 'write' | 'remove' | 'list';
  readonly name: string;
  readonly sizeBytes: number;
}

/** Answers the code of the error that the call is to end with. */
export type Refusal = (call: XattrCall) => string | undefined;

/** The system's attributes. */
export function systemXattr(): Xattr {
  return present(loadLibc()?.xattr, 'extended attributes');
}

/** The system's attributes with refusals. */
export function refusing(refusal: Refusal): Libc & { readonly xattr: Xattr } {
  const xattr = systemXattr();
  return {
    ...present(loadLibc(), 'libc'),
    xattr: { ...changed(xattr, refusal), link: changed(xattr.link, refusal) },
  };
}

function changed(calls: XattrCalls, refusal: Refusal): XattrCalls {
  const check = (operation: XattrCall['operation'], name: string | Buffer, value?: Buffer): void => {
    const code = refusal({ operation, name: name.toString(), sizeBytes: value?.length ?? 0 });
    if (code !== undefined) throw new BackendError(code, operation);
  };
  const now: Pick<XattrCalls, 'read' | 'write' | 'remove' | 'list'> = {
    read(target, name) {
      check('read', name);
      return calls.read(target, name);
    },
    write(target, name, value) {
      check('write', name, value);
      calls.write(target, name, value);
    },
    remove(target, name) {
      check('remove', name);
      return calls.remove(target, name);
    },
    list(target) {
      check('list', '');
      return calls.list(target);
    },
  };
  return {
    ...now,
    readLater: async (target, name) => now.read(target, name),
    writeLater: async (target, name, value) => now.write(target, name, value),
    removeLater: async (target, name) => now.remove(target, name),
    listLater: async (target: XattrTarget) => now.list(target),
  };
}
