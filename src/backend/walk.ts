/**
 * Everything that lies below a directory.
 */
import type { Backend, BackendPath, BackendStat } from './contract.ts';
import { codeOf } from './error.ts';
import { join } from './path.ts';

/** For a look over what others may change meanwhile: what is gone since it was listed, and what nobody may look into. */
export const isOutOfReach = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '');

/**
 * Each file, directory and link below `from`, itself excepted; directories before what is in them. A directory below whose
 * list fails is passed over where `isPassed` says so.
 */
export async function* walk(
  store: Backend,
  from: BackendPath,
  isPassed: (error: unknown) => boolean = () => false,
): AsyncGenerator<{ readonly path: BackendPath; readonly stat: BackendStat }> {
  const pending = [from];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    try {
      for await (const batch of store.list(directory)) {
        const found = batch.map(({ name, stat }) => ({ path: join(directory ?? '', name), stat }));
        yield* found;
        pending.push(...found.filter(({ stat }) => stat.kind === 'directory').map(({ path }) => path));
      }
    } catch (error) {
      if (directory === from || !isPassed(error)) throw error;
    }
  }
}
