/**
 * `kill -9`: a real server under parallel writers is killed at random moments and started again; all that it answered must
 * be there, flushed or not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { compare } from './found.ts';
import { Ledger } from './ledger.ts';
import { connectTree, ServerProcess } from './server-process.ts';
import { addTo, type Tally, WriterGroup } from './writer-group.ts';

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
  let server = await ServerProcess.start({ root });
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
      await group.during(delay(100 + random.below(1500)));
      await server.kill();
      tally.operations += await group.lost();
      const moment = ledger.moment('answered');
      server = await ServerProcess.start({ root });
      const tree = await server.connectTree();
      addTo(tally, await compare(tree, moment));
      tree.session.connection.close();
    }
  } finally {
    await server.kill();
    rmSync(root, { recursive: true });
  }
  return tally;
}
