#!/usr/bin/env node
/**
 * The command `smbkit`: binds the process to a run.
 */
import { processSurroundings } from './process-surroundings.ts';
import { run } from './run.ts';

// A reader that went away (`smbkit … | head`) is no reason to stop serving.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

process.exit(await run(processSurroundings));
