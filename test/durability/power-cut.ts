/**
 * Power cuts: a real server on an ext4 image under parallel writers; copies of the image at random moments must hold all
 * that was flushed by then.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { localBackend } from '../../src/backend/local.ts';
import { serve } from '../../src/control/serve.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { compare } from './found.ts';
import { type Disks, withDisks } from './image.ts';
import { Ledger, type Moment } from './ledger.ts';
import { account, connectTree, ServerProcess, shareName } from './server-process.ts';
import { addTo, type Tally, WriterGroup } from './writer-group.ts';

export interface PowerCutOptions {
  readonly cuts: number;
  readonly seed: number;
  readonly writers: number;
  /** Sees each cut that is done. */
  readonly onCut?: (number: number, tally: Tally) => void;
}

/** Cuts the power `cuts` times; what was compared, and what was lost. */
export function cutPower(options: PowerCutOptions): Promise<Tally> {
  return withDisks(async (disks) => {
    const disk = await disks.make();
    const server = await ServerProcess.start({ root: disk.mountPoint });
    try {
      return await cutRepeatedly(disks, server, options);
    } finally {
      await server.kill();
    }
  });
}

/** Cuts under one group of writers; then another one, larger or smaller, busier or lazier, takes over. */
const cutsPerGroup = 10;

async function cutRepeatedly(disks: Disks, server: ServerProcess, options: PowerCutOptions): Promise<Tally> {
  const random = new SeededEntropy(options.seed);
  const tally: Tally = { crashes: 0, names: 0, blocks: 0, metadata: 0, losses: [], operations: 0 };
  for (let number = 0; number < options.cuts && tally.losses.length === 0; number += cutsPerGroup) {
    const ledger = new Ledger();
    const group = await WriterGroup.start({
      ledger,
      writers: 1 + random.below(options.writers),
      pauseMs: random.pick([0, 10, 40]),
      prefix: `g${number}-`,
      seed: random.next(),
      connect: () => server.connectTree(),
    });
    const cuts = Math.min(cutsPerGroup, options.cuts - number);
    for (let i = 0; i < cuts && tally.losses.length === 0; i++) {
      await group.during(delay(random.below(150)));
      // The moment right after a promise is the hardest to be ready for.
      if (random.below(2) === 0) await group.during(ledger.promised());
      await cut(disks, ledger, tally);
      options.onCut?.(number + i + 1, tally);
    }
    tally.operations += await group.stop();
  }
  return tally;
}

async function cut(disks: Disks, ledger: Ledger, tally: Tally): Promise<void> {
  const moment = ledger.moment('flushed');
  const copy = await disks.copy();
  ledger.passed(moment);
  await inspect(copy.mountPoint, moment, tally);
  await disks.remove(copy);
}

/** Serves what a power cut left, and compares. */
async function inspect(root: string, moment: Moment, tally: Tally): Promise<void> {
  const [state = ''] = readdirSync(join(root, 'state/shares'));
  // It names the process that the power cut has ended, and that goes on here.
  rmSync(join(root, 'state/shares', state, 'owner'), { force: true });
  const backend = localBackend(join(root, shareName), { stateDirectory: join(root, 'state/shares', state) });
  const users = [{ name: account.user, password: account.password }];
  const server = await serve({ shares: { [shareName]: backend }, users, port: 0 });
  try {
    const tree = await connectTree(server.address.port);
    addTo(tally, await compare(tree, moment));
    tree.session.connection.close();
  } finally {
    await server.close({ drainMs: 0 });
  }
}
