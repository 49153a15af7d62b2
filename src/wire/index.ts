/**
 * The wire as a library: the notation, the messages, and the structures they carry. Importing it fills the registry.
 */
export * from './chain.ts';
export * from './codec.ts';
export * from './dfsc/referral.ts';
export * from './dtyp/ace.ts';
export * from './dtyp/acl.ts';
export * from './dtyp/filetime.ts';
export * from './dtyp/guid.ts';
export * from './dtyp/security-descriptor.ts';
export * from './dtyp/sid.ts';
export * from './flags.ts';
export * from './frame.ts';
export * from './fscc/control.ts';
export * from './fscc/directory.ts';
export * from './fscc/extended-attributes.ts';
export * from './fscc/file.ts';
export * from './fscc/file-id.ts';
export * from './fscc/file-system.ts';
export * from './fscc/fsctl-table.ts';
export * from './fscc/information-class-table.ts';
export * from './fscc/names.ts';
export * from './fscc/notify.ts';
export * from './fscc/object-id.ts';
export * from './fscc/pipe.ts';
export * from './fscc/quota.ts';
export * from './fscc/reparse.ts';
export * from './registry.ts';
export * from './smb1/negotiate.ts';
export * from './smb2/index.ts';
export type { Field, Infer, StructCodec } from './struct.ts';
