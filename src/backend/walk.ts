/**
 * Everything that lies below a directory.
 */
import type { Backend, BackendPath, BackendStat } from './contract.ts';
import { join } from './path.ts';

/** Each file, directory and link below `from`, itself excepted; directories before what is in them. */
export async function* walk(
  store: Backend,
  from: BackendPath,
): AsyncGenerator<{ readonly path: BackendPath; readonly stat: BackendStat }> {
  const pending = [from];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for await (const batch of store.list(directory)) {
      const found = batch.map(({ name, stat }) => ({ path: join(directory ?? '', name), stat }));
      yield* found;
      pending.push(...found.filter(({ stat }) => stat.kind === 'directory').map(({ path }) => path));
    }
  }
}
