/** Rows G23 and G24: pipes with their calls, and control codes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import { PduFlag, PduType, pdu, RequestBody } from '../../src/rpc/pdu.ts';
import { ioctlRequestOf, type TestFile, type TestTree } from '../../src/testing/client.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { IoctlResponse } from '../../src/wire/smb2/ioctl.ts';
import { SrvCopychunkCopy, SrvCopychunkResponse } from '../../src/wire/smb2/ioctl-payload.ts';
import { bindTo, endpoints, requestOf } from '../fuzz/rpc-targets.ts';
import { figure } from './figures.ts';
import { addPipes } from './places.ts';
import { refusal, type Scene, underAbuse } from './scene.ts';

async function openPipe({ server, tree }: Scene): Promise<TestFile> {
  if (!server.state.shares.has('ipc$')) addPipes(server);
  return (await tree('IPC$')).open('srvsvc', { createDisposition: 1 });
}

function bind(): Buffer {
  const [endpoint] = endpoints;
  assert.ok(endpoint !== undefined);
  return bindTo(endpoint);
}

describe('a pipe', () => {
  it('G23 answers every class of information with something or a refusal', () =>
    underAbuse(async (scene) => {
      const pipe = await openPipe(scene);
      const statuses = new Set<string>();
      for (const infoType of [1, 2, 3, 4] as const) {
        for (let infoClass = 0; infoClass < 256; infoClass++) {
          const status = await pipe.queryInfo(infoType, infoClass).then(
            () => 'answered',
            (error: Error) => error.message,
          );
          statuses.add(status);
          await pipe.setInfo(infoType, infoClass, Buffer.alloc(64)).catch(() => {});
        }
      }
      assert.ok(!statuses.has('STATUS_INTERNAL_ERROR'), [...statuses].join());
      assert.equal(await pipe.write(0n, bind()), bind().length);
      pipe.tree.session.connection.close();
    }));

  const both = PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG;
  const call = (
    fields: { allocHint?: number; contextId?: number; opnum?: number },
    flags: number = both,
  ): Buffer =>
    pdu(
      { packetType: PduType.REQUEST, flags, callId: 2 },
      RequestBody.encode({ allocHint: 16, contextId: 0, opnum: 15, stub: Buffer.alloc(16), ...fields }),
    );
  const abuses: readonly (readonly [string, readonly Buffer[]])[] = [
    ['a call before the bind', [call({})]],
    ['an allocation hint of 4 GiB', [bind(), call({ allocHint: 0xffff_ffff })]],
    ['a context that was not bound', [bind(), call({ contextId: 7 })]],
    ['an operation that does not exist', [bind(), call({ opnum: 0xffff })]],
    ['an unknown type', [bind(), pdu({ packetType: 0x42, flags: both, callId: 1 }, EMPTY)]],
    ['a response', [bind(), pdu({ packetType: PduType.RESPONSE, flags: both, callId: 1 }, Buffer.alloc(8))]],
    ['a second bind', [bind(), bind()]],
    ['a middle without a beginning', [bind(), call({}, 0)]],
    ['two beginnings', [bind(), call({}, PduFlag.FIRST_FRAG), call({}, PduFlag.FIRST_FRAG)]],
    [
      'beginnings of two calls',
      [bind(), call({}, PduFlag.FIRST_FRAG), call({ opnum: 16 }, PduFlag.LAST_FRAG)],
    ],
    ['bytes that are no unit', [Buffer.alloc(4000, 0xaa)]],
    ['a fragment length of 0', [bind(), zeroLength(call({}))]],
  ];

  function zeroLength(bytes: Buffer): Buffer {
    bytes.writeUInt16LE(0, 8);
    return bytes;
  }

  for (const [what, units] of abuses) {
    it(`G23 is refused, and the next pipe served: ${what}`, () =>
      underAbuse(async (scene) => {
        const pipe = await openPipe(scene);
        for (const unit of units) await pipe.write(0n, unit).catch(() => {});
        await pipe.close();
        const next = await pipe.tree.open('srvsvc', { createDisposition: 1 });
        const answer = await next.ioctl(Fsctl.PIPE_TRANSCEIVE, bind());
        assert.equal(answer[2], PduType.BIND_ACK);
        const response = await next.ioctl(Fsctl.PIPE_TRANSCEIVE, requestOf(15));
        assert.ok(response.length > 24);
        next.tree.session.connection.close();
      }));
  }

  it('G23 takes a bounded call in fragments, and no more', () =>
    underAbuse(async (scene) => {
      const pipe = await openPipe(scene);
      await pipe.ioctl(Fsctl.PIPE_TRANSCEIVE, bind());
      const stub = Buffer.alloc(4000);
      const body = RequestBody.encode({ allocHint: 0, contextId: 0, opnum: 15, stub });
      const part = (flags: number): Buffer => pdu({ packetType: PduType.REQUEST, flags, callId: 3 }, body);
      const before = process.memoryUsage().arrayBuffers;
      let outcome = 'taken';
      for (let count = 0; count < 3000 && outcome === 'taken'; count++)
        outcome = await pipe.write(0n, part(count === 0 ? PduFlag.FIRST_FRAG : 0)).then(
          () => 'taken',
          () => 'refused',
        );
      assert.equal(outcome, 'refused', 'a call without end is cut off');
      const grownMiB = (process.memoryUsage().arrayBuffers - before) / 2 ** 20;
      assert.ok(grownMiB < 64, `${grownMiB} MiB`);
      pipe.tree.session.connection.close();
    }));

  it('G23 is opened thousands of times over and leaves nothing', () =>
    underAbuse(async (scene) => {
      const pipe = await openPipe(scene);
      for (let count = 0; count < figure(4000, 10_000); count++) {
        const another = await pipe.tree.open('wkssvc', { createDisposition: 1 });
        if (count % 2 === 0) await another.close();
      }
      pipe.tree.session.connection.close();
    }));
});

async function statusOf(tree: TestTree, code: number, input: Buffer, file?: TestFile): Promise<number> {
  const body = ioctlRequestOf(code, input, file === undefined ? {} : { fileId: file.fileId });
  return (await tree.request(Command.IOCTL, body)).status;
}

describe('control codes', () => {
  it('G24 that nobody knows are INVALID_DEVICE_REQUEST, on files and pipes', () =>
    underAbuse(async (scene) => {
      const share = await scene.tree();
      const file = await share.open('controlled.bin');
      const known = new Set<number>(Object.values(Fsctl));
      const statuses = new Set<string>();
      const pipe = await openPipe(scene);
      for (let code = 0; code <= 0xffff; code += figure(71, 1)) {
        for (const device of [0, 0x0009_0000, 0x0011_0000, 0x0014_0000]) {
          if (known.has(device | code)) continue;
          statuses.add(statusName(await statusOf(share, device | code, EMPTY, file)));
          statuses.add(statusName(await statusOf(pipe.tree, device | code, EMPTY, pipe)));
        }
      }
      assert.deepEqual([...statuses], ['STATUS_INVALID_DEVICE_REQUEST']);
      pipe.tree.session.connection.close();
      share.session.connection.close();
    }));

  it('G24 whose input or output leads out of the message are INVALID_PARAMETER', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const file = await share.open('controlled.bin');
      for (const [at, value] of [
        [24, 0xffff_fff0],
        [28, 0xffff],
        [28, 0x7fff_ffff],
        [24, 8],
      ] as const) {
        const body = ioctlRequestOf(Fsctl.SET_COMPRESSION, Buffer.alloc(2), { fileId: file.fileId });
        body.writeUInt32LE(value, at);
        const { status } = await share.request(Command.IOCTL, body);
        assert.equal(statusName(status), 'STATUS_INVALID_PARAMETER', `${at} ${value}`);
      }
      share.session.connection.close();
    }));

  it('G24 of copies tell their limits, and copy nothing beyond them', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const source = await share.open('source.bin');
      const content = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 251));
      await source.write(0n, content);
      const target = await share.open('target.bin');
      const sourceKey = (await source.ioctl(Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY)).subarray(0, 24);
      const chunk = (length: number) => ({ sourceOffset: 0n, targetOffset: 0n, length });
      for (const chunks of [
        Array.from({ length: 257 }, () => chunk(1)),
        [chunk(1024 * 1024 + 1)],
        [chunk(0)],
        Array.from({ length: 17 }, () => chunk(1024 * 1024)),
      ]) {
        const body = ioctlRequestOf(Fsctl.SRV_COPYCHUNK, SrvCopychunkCopy.encode({ sourceKey, chunks }), {
          fileId: target.fileId,
        });
        const response = await share.request(Command.IOCTL, body);
        assert.equal(response.status, NtStatus.INVALID_PARAMETER);
        const limits = SrvCopychunkResponse.decode(response.decode(IoctlResponse).output);
        assert.deepEqual(limits, {
          chunksWritten: 256,
          chunkBytesWritten: 2 ** 20,
          totalBytesWritten: 2 ** 24,
        });
      }
      await refusal(target.read(0n, 1));
      // Within one file, source and target overlapping: what was there is copied, not what is being written.
      const own = SrvCopychunkCopy.encode({
        sourceKey,
        chunks: [{ sourceOffset: 0n, targetOffset: 100n, length: 900 }],
      });
      const status = await statusOf(share, Fsctl.SRV_COPYCHUNK, own, source);
      assert.equal(status, NtStatus.SUCCESS);
      const copied = Buffer.concat([content.subarray(0, 100), content.subarray(0, 900)]);
      assert.deepEqual(await source.read(0n, 1000), copied);
      share.session.connection.close();
    }));
});
