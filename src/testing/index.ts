/**
 * Tools for tests, published as `smbkit/testing`.
 */
export { requiredMethods } from '../backend/backend-shape.ts';
export type { ContractCase, ContractTraits } from './backend-contract/case.ts';
export {
  backendContract,
  type ContractOptions,
  type ContractTest,
  type ContractTestContext,
  contractCases,
  readingCases,
} from './backend-contract.ts';
export { type BackendFactory, type Finding, type JudgeOptions, judgeBackend } from './backend-report.ts';
export * from './client.ts';
export { SeededEntropy } from './seeded-entropy.ts';
export { VirtualClock } from './virtual-clock.ts';
