/**
 * What READ and WRITE say about payloads that travel by RDMA. [MS-SMB2] 2.2.19, 2.2.43
 */
import { type Infer, list, reserved, struct, u16, u32, u64 } from '../struct.ts';

/** Channel of READ and WRITE. [MS-SMB2] 2.2.19, 2.2.21 */
export const Channel = Object.freeze({ NONE: 0, RDMA_V1: 1, RDMA_V1_INVALIDATE: 2, RDMA_TRANSFORM: 3 });
export type Channel = (typeof Channel)[keyof typeof Channel];

/** SMBDirect Buffer Descriptor V1. [MS-SMBD] 2.2.3.1, [MS-SMB2] 2.2.19 */
export const BufferDescriptorV1 = struct('BufferDescriptorV1', { offset: u64, token: u32, length: u32 });
export type BufferDescriptorV1 = Infer<typeof BufferDescriptorV1>;

/** SMB2_RDMA_TRANSFORM without what its offsets point to. [MS-SMB2] 2.2.43 */
export const RdmaTransformHeader = struct('RdmaTransformHeader', {
  rdmaDescriptorOffset: u16,
  rdmaDescriptorLength: u16,
  channel: u32,
  transformCount: u16,
  reserved1: reserved(2),
  reserved2: reserved(4),
});
export type RdmaTransformHeader = Infer<typeof RdmaTransformHeader>;

/** The descriptors of ReadChannelInfo or WriteChannelInfo. [MS-SMB2] 2.2.19, 2.2.21 */
export const BufferDescriptors = struct('BufferDescriptors', { descriptors: list(BufferDescriptorV1) });
export type BufferDescriptors = Infer<typeof BufferDescriptors>;
