/**
 * A tree of a whole server in memory, and what its answers are compared with.
 */
import type { Backend } from '../../../src/backend/contract.ts';
import { type NtStatus, NtStatusError } from '../../../src/base/status.ts';
import { connectClient, type NegotiateOffer, type TestTree } from '../../../src/testing/client.ts';
import { alice, memoryServer } from '../../testing/memory-server.ts';

interface Situation {
  readonly wrapStore?: (store: Backend) => Backend;
  readonly offer?: NegotiateOffer;
}

/** Runs `steps` on alice's tree `files` of a server of its own. */
export async function onTree(
  steps: (tree: TestTree) => Promise<void>,
  { wrapStore = (store) => store, offer }: Situation = {},
): Promise<void> {
  const server = memoryServer({ wrapStore });
  const client = await connectClient(server.connect(), offer);
  const tree = await (await client.logOn(alice)).connectTree('files');
  await steps(tree);
  client.close();
}

/** For `assert.rejects`: the error that stands for an answer with `status`. */
export function answered(status: NtStatus): (error: unknown) => boolean {
  return (error) => error instanceof NtStatusError && error.status === status;
}
