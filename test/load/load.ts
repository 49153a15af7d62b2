/**
 * What all loads share: their form, and how figures are told.
 */

import { inParallel, type LoadedServer, type Measured } from './server-process.ts';

export interface LoadOptions {
  /** How much of the full load; 1 is what docs/load.md tells of. */
  readonly scale: number;
  readonly minutes: number;
}

export interface Scenario {
  readonly name: string;
  readonly what: string;
  run(options: LoadOptions): Promise<readonly string[]>;
}

export const width = 32;
export const kib = (bytes: number, count: number): string => `${(bytes / count / 1024).toFixed(1)} KiB each`;
export const rate = (count: number, startMs: number): string =>
  `${Math.round(count / ((performance.now() - startMs) / 1000))}/s`;

/** Warms the server up, so that what grows later is the load's. */
export async function warmed(server: LoadedServer): Promise<Measured> {
  await inParallel(20, 4, async () => {
    const session = await server.logOn();
    const file = await (await session.connectTree('files')).open('warm.bin');
    await file.write(0n, Buffer.alloc(1000));
    await file.close();
    session.connection.close();
  });
  return server.untilEmpty();
}
