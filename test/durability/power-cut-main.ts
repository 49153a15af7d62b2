/**
 * `npm run durability:power-cut -- --cuts 200 --seed 1 --writers 8`: prints what was compared; a loss ends it with 1.
 */

import { commandLine } from '../testing/command-line.ts';
import { imageProblem } from './image.ts';
import { cutPower } from './power-cut.ts';

const { values } = commandLine(import.meta.filename, {
  options: {
    cuts: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    writers: { type: 'string', default: '8' },
  },
});

const problem = await imageProblem();
if (problem !== false) {
  console.error(problem);
  process.exitCode = 1;
} else {
  const began = performance.now();
  const { crashes, operations, names, blocks, metadata, losses } = await cutPower({
    cuts: Number(values.cuts),
    seed: Number(values.seed),
    writers: Number(values.writers),
    onCut: (number) => {
      if (number % 20 === 0) console.log(`${number} cuts`);
    },
  });
  for (const loss of losses) console.error(`LOST ${loss}`);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `${crashes} power cuts in ${seconds} s under ${values.writers} writers (${operations} operations): ` +
      `${names} flushed names, ${blocks} flushed blocks and ${metadata} flushed pieces of metadata looked for, ` +
      `${losses.length} lost`,
  );
  process.exitCode = losses.length === 0 ? 0 : 1;
}
