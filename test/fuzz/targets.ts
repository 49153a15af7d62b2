/**
 * Everything that is fuzzed.
 */
import { commandTargets } from './command-targets.ts';
import { configurationTarget } from './configuration-target.ts';
import { logonTarget } from './logon-target.ts';
import { plainTargets } from './plain-targets.ts';
import { pipeTargets } from './rpc-targets.ts';
import type { Target } from './target.ts';

export const targets: readonly Target[] = [
  ...plainTargets,
  ...pipeTargets,
  configurationTarget,
  logonTarget,
  ...commandTargets,
];
