/**
 * smbkit's command, with the control codes by which smbtorture asks a server to misbehave. For leaves that need them.
 */
import { processSurroundings } from '../../../src/cli/process-surroundings.ts';
import { run } from '../../../src/cli/run.ts';
import { tortureCommands } from '../../../src/testing/smbtorture-ioctl.ts';

process.exit(await run({ ...processSurroundings, commands: tortureCommands }));
