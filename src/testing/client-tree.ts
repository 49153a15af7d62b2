/**
 * A client's tree connect and its opens. [MS-SMB2] 3.2.4.3 to 3.2.4.22
 */
import type { Codec } from '../wire/codec.ts';
import { AccessMask, CreateDisposition, FileAttribute, OplockLevel, ShareAccess } from '../wire/flags.ts';
import { ChangeNotifyRequest } from '../wire/smb2/change-notify.ts';
import { CloseFlags, CloseRequest, CloseResponse } from '../wire/smb2/close.ts';
import { CreateRequest, CreateResponse, ImpersonationLevel } from '../wire/smb2/create.ts';
import type { CreateContext } from '../wire/smb2/create-context.ts';
import { ALL_ONES_FILE_ID, type FileId } from '../wire/smb2/file-id.ts';
import { FlushRequest } from '../wire/smb2/flush.ts';
import { Command } from '../wire/smb2/header.ts';
import { IoctlFlags, IoctlRequest, IoctlResponse } from '../wire/smb2/ioctl.ts';
import { type LockElement, LockRequest } from '../wire/smb2/lock.ts';
import { QueryDirectoryRequest, QueryDirectoryResponse } from '../wire/smb2/query-directory.ts';
import { InfoType, QueryInfoRequest, QueryInfoResponse } from '../wire/smb2/query-info.ts';
import { ReadRequest, ReadResponse } from '../wire/smb2/read.ts';
import { SetInfoRequest } from '../wire/smb2/set-info.ts';
import { ShareFlags, TreeConnectResponse } from '../wire/smb2/tree-connect.ts';
import { TreeDisconnectRequest } from '../wire/smb2/tree-disconnect.ts';
import { WriteRequest, WriteResponse } from '../wire/smb2/write.ts';
import { type SentRequest, succeeded } from './client-connection.ts';
import type { ClientResponse, Protection, RequestSpec } from './client-message.ts';
import type { TestSession } from './client-session.ts';

/** CREATE's fields; everything may be left out. */
export interface OpenOptions {
  readonly desiredAccess?: number;
  readonly fileAttributes?: number;
  readonly shareAccess?: number;
  readonly createDisposition?: CreateDisposition;
  readonly createOptions?: number;
  readonly oplockLevel?: number;
  readonly contexts?: readonly Pick<CreateContext, 'name' | 'data'>[];
}

const defaultOutputBytes = 65_536;

/** A CREATE request: read and write, sharing everything, opening or creating. [MS-SMB2] 2.2.13 */
export function createRequestOf(name: string, options: OpenOptions = {}): Buffer {
  const { READ, WRITE, DELETE } = ShareAccess;
  const contexts = options.contexts ?? [];
  return CreateRequest.encode({
    requestedOplockLevel: options.oplockLevel ?? OplockLevel.NONE,
    impersonationLevel: ImpersonationLevel.IMPERSONATION,
    desiredAccess:
      options.desiredAccess ?? AccessMask.GENERIC_READ | AccessMask.GENERIC_WRITE | AccessMask.DELETE,
    fileAttributes: options.fileAttributes ?? FileAttribute.NORMAL,
    shareAccess: options.shareAccess ?? READ | WRITE | DELETE,
    createDisposition: options.createDisposition ?? CreateDisposition.OPEN_IF,
    createOptions: options.createOptions ?? 0,
    name,
    createContexts: contexts.map(({ name: contextName, data }) => ({ name: contextName, data })),
  });
}

/** A tree connect. */
export class TestTree {
  readonly session: TestSession;
  readonly treeId: number;
  readonly response: TreeConnectResponse;
  /** How requests are protected unless they say otherwise; absent: as the session says. */
  protection: Protection | undefined;

  constructor(session: TestSession, response: ClientResponse) {
    this.session = session;
    this.treeId = response.header.treeId;
    this.response = response.decode(TreeConnectResponse);
    if ((this.response.shareFlags & ShareFlags.ENCRYPT_DATA) !== 0) this.protection = 'seal';
  }

  /** The same tree, spoken to on another channel of its session. */
  on(session: TestSession): TestTree {
    const copy: TestTree = Object.create(TestTree.prototype);
    return Object.assign(copy, this, { session });
  }

  /** The spec of a request on this tree. */
  spec(command: Command, body: Buffer, more: Partial<RequestSpec> = {}): RequestSpec {
    return {
      command,
      body,
      session: this.session,
      treeId: this.treeId,
      protection: this.protection,
      ...more,
      header: { channelSequence: this.session.channelSequence.value, ...more.header },
    };
  }

  /** Sends a request without waiting. */
  send(command: Command, body: Buffer, more?: Partial<RequestSpec>): SentRequest {
    return this.session.connection.send(this.spec(command, body, more));
  }

  /** Sends a request and waits for its final response, whatever its status. */
  request(command: Command, body: Buffer, more?: Partial<RequestSpec>): Promise<ClientResponse> {
    return this.send(command, body, more).response;
  }

  /** Opens or creates. Throws NtStatusError. */
  async open(name: string, options: OpenOptions = {}): Promise<TestFile> {
    const response = await this.request(Command.CREATE, createRequestOf(name, options));
    return new TestFile(this, succeeded(response).decode(CreateResponse));
  }

  /** An FSCTL; without a file, on no open. Returns its output. Throws NtStatusError. */
  async ioctl(ctlCode: number, input: Buffer, options: IoctlOptions = {}): Promise<Buffer> {
    const body = ioctlRequestOf(ctlCode, input, options);
    return succeeded(await this.request(Command.IOCTL, body)).decode(IoctlResponse).output;
  }

  /** TREE_DISCONNECT. Throws NtStatusError. */
  async disconnect(): Promise<ClientResponse> {
    return succeeded(await this.request(Command.TREE_DISCONNECT, TreeDisconnectRequest.encode({})));
  }
}

/** IOCTL's fields; everything may be left out. */
export interface IoctlOptions {
  readonly fileId?: FileId;
  readonly maxOutputResponse?: number;
  readonly flags?: number;
}

/** An IOCTL request. [MS-SMB2] 2.2.31 */
export function ioctlRequestOf(ctlCode: number, input: Buffer, options: IoctlOptions = {}): Buffer {
  return IoctlRequest.encode({
    ctlCode,
    fileId: options.fileId ?? ALL_ONES_FILE_ID,
    maxInputResponse: 0,
    maxOutputResponse: options.maxOutputResponse ?? defaultOutputBytes,
    flags: options.flags ?? IoctlFlags.IS_FSCTL,
    input,
    output: Buffer.alloc(0),
  });
}

/** An open. */
export class TestFile {
  readonly tree: TestTree;
  readonly fileId: FileId;
  /** The CREATE response. */
  readonly created: CreateResponse;

  constructor(tree: TestTree, created: CreateResponse) {
    this.tree = tree;
    this.created = created;
    this.fileId = created.fileId;
  }

  /** READ. Throws NtStatusError, also for END_OF_FILE. */
  async read(offset: bigint, length: number): Promise<Buffer> {
    const body = this.readRequest(offset, length);
    const response = succeeded(await this.tree.request(Command.READ, body, { payloadBytes: length }));
    return response.decode(ReadResponse).data;
  }

  /** The body of a READ. */
  readRequest(offset: bigint, length: number): Buffer {
    const { fileId } = this;
    const fixed = { padding: 0x50, flags: 0, minimumCount: 0, channel: 0, remainingBytes: 0 } as const;
    return ReadRequest.encode({ ...fixed, length, offset, fileId });
  }

  /** WRITE; returns the bytes written. Throws NtStatusError. */
  async write(offset: bigint, data: Buffer): Promise<number> {
    const body = this.writeRequest(offset, data);
    const response = succeeded(await this.tree.request(Command.WRITE, body, { payloadBytes: data.length }));
    return response.decode(WriteResponse).count;
  }

  /** The body of a WRITE. */
  writeRequest(offset: bigint, data: Buffer, flags = 0): Buffer {
    const { fileId } = this;
    return WriteRequest.encode({ offset, fileId, channel: 0, remainingBytes: 0, flags, data });
  }

  /** FLUSH. Throws NtStatusError. */
  async flush(): Promise<void> {
    succeeded(await this.tree.request(Command.FLUSH, FlushRequest.encode({ fileId: this.fileId })));
  }

  /** CLOSE, asking for the attributes. Throws NtStatusError. */
  async close(): Promise<CloseResponse> {
    const body = CloseRequest.encode({ flags: CloseFlags.POSTQUERY_ATTRIB, fileId: this.fileId });
    return succeeded(await this.tree.request(Command.CLOSE, body)).decode(CloseResponse);
  }

  /** QUERY_INFO; returns the output. Throws NtStatusError for errors, not for BUFFER_OVERFLOW. */
  async queryInfo(infoType: InfoType, fileInfoClass: number, more: QueryInfoOptions = {}): Promise<Buffer> {
    const body = QueryInfoRequest.encode({
      infoType,
      fileInfoClass,
      outputBufferLength: more.outputBytes ?? defaultOutputBytes,
      additionalInformation: more.additionalInformation ?? 0,
      flags: 0,
      fileId: this.fileId,
      input: more.input ?? Buffer.alloc(0),
    });
    return succeeded(await this.tree.request(Command.QUERY_INFO, body)).decode(QueryInfoResponse).buffer;
  }

  /** QUERY_INFO of a file information class, decoded. */
  async query<T>(fileInfoClass: number, codec: Codec<T>): Promise<T> {
    return codec.decode(await this.queryInfo(InfoType.FILE, fileInfoClass));
  }

  /** SET_INFO. Throws NtStatusError. */
  async setInfo(
    infoType: InfoType,
    fileInfoClass: number,
    buffer: Buffer,
    additionalInformation = 0,
  ): Promise<void> {
    const { fileId } = this;
    const body = SetInfoRequest.encode({ infoType, fileInfoClass, additionalInformation, fileId, buffer });
    succeeded(await this.tree.request(Command.SET_INFO, body));
  }

  /** QUERY_DIRECTORY; returns the entries' bytes. Throws NtStatusError for errors, not for NO_MORE_FILES. */
  async queryDirectory(fileInformationClass: number, fileName = '*', flags = 0): Promise<Buffer> {
    const fixed = { fileIndex: 0, outputBufferLength: defaultOutputBytes };
    const body = QueryDirectoryRequest.encode({
      ...fixed,
      fileInformationClass,
      flags,
      fileId: this.fileId,
      fileName,
    });
    const response = succeeded(await this.tree.request(Command.QUERY_DIRECTORY, body));
    return response.status === 0 ? response.decode(QueryDirectoryResponse).buffer : Buffer.alloc(0);
  }

  /** CHANGE_NOTIFY, without waiting. */
  watch(completionFilter: number, flags = 0, outputBufferLength = defaultOutputBytes): SentRequest {
    const body = ChangeNotifyRequest.encode({
      flags,
      outputBufferLength,
      fileId: this.fileId,
      completionFilter,
    });
    return this.tree.send(Command.CHANGE_NOTIFY, body);
  }

  /** LOCK or unlock, without waiting. */
  lock(locks: readonly LockElement[], lockSequence = 0): SentRequest {
    return this.tree.send(Command.LOCK, this.lockRequest(locks, lockSequence));
  }

  /** The body of a LOCK. */
  lockRequest(locks: readonly LockElement[], lockSequence = 0): Buffer {
    return LockRequest.encode({ lockSequence, fileId: this.fileId, locks: [...locks] });
  }

  /** An FSCTL on this open. Throws NtStatusError. */
  ioctl(ctlCode: number, input: Buffer, options: IoctlOptions = {}): Promise<Buffer> {
    return this.tree.ioctl(ctlCode, input, { ...options, fileId: this.fileId });
  }
}

/** QUERY_INFO's further fields. */
export interface QueryInfoOptions {
  readonly outputBytes?: number;
  readonly additionalInformation?: number;
  readonly input?: Buffer;
}
