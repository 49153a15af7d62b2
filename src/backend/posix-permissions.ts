/**
 * Making files and directories of a local folder with the owner, group and mode that they are to have.
 */
import fs from 'node:fs';
import type { OpenAt, Place } from '../native/names.ts';
import type { DiskLook, DiskStat } from './disk-stat.ts';
import { BackendError } from './error.ts';
import { calls, descriptorPath, OpenFlags, pathOf } from './local-calls.ts';
import { promisedCall, type Task } from './task.ts';

export interface PermissionOptions {
  /** Owner of new files and directories, a user id. Default the account of this process. */
  readonly owner?: number;
  /** Their group, a group id. Default the group of this process, or of the directory where that says so (set-group-ID). */
  readonly group?: number;
  /** Permissions of new files and directories, exactly these. Default 0o666 and 0o777 as far as the process's umask allows. */
  readonly fileMode?: number;
  readonly directoryMode?: number;
  /** New files and directories belong to the owner and group of the directory that they are made in. */
  readonly inheritOwner?: boolean;
  /** They get the permissions of the directory that they are made in; files without the right to execute. */
  readonly inheritMode?: boolean;
}

/** Permissions, without set-user-ID and its like: these come from the directory as the system has it. */
const PERMISSIONS = 0o777;
const SET_GROUP_ID = 0o2000;
const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;
/** What is to have a mode of its own is nobody else's before it has it. */
const PRIVATE = 0o700;

/** How files are made and looked at. */
export interface MakingCalls {
  readonly look: DiskLook;
  /** Absent: paths are opened. */
  readonly openAt: OpenAt | undefined;
}

export class NewPermissions {
  readonly #options: PermissionOptions;
  readonly #calls: MakingCalls;

  /** EPERM for an owner or group that this process cannot give files to. */
  constructor(options: PermissionOptions, making: MakingCalls) {
    const { owner, group, inheritOwner = false } = options;
    this.#options = options;
    this.#calls = making;
    const isForeignOwner = owner !== undefined && owner !== process.geteuid?.();
    const isForeignGroup = group !== undefined && !groupsOfProcess().includes(group);
    if ((isForeignOwner || isForeignGroup || inheritOwner) && !mayGiveAway()) {
      throw new BackendError('EPERM', 'chown');
    }
  }

  /** Makes a file and opens it. */
  *createFile(place: Place): Task<{ fd: number; stat: DiskStat }> {
    const { openAt } = this.#calls;
    const { directory, name } = place;
    const mode = this.#creationMode(false);
    const fd =
      openAt === undefined
        ? yield* calls.open(pathOf(place), OpenFlags.create, mode)
        : yield* promisedCall(
            () => openAt(directory, name, OpenFlags.create, mode),
            () => openAt.later(directory, name, OpenFlags.create, mode),
          );
    try {
      return { fd, stat: yield* this.#settled(fd, directory) };
    } catch (error) {
      fs.closeSync(fd);
      yield* calls.unlink(pathOf(place), false);
      throw error;
    }
  }

  /** Makes a directory. */
  *makeDirectory(place: Place): Task<DiskStat> {
    const disk = pathOf(place);
    yield* calls.mkdir(disk, this.#creationMode(true));
    try {
      const fd = yield* calls.open(disk, OpenFlags.directory);
      try {
        return yield* this.#settled(fd, place.directory);
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      yield* calls.rmdir(disk);
      throw error;
    }
  }

  #creationMode(isDirectory: boolean): number {
    const { fileMode, directoryMode, inheritMode = false } = this.#options;
    const usual = isDirectory ? DIRECTORY_MODE : FILE_MODE;
    const isSettled = inheritMode || (isDirectory ? directoryMode : fileMode) !== undefined;
    return isSettled ? usual & PRIVATE : usual;
  }

  /** Gives what is open as `fd`, in whatever way, its owner and mode. */
  *#settled(fd: number, parent: number): Task<DiskStat> {
    const made = yield* this.#calls.look.open(fd);
    const { owner, group, inheritOwner = false, inheritMode = false } = this.#options;
    const directory = inheritOwner || inheritMode ? yield* this.#calls.look.open(parent) : made;
    const uid = owner ?? Number(inheritOwner ? directory.uid : made.uid);
    const gid = group ?? Number(inheritOwner ? directory.gid : made.gid);
    const mode = this.#modeOf(made, directory);
    const isOwned = uid === Number(made.uid) && gid === Number(made.gid);
    if (!isOwned) yield* calls.chown(descriptorPath(fd), uid, gid);
    if (mode !== undefined) yield* calls.chmod(descriptorPath(fd), mode);
    return isOwned && mode === undefined ? made : yield* this.#calls.look.open(fd);
  }

  #modeOf(made: DiskStat, directory: DiskStat): number | undefined {
    const { fileMode, directoryMode, inheritMode = false } = this.#options;
    const isDirectory = made.isDirectory();
    const inherited = Number(directory.mode) & (isDirectory ? PERMISSIONS : FILE_MODE);
    const mode = (isDirectory ? directoryMode : fileMode) ?? (inheritMode ? inherited : undefined);
    return mode === undefined || !isDirectory ? mode : mode | (Number(made.mode) & SET_GROUP_ID);
  }
}

/** CAP_CHOWN. capabilities(7) */
function mayGiveAway(): boolean {
  const status = fs.readFileSync('/proc/self/status', 'latin1');
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & 1n) !== 0n;
}

function groupsOfProcess(): readonly number[] {
  return [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])];
}
