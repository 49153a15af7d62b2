/**
 * One seeded run: several clients, some steps, and after each of them what must always hold.
 */
import { violatesSharing } from '../../../src/fs/sharing.ts';
import type { Break, CoreOpen } from '../../../src/fs/types.ts';
import { LeaseState, OplockLevel } from '../../../src/wire/flags.ts';
import { Client } from './client.ts';
import { Disk, directoryKey, type Listener } from './disk.ts';
import { Random } from './random.ts';

const clientCount = 4;

/** What went wrong, so that a person can follow it. */
export class SimulationFailure extends Error {
  constructor(seed: number, step: number, trace: readonly string[], cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`seed ${seed}, step ${step}: ${reason}\n\nlast events:\n${trace.join('\n')}`);
    this.name = 'SimulationFailure';
  }
}

/** Runs `steps` steps of `seed`; throws {@link SimulationFailure}. */
export function simulate(seed: number, steps: number): void {
  const disk = new Disk(new Random(seed));
  const clients = Array.from({ length: clientCount }, (_, number) => new Client(disk, number + 1));
  disk.listener = listenerOf(clients);
  let step = 0;
  try {
    for (; step < steps; step++) {
      advance(disk, clients);
      disk.random.pick(clients).act();
      disk.resume();
      if (disk.random.oneIn(60)) disk.cancelOne();
      check(disk);
    }
    wind(disk, clients);
  } catch (error) {
    throw new SimulationFailure(seed, step, disk.trace, error);
  }
}

function listenerOf(clients: readonly Client[]): Listener {
  const ofGuid = (guid: string) => clients.find((client) => client.guid === guid);
  return {
    hear(notice: Break) {
      if (
        notice.isAckRequired === false &&
        notice.target === 'lease' &&
        notice.from & ~LeaseState.READ_CACHING
      ) {
        throw new Error('a holder of more than R was not asked to acknowledge');
      }
      if (notice.target === 'lease' && (notice.to & ~notice.from || notice.to === notice.from)) {
        throw new Error(`a break from ${notice.from} to ${notice.to}`);
      }
      const guid = notice.target === 'lease' ? notice.clientGuid : notice.open.owner.clientGuid;
      ofGuid(guid)?.hear(notice);
    },
    expired(open: CoreOpen) {
      ofGuid(open.owner.clientGuid)?.expired(open);
    },
  };
}

/** Time passes, mostly little; what is due happens. */
function advance(disk: Disk, clients: readonly Client[]): void {
  disk.now += disk.random.below(3);
  const deadline = disk.core.nextDeadline();
  if (deadline !== undefined && disk.random.oneIn(12)) disk.now = Math.max(disk.now, deadline);
  if (deadline === undefined || deadline > disk.now) return;
  disk.core.advance(disk.now);
  disk.settle();
  for (const client of clients) client.reconcile();
  disk.resume();
}

/** What must hold after every step. */
function check(disk: Disk): void {
  const census = disk.core.census();
  if (census.tickets !== disk.waitingCount) {
    throw new Error(`${census.tickets} tickets, but ${disk.waitingCount} requests wait`);
  }
  for (const key of [directoryKey, ...disk.byKey.keys()]) checkFile(disk, disk.core.opensOf(key));
  disk.ledger.check(census.breaks > 0);
  disk.keep();
  if (census.breaks > 0 && disk.core.nextDeadline() === undefined) throw new Error('a break without an end');
}

function checkFile(disk: Disk, opens: readonly CoreOpen[]): void {
  for (const [at, left] of opens.entries()) {
    for (const right of opens.slice(at + 1)) {
      if (violatesSharing(left, right))
        throw new Error(`opens ${left.id} and ${right.id} may not stand together`);
    }
  }
  const owners = new Map<string, number>();
  for (const open of opens) {
    const cache = disk.core.cacheOf(open);
    if (cache.kind === 'lease') owners.set(`${open.owner.clientGuid}/${cache.key}`, cache.state);
    else if (cache.level === OplockLevel.LEVEL_II) owners.set(`open ${open.id}`, LeaseState.READ_CACHING);
    else if (cache.level !== OplockLevel.NONE) owners.set(`open ${open.id}`, 5);
  }
  const holders = [...owners.values()].filter((state) => state !== 0);
  const isWriting = holders.some((state) => state & LeaseState.WRITE_CACHING);
  if (isWriting && holders.length > 1) throw new Error('writing is cached beside other caches');
}

/** Everybody closes everything; then nothing may be left. */
function wind(disk: Disk, clients: readonly Client[]): void {
  for (let round = 0; round < 1000 && disk.core.openCount + disk.waitingCount > 0; round++) {
    for (const client of clients) {
      client.return();
      client.look();
      client.close();
    }
    disk.resume();
    disk.now += 50;
    advance(disk, clients);
  }
  const left = Object.entries(disk.core.census()).filter(([, count]) => count !== 0);
  if (left.length > 0) throw new Error(`left over: ${JSON.stringify(Object.fromEntries(left))}`);
  if (disk.core.nextDeadline() !== undefined) throw new Error('a deadline without anything to end');
}
