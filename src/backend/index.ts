/**
 * Storage for embedders: the contract, the stores and the wrappers.
 */

export { type AuditEvent, audit, auditedOperations } from './audit.ts';
export type * from './contract.ts';
export { BackendError, throwIfAborted } from './error.ts';
export { type Fault, type FaultPlan, fault, faultAt, faultsBy } from './fault.ts';
export { latency } from './latency.ts';
export { type LocalOptions, localBackend } from './local.ts';
export { MemoryBackend, type MemoryOptions, memoryBackend, type Seed } from './memory.ts';
export { metadataLog } from './metadata-log.ts';
export type {
  FileMetadata,
  FileReference,
  MetadataStore,
  StreamContent,
  StreamStore,
  ToldTime,
} from './metadata-store.ts';
export { fromNodeFs, type NodeFsOptions } from './node-fs.ts';
export {
  isNodeFs,
  type NodeFileHandle,
  type NodeFsPromises,
  type NodeFsSource,
  type NodeStats,
} from './node-fs-source.ts';
export { checkedOffset } from './offset.ts';
export { isWithin, nameOf, namesOf, parentOf } from './path.ts';
export { type QuotaOptions, quota } from './quota.ts';
export { readOnly } from './read-only.ts';
export { type RecycleOptions, recycle } from './recycle.ts';
export { checkReplaceable } from './rename.ts';
export type { UsageLimits, UsageOptions } from './share-usage.ts';
export { type SnapshotFolderOptions, snapshotFolders, snapshots } from './snapshots.ts';
export { subtree } from './subtree.ts';
export { type NameTest, veto } from './veto.ts';
export {
  directory,
  file,
  type VirtualBytes,
  type VirtualChild,
  type VirtualContent,
  type VirtualDirectory,
  type VirtualEntry,
  VirtualFile,
  type VirtualFileParts,
  VirtualFolder,
  type VirtualFolderParts,
} from './virtual-entry.ts';
export { type VirtualTreeOptions, virtualTree } from './virtual-tree.ts';
export {
  type BackendCall,
  type Gate,
  type Operation,
  operations,
  type Wrapping,
  wrapBackend,
} from './wrap.ts';
