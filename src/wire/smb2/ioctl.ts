/**
 * IOCTL. [MS-SMB2] 2.2.31, 2.2.32
 */
import { blob, type Infer, lengthOf, offsetOf, reserved, size, struct, u32 } from '../struct.ts';
import { body } from './body.ts';
import { FileId } from './file-id.ts';

export { Fsctl as IoctlCode } from '../fscc/fsctl-table.ts';

/** Flags of the request. [MS-SMB2] 2.2.31 */
export const IoctlFlags = Object.freeze({ IS_FSCTL: 0x0000_0001 });

/** SMB2 IOCTL Request. [MS-SMB2] 2.2.31 */
export const IoctlRequest = struct(
  'IoctlRequest',
  {
    structureSize: size(57),
    reserved: reserved(2),
    ctlCode: u32,
    fileId: FileId,
    inputOffset: offsetOf(u32, 'input'),
    inputCount: lengthOf(u32, 'input'),
    maxInputResponse: u32,
    outputOffset: offsetOf(u32, 'output'),
    outputCount: lengthOf(u32, 'output'),
    maxOutputResponse: u32,
    flags: u32,
    reserved2: reserved(4),
    input: blob({ emptyOffset: 'zero' }),
    output: blob({ align: 8, emptyOffset: 'zero' }),
  },
  { ...body, minimum: 57 },
);
export type IoctlRequest = Infer<typeof IoctlRequest>;

/** SMB2 IOCTL Response. [MS-SMB2] 2.2.32 */
export const IoctlResponse = struct(
  'IoctlResponse',
  {
    structureSize: size(49),
    reserved: reserved(2),
    ctlCode: u32,
    fileId: FileId,
    inputOffset: offsetOf(u32, 'input'),
    inputCount: lengthOf(u32, 'input'),
    outputOffset: offsetOf(u32, 'output'),
    outputCount: lengthOf(u32, 'output'),
    flags: reserved(4),
    reserved2: reserved(4),
    input: blob(),
    output: blob({ align: 8 }),
  },
  body,
);
export type IoctlResponse = Infer<typeof IoctlResponse>;
