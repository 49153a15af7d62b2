/**
 * smbkit for programs: `serve()`, its options, and what storages are made of.
 */
export * from './backend/index.ts';
export { type FileTime, fileTimeOfUnixMs } from './base/clock.ts';
export { type Log, type LogFields, type LogLevel, silentLog } from './base/log.ts';
export { ConfigurationError, type ConfigurationIssue } from './control/configuration.ts';
export { FolderError } from './control/folder.ts';
export { ListenError } from './control/listen.ts';
export type { CloseOptions, Credentials, RunningServer, SettingsChange } from './control/running-server.ts';
export { serve } from './control/serve.ts';
export type {
  ServeOptions,
  ServerEvent,
  ShareOptions,
  ShareSource,
  UserOptions,
} from './control/serve-options.ts';
export type { BackendSource, VirtualShare } from './control/share-source.ts';
export { namesMatching } from './control/wrappers.ts';
