/**
 * The pipes: what a client may write to one, bound and unbound, without a server around it.
 */
import { utf16le } from '../../src/base/bytes.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import { NtStatusError } from '../../src/base/status.ts';
import type { RpcEndpoint } from '../../src/rpc/endpoint.ts';
import { localSecurityAuthority } from '../../src/rpc/lsarpc.ts';
import { BindBody, PduFlag, PduType, pdu, RequestBody, TransferSyntax } from '../../src/rpc/pdu.ts';
import { PipeConnection } from '../../src/rpc/pipe-connection.ts';
import { serverService } from '../../src/rpc/srvsvc.ts';
import { workstationService } from '../../src/rpc/wkssvc.ts';
import { accounts, administrator, catalogOf, dataShare, ipcShare } from '../rpc/fixtures.ts';
import { corpusOf } from './corpus.ts';
import { fieldMapOf } from './field-map.ts';
import { expect, type Runner, type Seed, type Target } from './target.ts';

const catalog = catalogOf([dataShare, ipcShare]);

/** The interfaces and pipes that are served. */
export const endpoints: readonly RpcEndpoint[] = [
  serverService(catalog),
  workstationService(catalog),
  localSecurityAuthority(accounts),
];

const both = PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG;

/** The BIND that `endpoint` accepts. */
export function bindTo(endpoint: RpcEndpoint): Buffer {
  const { uuid, versionMajor, versionMinor } = endpoint;
  const body = BindBody.encode({
    maxXmitFrag: 4280,
    maxRecvFrag: 4280,
    assocGroupId: 0,
    contexts: [
      {
        contextId: 0,
        abstractSyntax: { uuid, versionMajor, versionMinor },
        transferSyntaxes: [TransferSyntax.NDR20],
      },
    ],
  });
  return pdu({ packetType: PduType.BIND, flags: both, callId: 1 }, body);
}

/** Operations that a seed exists for, whatever their parameters. */
const operationCount = 80;

/** A server name, a level, a container, and what follows in most requests. */
const plausibleStub = Buffer.concat([
  Buffer.from('00000200', 'hex'),
  Buffer.from('040000000000000004000000', 'hex'),
  utf16le('\\\\s\0'),
  Buffer.from('01000000010000000400020000000000000000000000ffffffff0000000000000000', 'hex'),
]);

/** The request of operation `opnum`. */
export function requestOf(opnum: number, stub = plausibleStub): Buffer {
  const body = RequestBody.encode({ allocHint: stub.length, contextId: 0, opnum, stub });
  return pdu({ packetType: PduType.REQUEST, flags: both, callId: 2 }, body);
}

/** Where the fields of a PDU with a header of 16 bytes lie. */
function requestSeed(bytes: Buffer): Seed {
  const body = fieldMapOf(RequestBody, bytes.subarray(16));
  const fields = body.map(({ start, end, ...field }) => ({ ...field, start: start + 16, end: end + 16 }));
  const words = [];
  for (let at = 24; at + 4 <= bytes.length; at += 4)
    words.push({ name: 'word', kind: 'int', start: at, end: at + 4 });
  return { bytes, fields: [...fields, ...words], frozenBytes: 0 };
}

/** The largest answer to one write: nothing in the catalog fills as much. */
const answerBytesMax = 65_536;

class PipeRunner implements Runner {
  readonly #endpoint: RpcEndpoint;
  readonly #bind: Buffer;

  constructor(endpoint: RpcEndpoint) {
    this.#endpoint = endpoint;
    this.#bind = bindTo(endpoint);
  }

  feed(input: Buffer, tell: (outcome: string) => void): void {
    const pipe = new PipeConnection({
      name: this.#endpoint.name,
      endpoints,
      caller: administrator,
      limits: defaultLimits,
    });
    const isBind = input[2] === PduType.BIND;
    if (!isBind) {
      pipe.write(this.#bind);
      pipe.read(4280);
    }
    try {
      // In two pieces: a message need not come as a whole.
      const cut = input.length > 64 ? 24 : input.length;
      pipe.write(input.subarray(0, cut));
      pipe.write(input.subarray(cut));
      tell(this.#answer(pipe));
    } catch (error) {
      if (!(error instanceof NtStatusError)) throw error;
      tell(`status ${error.status}`);
    }
  }

  /** The kind of answer and the last word of it: the status, mostly. */
  #answer(pipe: PipeConnection): string {
    let bytes = 0;
    let word = 'none';
    for (let data = pipe.read(4280); data !== undefined; data = pipe.read(4280)) {
      bytes += data.data.length;
      expect(bytes <= answerBytesMax, 'an answer is bounded');
      const status = data.data.length >= 28 ? data.data.readUInt32LE(data.data.length - 4) : 0;
      word = `type ${data.data[2]} status ${status > 0xffff ? 'large' : status}`;
    }
    return word;
  }
}

function pipeTarget(endpoint: RpcEndpoint): Target {
  const name = `pipe-${endpoint.name}`;
  return {
    name,
    isPlain: true,
    seeds() {
      const requests = Array.from({ length: operationCount }, (_, opnum) => requestOf(opnum));
      return [bindTo(endpoint), ...requests, ...corpusOf(name)].map(requestSeed);
    },
    start: () => new PipeRunner(endpoint),
  };
}

/** One target a pipe. */
export const pipeTargets: readonly Target[] = endpoints.map(pipeTarget);
