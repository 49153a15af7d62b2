/**
 * The server behind its signatures and seals: each command, the header, the compound.
 */
import { EMPTY, utf16le } from '../../src/base/bytes.ts';
import { createRequestOf, ioctlRequestOf } from '../../src/testing/client.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import {
  FileInformationClass,
  FileSystemInformationClass,
} from '../../src/wire/fscc/information-class-table.ts';
import type { FileId } from '../../src/wire/smb2/file-id.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { QueryDirectoryRequest } from '../../src/wire/smb2/query-directory.ts';
import { QueryInfoRequest } from '../../src/wire/smb2/query-info.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { WriteRequest } from '../../src/wire/smb2/write.ts';
import { allCommands, bodyOf } from '../abuse/messages.ts';
import { corpusOf } from './corpus.ts';
import {
  commandTargetName,
  compoundSeed,
  headerSeed,
  place,
  requestSeed,
  sealedMode,
  slots,
} from './request-seed.ts';
import { bindTo, endpoints, requestOf } from './rpc-targets.ts';
import { codecNamed, encodingsOf } from './seeds.ts';
import { ServerWorld, type Stage } from './server-world.ts';
import type { Seed, Target } from './target.ts';

const someId: FileId = { persistent: 1, volatile: 2 };

/** What a structure is encoded to, for bodies that carry it. */
function samplesOf(name: string): readonly (readonly [Buffer, Codec<unknown>])[] {
  const codec = codecNamed(name);
  return codec === undefined ? [] : encodingsOf(codec, 2).map((bytes) => [bytes, codec]);
}

function content(codec: Codec<unknown>, field: string): (name: string) => Codec<unknown> | undefined {
  return (name) => (name === field ? codec : undefined);
}

/** SET_INFO of each class that has a structure, of the security descriptor and of quotas. */
function setInfoSeeds(): readonly Seed[] {
  const classes: readonly (readonly [number, string, number])[] = [
    ...Object.entries(FileInformationClass).map(([name, number]) => [1, name, number] as const),
    [1, 'FileFullEaInformation[]', FileInformationClass.FileFullEaInformation],
    ...Object.entries(FileSystemInformationClass).map(([name, number]) => [2, name, number] as const),
    [3, 'SECURITY_DESCRIPTOR', 0],
    [4, 'FileQuotaInformation[]', 0],
  ];
  return classes.flatMap(([infoType, name, fileInfoClass]) =>
    samplesOf(name).map(([buffer, codec]) => {
      const body = SetInfoRequest.encode({
        infoType: infoTypes[infoType - 1] ?? 1,
        fileInfoClass,
        additionalInformation: infoType === 3 ? 7 : 0,
        fileId: someId,
        buffer,
      });
      return requestSeed(Command.SET_INFO, body, slots.file, content(codec, 'buffer'));
    }),
  );
}

const infoTypes = [1, 2, 3, 4] as const;

function queryInfoSeeds(): readonly Seed[] {
  return infoTypes.flatMap((infoType) =>
    Array.from({ length: infoType < 3 ? 82 : 1 }, (_, fileInfoClass) => {
      const input = fileInfoClass === 15 ? Buffer.from('00000000014100', 'hex') : EMPTY;
      const body = QueryInfoRequest.encode({
        infoType,
        fileInfoClass,
        outputBufferLength: 4096,
        additionalInformation: infoType === 3 ? 7 : 0,
        flags: 0,
        fileId: someId,
        input,
      });
      return [requestSeed(Command.QUERY_INFO, body), requestSeed(Command.QUERY_INFO, body, slots.pipe)];
    }).flat(),
  );
}

/** The input of the control codes that have one. */
const controlInputs: Readonly<Record<string, string>> = {
  SET_SPARSE: 'FileSetSparseBuffer',
  SET_ZERO_DATA: 'FileZeroDataInformation',
  QUERY_ALLOCATED_RANGES: 'FileAllocatedRangeBuffer',
  DUPLICATE_EXTENTS_TO_FILE: 'DuplicateExtentsData',
  DUPLICATE_EXTENTS_TO_FILE_EX: 'DuplicateExtentsDataEx',
  FILE_LEVEL_TRIM: 'FileLevelTrim',
  SET_COMPRESSION: 'CompressionStateBuffer',
  QUERY_FILE_REGIONS: 'FileRegionInput',
  SET_REPARSE_POINT: 'ReparseDataBuffer',
  DELETE_REPARSE_POINT: 'ReparseGuidDataBuffer',
  SRV_COPYCHUNK: 'SrvCopychunkCopy',
  SRV_COPYCHUNK_WRITE: 'SrvCopychunkCopy',
  LMR_REQUEST_RESILIENCY: 'NetworkResiliencyRequest',
  VALIDATE_NEGOTIATE_INFO: 'ValidateNegotiateInfoRequest',
  PIPE_WAIT: 'FsctlPipeWaitRequest',
  DFS_GET_REFERRALS: 'REQ_GET_DFS_REFERRAL',
  OFFLOAD_READ: 'FsctlOffloadReadInput',
  OFFLOAD_WRITE: 'FsctlOffloadWriteInput',
};

function ioctlSeeds(): readonly Seed[] {
  const options = { fileId: someId, maxOutputResponse: 4096 };
  const plain = Object.entries(Fsctl).flatMap(([name, code]) => {
    const samples = samplesOf(controlInputs[name] ?? '');
    const inputs = samples.length > 0 ? samples : [[EMPTY, undefined] as const];
    return inputs.map(([input, codec]) =>
      requestSeed(
        Command.IOCTL,
        ioctlRequestOf(code, input, options),
        slots.file,
        codec === undefined ? undefined : content(codec, 'input'),
      ),
    );
  });
  const calls = [bindTo(endpoint()), requestOf(15), requestOf(16), requestOf(21)].map((pdu) =>
    requestSeed(Command.IOCTL, ioctlRequestOf(Fsctl.PIPE_TRANSCEIVE, pdu, options), slots.pipe),
  );
  const peek = requestSeed(Command.IOCTL, ioctlRequestOf(Fsctl.PIPE_PEEK, EMPTY, options), slots.pipe);
  return [...plain, ...calls, peek];
}

function endpoint(): (typeof endpoints)[number] {
  const [first] = endpoints;
  if (first === undefined) throw new Error('no endpoint');
  return first;
}

const contextStructures: readonly (readonly [string, string])[] = [
  ['ExtA', 'FileFullEaInformation[]'],
  ['SecD', 'SECURITY_DESCRIPTOR'],
  ['DHnQ', 'DurableHandleRequest'],
  ['DHnC', 'DurableHandleReconnect'],
  ['AlSi', 'CreateAllocationSize'],
  ['MxAc', 'QueryMaximalAccessRequest'],
  ['TWrp', 'TimewarpToken'],
  ['RqLs', 'RequestLease'],
  ['RqLs', 'RequestLeaseV2'],
  ['DH2Q', 'DurableHandleRequestV2'],
  ['DH2C', 'DurableHandleReconnectV2'],
  ['AAPL', 'AaplServerQueryRequest'],
];

const names = ['a', 'd\\b', 'a:s:$DATA', '..\\x', '', 'a\\..\\..\\b', '\\a', 'C:', 'nul', '*', '\ud800'];

function createSeeds(): readonly Seed[] {
  const named = names.map((name) => createRequestOf(name));
  const contexts = contextStructures.flatMap(([name, structure]) =>
    samplesOf(structure).map(([data]) => createRequestOf('with context', { contexts: [{ name, data }] })),
  );
  const leased = createRequestOf('leased', {
    oplockLevel: 0xff,
    contexts: samplesOf('RequestLeaseV2').map(([data]) => ({ name: 'RqLs', data })),
  });
  return [
    ...[...named, ...contexts, leased].map((body) => requestSeed(Command.CREATE, body)),
    requestSeed(Command.CREATE, createRequestOf('srvsvc', { createDisposition: 1 }), slots.pipe),
  ];
}

function directorySeeds(): readonly Seed[] {
  const patterns = ['*', '*a*a*a*a*b', '<.>"', '????', 'child', ''];
  return patterns.flatMap((fileName) =>
    [1, 2, 3, 12, 37, 38, 60, 63, 78, 81].map((fileInformationClass) => {
      const fixed = { fileIndex: 0, outputBufferLength: 4096, flags: 1, fileId: someId };
      const body = QueryDirectoryRequest.encode({ ...fixed, fileInformationClass, fileName });
      return requestSeed(Command.QUERY_DIRECTORY, body, slots.directory);
    }),
  );
}

function writeSeeds(): readonly Seed[] {
  const pdu = {
    offset: 0n,
    fileId: someId,
    channel: 0,
    remainingBytes: 0,
    flags: 0,
    data: requestOf(15),
  } as const;
  return [requestSeed(Command.WRITE, WriteRequest.encode(pdu), slots.pipe)];
}

const more: ReadonlyMap<number, () => readonly Seed[]> = new Map([
  [Command.SET_INFO, setInfoSeeds],
  [Command.QUERY_INFO, queryInfoSeeds],
  [Command.IOCTL, ioctlSeeds],
  [Command.CREATE, createSeeds],
  [Command.QUERY_DIRECTORY, directorySeeds],
  [Command.WRITE, writeSeeds],
  [
    Command.CHANGE_NOTIFY,
    () => [requestSeed(Command.CHANGE_NOTIFY, bodyOf(Command.CHANGE_NOTIFY), slots.directory)],
  ],
  [Command.READ, () => [requestSeed(Command.READ, bodyOf(Command.READ), slots.pipe)]],
  [Command.TREE_CONNECT, () => [treeConnectSeed('\\\\s\\IPC$'), treeConnectSeed('\\\\s\\secret')]],
]);

function treeConnectSeed(path: string): Seed {
  const text = utf16le(path);
  const body = Buffer.concat([Buffer.from('0900000048000000', 'hex'), text]);
  body.writeUInt16LE(text.length, 6);
  return requestSeed(Command.TREE_CONNECT, body);
}

function seedsOfCommand(command: number): readonly Seed[] {
  const kept = corpusOf(commandTargetName(command)).map((body) =>
    body.subarray(0, 4).toString('latin1') === '\xfeSMB'
      ? { bytes: body, fields: [], frozenBytes: 0 }
      : requestSeed(command, body),
  );
  const seeds = [requestSeed(command, bodyOf(command, someId)), ...kept, ...(more.get(command)?.() ?? [])];
  return seeds.flatMap((seed, index) => (index % 3 === 0 ? [seed, sealed(seed)] : [seed]));
}

/** The same request, to be sealed rather than signed. */
function sealed(seed: Seed): Seed {
  const bytes = Buffer.from(seed.bytes);
  bytes[place.mode] = sealedMode;
  return { ...seed, bytes };
}

function serverTarget(name: string, seeds: () => readonly Seed[], stage?: Stage): Target {
  return { name, isPlain: false, seeds, start: (seed) => new ServerWorld(seed, stage).open() };
}

const served = allCommands.filter((command) => command !== Command.SERVER_TO_CLIENT_NOTIFICATION);

function first(command: number): Seed {
  return requestSeed(command, bodyOf(command, someId));
}

const chains: readonly (readonly number[])[] = [
  [Command.CREATE, Command.QUERY_INFO, Command.CLOSE],
  [Command.CREATE, Command.WRITE, Command.FLUSH, Command.READ, Command.CLOSE],
  [Command.READ, Command.READ, Command.READ],
  [Command.QUERY_DIRECTORY, Command.QUERY_DIRECTORY],
  [Command.LOCK, Command.CLOSE, Command.LOCK],
  [Command.TREE_DISCONNECT, Command.CREATE],
  [Command.LOGOFF, Command.READ],
  [Command.CANCEL, Command.ECHO, Command.CHANGE_NOTIFY],
];

/** One target a command, and some for what is around the commands and before a logon. */
export const commandTargets: readonly Target[] = [
  ...served.map((command) => serverTarget(commandTargetName(command), () => seedsOfCommand(command))),
  serverTarget('stranger-negotiate', () => seedsOfCommand(Command.NEGOTIATE), 'connected'),
  serverTarget('stranger-session-setup', () => seedsOfCommand(Command.SESSION_SETUP), 'negotiated'),
  serverTarget('stranger-header', () => served.map((command) => headerSeed(first(command))), 'negotiated'),
  serverTarget('server-header', () => served.map((command) => headerSeed(first(command)))),
  serverTarget('server-compound', () =>
    chains.flatMap((chain) => [compoundSeed(chain.map(first), true), compoundSeed(chain.map(first), false)]),
  ),
];
