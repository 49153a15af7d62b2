/**
 * smbkit with shares in memory that were prepared for single leaves: what they want cannot be set up through SMB. It takes the
 * configuration file of the command, prints its `listening` event and ends with SIGTERM.
 */
import { readFileSync } from 'node:fs';
import { latency } from '../../../src/backend/latency.ts';
import { memoryBackend } from '../../../src/backend/memory.ts';
import { fileTimeOfUnixMs, systemClock } from '../../../src/base/clock.ts';
import { type Backend, type ServeOptions, serve } from '../../../src/index.ts';
import { preparedSnapshot } from './leaf-table.ts';

/** The stores, by the names of their shares. */
const prepared: Readonly<Record<string, () => Backend>> = {
  /** A snapshot that differs from what is there now. [`smb2.twrp`] */
  snapshots() {
    const store = memoryBackend();
    store.seed({ file: 'before', subdir: { hardlink: 'before' } });
    store.open('file', { write: true, create: true, stream: 'stream' }).write(Buffer.from('streamed'), 0);
    store.takeSnapshot(fileTimeOfUnixMs(preparedSnapshot));
    return store.seed({ file: 'now', subdir: { hardlink: 'now' } });
  },
  /** Reads that take so long that the server says so. */
  delayed_reads: () =>
    latency(memoryBackend(), systemClock, (operation) => (operation === 'read' ? 2000 : 0)),
  /** A file for the leaves that are helpers of scripts. */
  one_file: () => memoryBackend().seed({ file: 'x'.repeat(100_000) }),
};

type Settings = Omit<ServeOptions, 'shares'> & {
  readonly server: Pick<ServeOptions, 'host' | 'port'>;
  readonly shares: Readonly<Record<string, object>>;
};

const configFile = process.argv[process.argv.indexOf('--config') + 1] ?? '';
const {
  server: listening,
  shares,
  log: _log,
  ...settings
}: Settings = JSON.parse(readFileSync(configFile, 'utf8'));
const stores = Object.keys(shares).map((name): [string, Backend] => [
  name,
  prepared[name]?.() ?? memoryBackend(),
]);
const server = await serve({ ...settings, ...listening, shares: Object.fromEntries(stores) });
console.log(JSON.stringify({ event: 'listening', ...server.address }));
process.once('SIGTERM', async () => {
  await server.close({ drainMs: 0 });
  process.exit(0);
});
