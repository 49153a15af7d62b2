/**
 * Named pipes: information classes and control codes. [MS-FSCC] 2.4.37 to 2.4.39, 2.3.45 to 2.3.50
 */
import { bool, type Infer, i64, lengthOf, reserved, rest, struct, u32, utf16 } from '../struct.ts';

/** ReadMode, NamedPipeType. [MS-FSCC] 2.4.37, 2.4.38 */
export const PipeMode = Object.freeze({ BYTE_STREAM: 0, MESSAGE: 1 });
/** CompletionMode. [MS-FSCC] 2.4.37 */
export const PipeCompletion = Object.freeze({ QUEUE: 0, COMPLETE: 1 });
/** NamedPipeState. [MS-FSCC] 2.4.38 */
export const PipeState = Object.freeze({ DISCONNECTED: 1, LISTENING: 2, CONNECTED: 3, CLOSING: 4 });
/** NamedPipeConfiguration. [MS-FSCC] 2.4.38 */
export const PipeConfiguration = Object.freeze({ INBOUND: 0, OUTBOUND: 1, FULL_DUPLEX: 2 });
/** NamedPipeEnd. [MS-FSCC] 2.4.38 */
export const PipeEnd = Object.freeze({ CLIENT: 0, SERVER: 1 });

/** [MS-FSCC] 2.4.37 */
export const FilePipeInformation = struct('FilePipeInformation', { readMode: u32, completionMode: u32 });
export type FilePipeInformation = Infer<typeof FilePipeInformation>;

/** [MS-FSCC] 2.4.38 */
export const FilePipeLocalInformation = struct('FilePipeLocalInformation', {
  namedPipeType: u32,
  namedPipeConfiguration: u32,
  maximumInstances: u32,
  currentInstances: u32,
  inboundQuota: u32,
  readDataAvailable: u32,
  outboundQuota: u32,
  writeQuotaAvailable: u32,
  namedPipeState: u32,
  namedPipeEnd: u32,
});
export type FilePipeLocalInformation = Infer<typeof FilePipeLocalInformation>;

/** [MS-FSCC] 2.4.39 */
export const FilePipeRemoteInformation = struct('FilePipeRemoteInformation', {
  collectDataTime: i64,
  maximumCollectionCount: u32,
});
export type FilePipeRemoteInformation = Infer<typeof FilePipeRemoteInformation>;

/** FSCTL_PIPE_PEEK reply. [MS-FSCC] 2.3.46 */
export const FsctlPipePeekReply = struct('FsctlPipePeekReply', {
  namedPipeState: u32,
  readDataAvailable: u32,
  numberOfMessages: u32,
  messageLength: u32,
  data: rest(),
});
export type FsctlPipePeekReply = Infer<typeof FsctlPipePeekReply>;

/** FSCTL_PIPE_WAIT request; the time-out counts 100-nanosecond units. [MS-FSCC] 2.3.49 */
export const FsctlPipeWaitRequest = struct('FsctlPipeWaitRequest', {
  timeout: i64,
  nameLength: lengthOf(u32, 'name'),
  timeoutSpecified: bool,
  padding: reserved(1),
  name: utf16(),
});
export type FsctlPipeWaitRequest = Infer<typeof FsctlPipeWaitRequest>;
