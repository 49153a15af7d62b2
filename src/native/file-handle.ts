/**
 * Files by their identity instead of their names. open_by_handle_at(2)
 */
import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, type SystemCall } from './system-call.ts';

const AT_EMPTY_PATH = 0x1000;
/** struct file_handle: two numbers, then what only the file system understands. */
const HEADER_BYTES = 8;
const HANDLE_BYTES_MAX = 128;
/** Never inherited by a program that is started. */
const O_CLOEXEC = 0o2000000;

export interface FileHandles {
  /** What identifies the file that is open as `fd` (O_PATH suffices). ENOTSUP where the file system cannot say. */
  handleOf(fd: number): Buffer;
  /**
   * Opens the file again, on the file system on which `mount` (not O_PATH) is open; closed on exec. ESTALE when it is gone,
   * EPERM without the capability CAP_DAC_READ_SEARCH.
   */
  open(mount: number, handle: Buffer, flags: number): number;
  openLater(mount: number, handle: Buffer, flags: number): Promise<number>;
}

type NameToHandle = SystemCall<
  [directory: number, path: string, handle: Buffer, mount: Buffer, flags: number]
>;
type OpenByHandle = SystemCall<[mount: number, handle: Buffer, flags: number]>;

/** `undefined` where libc has no such functions. */
export function bindFileHandles(ffi: Ffi): FileHandles | undefined {
  const naming: NameToHandle | undefined = bindCall(ffi, 'name_to_handle_at', [
    'int',
    'int',
    'str',
    'void *',
    'void *',
    'int',
  ]);
  const opening: OpenByHandle | undefined = bindCall(ffi, 'open_by_handle_at', [
    'int',
    'int',
    'void *',
    'int',
  ]);
  if (naming === undefined || opening === undefined) return undefined;
  const [nameToHandle, openByHandle] = [naming, opening];
  const mountId = Buffer.alloc(4);
  return {
    handleOf(fd) {
      const handle = Buffer.alloc(HEADER_BYTES + HANDLE_BYTES_MAX);
      handle.writeUInt32LE(HANDLE_BYTES_MAX, 0);
      const at = checkedFd(fd, 'name_to_handle_at');
      nameToHandle.checked(nameToHandle.raw(at, '', handle, mountId, AT_EMPTY_PATH));
      return Buffer.from(handle.subarray(0, HEADER_BYTES + handle.readUInt32LE(0)));
    },
    open(mount, handle, flags) {
      const at = checkedFd(mount, 'open_by_handle_at');
      return openByHandle.checked(openByHandle.raw(at, checkedHandle(handle), flags | O_CLOEXEC));
    },
    openLater(mount, handle, flags) {
      const at = checkedFd(mount, 'open_by_handle_at');
      const args: [number, Buffer, number] = [at, checkedHandle(handle), flags | O_CLOEXEC];
      return openByHandle.later(args, (answer) => openByHandle.checked(answer));
    },
  };
}

/** The kernel reads as many bytes as the handle says. */
function checkedHandle(handle: Buffer): Buffer {
  if (handle.length < HEADER_BYTES || handle.length !== HEADER_BYTES + handle.readUInt32LE(0)) {
    throw new RangeError('not a file handle');
  }
  return handle;
}
