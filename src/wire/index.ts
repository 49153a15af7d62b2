/**
 * The wire as a library: the notation, the messages, and the structures they carry. Importing it fills the registry.
 */
export * from './chain.ts';
export * from './codec.ts';
export * from './frame.ts';
export * from './registry.ts';
export * from './smb1/negotiate.ts';
export * from './smb2/index.ts';
export type { Field, Infer, StructCodec } from './struct.ts';
