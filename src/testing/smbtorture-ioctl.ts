/**
 * The control codes by which smbtorture asks a server to misbehave, as Samba's smbd answers them with
 * `smbd:FSCTL_SMBTORTURE = yes`. For servers under test alone: hand {@link tortureCommands} to `ServerOptions.commands`.
 */
import { EMPTY } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { NtStatus } from '../base/status.ts';
import { type Command as CommandRow, command, Reply } from '../server/command.ts';
import { commands } from '../server/commands/index.ts';
import { read } from '../server/commands/read.ts';
import type { CommandTable } from '../server/dispatch.ts';
import { Request } from '../server/request.ts';
import type { Connection } from '../session/connection.ts';
import { body } from '../wire/smb2/body.ts';
import { FileId } from '../wire/smb2/file-id.ts';
import { Command, HEADER_BYTES } from '../wire/smb2/header.ts';
import { IoctlRequest, IoctlResponse } from '../wire/smb2/ioctl.ts';
import { blob, lengthOf, offsetOf, reserved, size, struct, u8, u32 } from '../wire/struct.ts';

const Code = Object.freeze({
  FORCE_UNACKED_TIMEOUT: 0x8384_8003,
  IOCTL_RESPONSE_BODY_PADDING8: 0x8384_8013,
  GLOBAL_READ_RESPONSE_BODY_PADDING8: 0x8384_8023,
  FSP_ASYNC_SLEEP: 0x8384_8043,
});

/** How long the server waits for the acknowledgement of what it sent; smbd takes as long. */
const UNACKED_MS = 1250;
/** Where the request says which code it is about. [MS-SMB2] 2.2.31 */
const CODE_START = HEADER_BYTES + 4;
/** Padded output is this byte, as often as there is room for. */
const OUTPUT_BYTE = 8;

/** IOCTL Response with room between the body and what follows. [MS-SMB2] 2.2.32 */
const PaddedIoctlResponse = struct(
  'PaddedIoctlResponse',
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
    padding: reserved(8),
    input: blob(),
    output: blob({ align: 8 }),
  },
  body,
);

/** READ Response with room between the body and the data. [MS-SMB2] 2.2.20 */
const PaddedReadResponse = struct(
  'PaddedReadResponse',
  {
    structureSize: size(17),
    dataOffset: offsetOf(u8, 'data'),
    reserved: reserved(1),
    dataLength: lengthOf(u32, 'data'),
    dataRemaining: u32,
    flags: u32,
    padding: reserved(8),
    data: blob(),
  },
  body,
);

/** Connections on which every READ is answered with padding. */
const padded = new WeakSet<Connection>();

/** The product's commands, with the control codes among them. */
export const tortureCommands: CommandTable = {
  get(code, { message, connection }) {
    if (code === Command.READ && padded.has(connection)) return paddedRead;
    const isIoctl = code === Command.IOCTL && message.length >= CODE_START + 4;
    return (isIoctl ? rows.get(message.readUInt32LE(CODE_START)) : undefined) ?? commands.get(code);
  },
};

const common = {
  name: 'IOCTL',
  code: Command.IOCTL,
  request: IoctlRequest,
  response: IoctlResponse,
  spec: 'smbtorture',
} as const;

/**
 * Sent without a session. What the server sends on the connection from now on arrives, but the server is to believe that it
 * does not: it gives the connection up when the first message has been without acknowledgement for a while.
 */
const forceUnackedTimeout = command({
  ...common,
  needs: 'connection',
  handle({ connection, clock }, request: IoctlRequest): IoctlResponse {
    giveUpAfterNextMessage(connection, clock);
    return answerTo(request);
  },
});

function giveUpAfterNextMessage({ transport }: Connection, clock: Clock): void {
  const deliver = transport.send.bind(transport);
  // The first message is the answer to this very request.
  let isAnswered = false;
  let isTimed = false;
  transport.send = (parts, left) => {
    deliver(parts, left);
    if (isAnswered && !isTimed) {
      isTimed = true;
      clock.setTimer(UNACKED_MS, () => transport.destroy());
    }
    isAnswered = true;
  };
}

const padOutput = command({
  ...common,
  needs: 'session',
  response: PaddedIoctlResponse,
  handle: (_context, request: IoctlRequest): IoctlResponse => ({
    ...answerTo(request),
    output: Buffer.alloc(request.maxOutputResponse, OUTPUT_BYTE),
  }),
});

const padReads = command({
  ...common,
  needs: 'session',
  handle({ connection }, request: IoctlRequest): IoctlResponse {
    padded.add(connection);
    return answerTo(request);
  },
});

const paddedRead = command({
  ...read,
  response: PaddedReadResponse,
  async handle(context, request) {
    const answer = await read.handle(context, request);
    const { status, response } =
      answer instanceof Reply ? answer : { status: NtStatus.SUCCESS, response: answer };
    const copy = { ...response, data: Buffer.from(response.data) };
    // The data is where it would go without padding; the answer gets a buffer of its own.
    if (context instanceof Request) context.replyBuffer = undefined;
    return new Reply(status, copy);
  },
});

/** Answers after as many microseconds as the input says. */
const sleep = command({
  ...common,
  needs: 'open',
  fileId: (request) => request.fileId,
  async handle({ clock }, request: IoctlRequest): Promise<IoctlResponse> {
    const delayMs = Math.ceil((request.input[0] ?? 0) / 1000);
    await new Promise<void>((resolve) => {
      clock.setTimer(delayMs, resolve);
    });
    return answerTo(request);
  },
});

function answerTo({ ctlCode, fileId }: IoctlRequest): IoctlResponse {
  return { ctlCode, fileId, input: EMPTY, output: EMPTY };
}

const rows: ReadonlyMap<number, CommandRow> = new Map<number, CommandRow>([
  [Code.FORCE_UNACKED_TIMEOUT, forceUnackedTimeout],
  [Code.IOCTL_RESPONSE_BODY_PADDING8, padOutput],
  [Code.GLOBAL_READ_RESPONSE_BODY_PADDING8, padReads],
  [Code.FSP_ASYNC_SLEEP, sleep],
]);
