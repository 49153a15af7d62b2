/**
 * One owner for a state directory: two processes that append to the same log would lose each other's records.
 */
import fs from 'node:fs';
import path from 'node:path';
import { BackendError, codeOf } from './error.ts';

const ownedHere = new Set<string>();

/** Which process this is, told apart from a later one with the same number: boot, number, start time. */
function identityOf(pid: number): string | undefined {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the 22nd field, counted after the parenthesised command.
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot} ${pid} ${startTime}`;
  } catch {
    return undefined;
  }
}

/** Takes the directory until the answered function is called; EBUSY while another live process, or this one, has it. */
export function lockState(directory: string): () => void {
  const file = path.join(fs.realpathSync(directory), 'owner');
  if (ownedHere.has(file)) throw new BackendError('EBUSY', 'lock', directory);
  const owner = ownerOf(file);
  const pid = Number(owner?.split(' ')[1]);
  const isAlive = pid !== process.pid && owner !== undefined && identityOf(pid) === owner;
  if (isAlive) throw new BackendError('EBUSY', 'lock', directory);
  fs.writeFileSync(file, identityOf(process.pid) ?? '', { mode: 0o600 });
  ownedHere.add(file);
  return () => {
    ownedHere.delete(file);
    fs.rmSync(file, { force: true });
  };
}

function ownerOf(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
