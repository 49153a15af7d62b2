/**
 * `kill -9`: a real server under parallel writers is killed at random moments and started again; all that it answered must
 * be there, flushed or not, and what a client had open for good is open again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { compare } from './found.ts';
import { Keeper } from './keeper.ts';
import { Ledger } from './ledger.ts';
import { connectTree, ServerProcess } from './server-process.ts';
import { addTo, type Tally, WriterGroup } from './writer-group.ts';

/** A client is known by its ClientGuid when it comes back. */
const keeperGuid = '00000000-0000-4000-9000-000000000001';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  readonly writers: number;
}

/** Kills the server `kills` times; what was compared, and what was lost. */
export async function killRepeatedly({ kills, seed, writers }: KillOptions): Promise<Tally> {
  const root = mkdtempSync(join(tmpdir(), 'smbkit-kill-'));
  const random = new SeededEntropy(seed);
  const tally: Tally = { crashes: 0, names: 0, blocks: 0, metadata: 0, losses: [], operations: 0 };
  const share = { continuousAvailability: true };
  let server = await ServerProcess.start({ root, share });
  try {
    for (let number = 0; number < kills && tally.losses.length === 0; number++) {
      const ledger = new Ledger();
      const { port } = server;
      const group = await WriterGroup.start({
        ledger,
        writers,
        pauseMs: random.pick([0, 10]),
        prefix: `g${number}-`,
        seed: random.next(),
        connect: () => connectTree(port),
      });
      const keeper = await Keeper.start(await connectTree(port, keeperGuid), number);
      const keeping = keeper.run();
      keeping.catch(() => {});
      await group.during(delay(100 + random.below(1500)));
      await server.kill();
      tally.operations += await group.lost();
      const moment = ledger.moment('answered');
      await keeping;
      server = await ServerProcess.start({ root, share });
      const tree = await server.connectTree();
      addTo(tally, await compare(tree, moment));
      const again = await connectTree(server.port, keeperGuid);
      tally.losses.push(...(await keeper.comeBack(again, tree)));
      for (const { session } of [tree, again]) session.connection.close();
    }
  } finally {
    await server.kill();
    rmSync(root, { recursive: true });
  }
  return tally;
}
