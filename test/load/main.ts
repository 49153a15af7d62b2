/**
 * `npm run load -- [NAME…] [--scale 1] [--minutes 30]`: puts each load, or the named ones, on a server in a second process and prints
 * what came of it. docs/load.md holds the figures of one machine.
 */

import { commandLine } from '../testing/command-line.ts';
import { scenarios } from './scenarios.ts';

const { values, positionals } = commandLine(import.meta.filename, {
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' }, minutes: { type: 'string', default: '30' } },
});
const unknown = positionals.find((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown !== undefined) {
  console.error(`no load is called '${unknown}'; one of: ${scenarios.map(({ name }) => name).join(' ')}`);
  process.exit(2);
}
const options = { scale: Number(values.scale), minutes: Number(values.minutes) };
for (const { name, what, run } of scenarios) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  console.log(`${name}: ${what}`);
  for (const line of await run(options)) console.log(`  ${line}`);
}
