/**
 * `npm run durability:kill -- --kills 100 --seed 1 --writers 8`: prints what was compared; a loss ends it with 1.
 */

import { commandLine } from '../testing/command-line.ts';
import { killRepeatedly } from './kill.ts';

const { values } = commandLine(import.meta.filename, {
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    writers: { type: 'string', default: '8' },
  },
});

const began = performance.now();
const { crashes, operations, names, blocks, metadata, losses } = await killRepeatedly({
  kills: Number(values.kills),
  seed: Number(values.seed),
  writers: Number(values.writers),
});
for (const loss of losses) console.error(`LOST ${loss}`);
console.log(
  `${crashes} times killed in ${((performance.now() - began) / 1000).toFixed(0)} s under ${values.writers} writers ` +
    `(${operations} operations): ${names} answered names, ${blocks} answered blocks and ${metadata} answered pieces of ` +
    `metadata looked for, ${losses.length} lost`,
);
process.exitCode = losses.length === 0 ? 0 : 1;
