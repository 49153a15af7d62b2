/**
 * The contract suite: what every storage backend must do, as tests for any runner that takes a name and a function.
 *
 *     import { test } from 'node:test';
 *     backendContract('my store', () => new MyBackend(), { test });
 */
import type { Backend } from '../backend/contract.ts';
import { attributeCases } from './backend-contract/attributes.ts';
import type { ContractCase, ContractTraits } from './backend-contract/case.ts';
import { copyCases } from './backend-contract/copy.ts';
import { directoryCases } from './backend-contract/directories.ts';
import { fileCases } from './backend-contract/files.ts';
import { historyCases } from './backend-contract/history.ts';
import { linkCases } from './backend-contract/links.ts';
import { nameCases } from './backend-contract/names.ts';
import { readingCases } from './backend-contract/reading.ts';
import { renameCases } from './backend-contract/renames.ts';
import { sparseCases } from './backend-contract/sparse.ts';
import { streamCases } from './backend-contract/streams.ts';
import { timeCases } from './backend-contract/times.ts';
import { watchCases } from './backend-contract/watch.ts';

/** What the runner hands to a test; only `skip` is used, where it exists. */
export interface ContractTestContext {
  skip?(reason: string): void;
}

/** Registers one test; `test` of node:test fits, as does any runner's function of the same shape. */
export type ContractTest = (name: string, body: (context?: ContractTestContext) => Promise<void>) => unknown;

export interface ContractOptions extends Partial<ContractTraits> {
  readonly test: ContractTest;
  /** The store cannot be changed: it is judged by what it holds, which should be a bit of everything. Default false. */
  readonly isReadOnly?: boolean;
  /** Cleans up after a test, once the backend is closed. */
  readonly dispose?: (backend: Backend) => void | Promise<void>;
}

export { readingCases };

/** Every case, in the order in which an author should make them pass. */
export const contractCases: readonly ContractCase[] = [
  ...fileCases,
  ...directoryCases,
  ...nameCases,
  ...renameCases,
  ...timeCases,
  ...linkCases,
  ...streamCases,
  ...attributeCases,
  ...sparseCases,
  ...copyCases,
  ...watchCases,
  ...historyCases,
];

/** What a store promises, with the defaults. */
export function traitsOf(options: Partial<ContractTraits>): ContractTraits {
  return {
    hasExactNames: options.hasExactNames ?? true,
    timeStep: options.timeStep ?? 1n,
    fileBytesMax: options.fileBytesMax ?? Number.MAX_SAFE_INTEGER,
    pathCharsMax: options.pathCharsMax ?? 32_000,
    keepsRemovedFiles: options.keepsRemovedFiles ?? false,
    takeSnapshot: options.takeSnapshot,
    another: options.another ?? (() => undefined),
    settle: options.settle ?? (() => Promise.resolve()),
  };
}

/** Registers the suite for the store that `factory` makes for each test: a new, empty one, or one that is read-only. */
export function backendContract(
  name: string,
  factory: () => Backend | Promise<Backend>,
  options: ContractOptions,
): void {
  const traits = traitsOf(options);
  for (const { behaviour, needs, run } of options.isReadOnly ? readingCases : contractCases) {
    options.test(`${name}: ${behaviour}`, async (context) => {
      const backend = await factory();
      try {
        const isOffered = needs === undefined || (await needs(backend, traits));
        if (isOffered) await run(backend, traits);
        else context?.skip?.('not offered by this store');
      } finally {
        await backend.close();
        await options.dispose?.(backend);
      }
    });
  }
}
