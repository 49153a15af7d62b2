/**
 * All messages of [MS-SMB2] 2.2.
 */
export * from './cancel.ts';
export * from './change-notify.ts';
export * from './close.ts';
export * from './create.ts';
export * from './create-context.ts';
export * from './echo.ts';
export * from './error.ts';
export * from './extension-context.ts';
export * from './file-id.ts';
export * from './flush.ts';
export * from './header.ts';
export * from './ioctl.ts';
export * from './ioctl-payload.ts';
export * from './lock.ts';
export * from './logoff.ts';
export * from './negotiate.ts';
export * from './negotiate-context.ts';
export * from './notification.ts';
export * from './oplock-break.ts';
export * from './query-directory.ts';
export * from './query-info.ts';
export * from './rdma.ts';
export * from './read.ts';
export * from './session-setup.ts';
export * from './set-info.ts';
export * from './transform.ts';
export * from './tree-connect.ts';
export * from './tree-disconnect.ts';
export * from './write.ts';
