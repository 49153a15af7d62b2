/** Rows F1 and F8: every number of a message that says where something is, how long it is, or how often it comes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { commands } from '../../src/server/commands/index.ts';
import { encodeRequest, type TestTree } from '../../src/testing/client.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import type { Span } from '../../src/wire/interpret.ts';
import { isTail, type Layout } from '../../src/wire/schema.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import type { FileId } from '../../src/wire/smb2/file-id.ts';
import { Command, HEADER_BYTES } from '../../src/wire/smb2/header.ts';
import { type Abuse, underAbuse } from './fixture.ts';
import { allCommands, bodyOf, commandName } from './messages.ts';

interface Mapped extends Codec<unknown> {
  readonly layout: Layout;
  spans(bytes: Buffer): Span[];
}

function isMapped(codec: Codec<unknown>): codec is Mapped {
  return 'layout' in codec && 'spans' in codec;
}

/** One field set to one wrong number. */
interface Spoilt {
  readonly name: string;
  readonly body: Buffer;
  /** The number leads out of the message, or into what is not content. */
  readonly isWrong: boolean;
}

function* spoilt(codec: Mapped, body: Buffer): Generator<Spoilt> {
  const spans = codec.spans(body);
  for (const span of spans) {
    const { name, kind, start } = span;
    const bytes = span.end - start;
    const tail = codec.layout.parts.filter(isTail).find((part) => part[describes(kind)]?.name === name);
    const content = spans.find((other) => other.name === tail?.name);
    const place: Place = {
      max: 2 ** (8 * bytes) - 1,
      end: HEADER_BYTES + body.length,
      fixedEnd: HEADER_BYTES + codec.layout.fixedBytes,
      size: content === undefined ? 0 : content.end - content.start,
      room: content === undefined ? 0 : body.length - content.start,
      isOptional: tail?.spec.optional === true,
    };
    for (const [value, isWrong] of numbers[kind]?.(place) ?? []) {
      const changed = Buffer.from(body);
      changed.writeUIntLE(Math.max(0, Math.min(value, place.max)), start, bytes);
      yield { name: `${name} = ${value}`, body: changed, isWrong };
    }
  }
}

/** What a field describes, and where it could lead. */
interface Place {
  /** The largest number that it holds. */
  readonly max: number;
  /** Ends of the message and of what of it is not content, from the header. */
  readonly end: number;
  readonly fixedEnd: number;
  /** Bytes of the content, and from its beginning to the end of the message. */
  readonly size: number;
  readonly room: number;
  readonly isOptional: boolean;
}

type Numbers = (place: Place) => readonly (readonly [number, boolean])[];

const lengths: Numbers = ({ room, max, size }) => [
  ...[0, 1, room - 1, room].map((value) => [value, false] as const),
  ...[room + 1, max].map((value) => [value, size > 0] as const),
];

/** Numbers for each kind of field, and whether they are wrong. */
const numbers: Readonly<Record<string, Numbers>> = {
  constant: ({ max }) => [0, 1, max].map((value) => [value, true] as const),
  offset: ({ max, end, fixedEnd, size, isOptional }) => [
    [0, size > 0 && !isOptional],
    ...[1, 8, HEADER_BYTES - 1, HEADER_BYTES, fixedEnd - 1, end - size + 1, end, end + 1, max].map(
      (value) => [value, size > 0] as const,
    ),
  ],
  length: lengths,
  count: lengths,
};

function describes(kind: string): 'offset' | 'length' | 'count' {
  return kind === 'offset' || kind === 'length' ? kind : 'count';
}

async function scene({ tree }: Abuse, command: number): Promise<{ share: TestTree; fileId: FileId }> {
  const share = await tree();
  const isDirectory = command === Command.QUERY_DIRECTORY || command === Command.CHANGE_NOTIFY;
  const createOptions = isDirectory ? CreateOption.DIRECTORY_FILE : 0;
  const file = await share.open(isDirectory ? 'a-directory' : 'a-file', { createOptions });
  return { share, fileId: file.fileId };
}

describe('F8: offsets and lengths', () => {
  let count = 0;
  for (const command of allCommands) {
    const row = commands.get(command);
    if (row === undefined || command === Command.NEGOTIATE) continue;
    it(`of ${commandName(command)} that lead out of the message are INVALID_PARAMETER`, async () => {
      await underAbuse(async (abuse) => {
        let { share, fileId } = await scene(abuse, command);
        const codec = row.request;
        if (!isMapped(codec)) {
          assert.equal(command, Command.OPLOCK_BREAK, 'every other command has a field map');
          return;
        }
        const fresh = () => [...spoilt(codec, bodyOf(command, fileId))];
        for (let index = 0; index < fresh().length; index++) {
          const { name, body, isWrong } = fresh()[index] ?? assert.fail();
          const { connection } = share.session;
          const { status }: { status: number } = await share.send(command, body, { payloadBytes: 65_536 })
            .firstResponse;
          if (isWrong) assert.equal(status, NtStatus.INVALID_PARAMETER, `${name}: ${status.toString(16)}`);
          count++;
          if (!isWrong && status === NtStatus.SUCCESS) {
            connection.close();
            ({ share, fileId } = await scene(abuse, command));
          }
        }
        share.session.connection.close();
      });
    });
  }
  it('are more than a few', (t) => {
    t.diagnostic(`${count} numbers set wrong`);
    assert.ok(count > 200);
  });
});

describe('F1: NextCommand', () => {
  const echo = EchoRequest.encode({});
  /** Echoes in one message, the n-th with the given NextCommand, each in `step` bytes. */
  async function compound(
    { tree }: Abuse,
    { steps, size }: { steps: readonly number[]; size: number },
  ): Promise<{ statuses: readonly number[]; isClosed: boolean }> {
    const { session } = await tree();
    const { connection } = session;
    const first = connection.nextMessageId;
    const elements = steps.map((nextCommand, index) => {
      const spec = { command: Command.ECHO, body: echo };
      const numbers = { messageId: first + index, creditCharge: 1, credits: 1, nextCommand: 0 };
      const element = Buffer.alloc(size);
      encodeRequest(spec, numbers).copy(element);
      element.writeUInt32LE(nextCommand, 20);
      return element;
    });
    const answers = elements.map((_, index) => connection.responseTo(first + index));
    connection.sendRaw(Buffer.concat(elements));
    const settled = await Promise.race([
      Promise.all(answers.map(async (answer) => (await answer).status)),
      connection.closed.then(() => undefined),
    ]);
    const { isClosed } = connection;
    connection.close();
    return { statuses: settled ?? [], isClosed };
  }

  const cases: readonly (readonly [string, readonly number[], number])[] = [
    ...[1, 7, 63, 65, 71, 73, 79].map((next): [string, number[], number] => [
      `${next}, unaligned`,
      [next, 0],
      72,
    ]),
    ...[8, 16, 56].map((next): [string, number[], number] => [`${next}, inside the header`, [next, 0], 72]),
    ...[152, 1 << 16, 0x7fff_fff8, 0xffff_fff8, 0xffff_ffff].map((next): [string, number[], number] => [
      `${next}, past the end`,
      [next, 0],
      72,
    ]),
    ['of the last element past the end', [72, 72], 72],
    ['exactly the end of the message', [72, 144], 72],
    ['to less than a header', [136, 0], 72],
  ];
  for (const [name, steps, size] of cases) {
    it(`${name}: closed`, async () => {
      await underAbuse(async (abuse) => {
        assert.equal((await compound(abuse, { steps, size })).isClosed, true);
      });
    });
  }

  it('0 in the middle leaves what follows unread', async () => {
    await underAbuse(async ({ tree }) => {
      const { session } = await tree();
      const { connection } = session;
      const messageId = connection.nextMessageId;
      const spec = { command: Command.ECHO, body: echo };
      const message = encodeRequest(spec, { messageId, creditCharge: 1, credits: 1, nextCommand: 0 });
      const answer = connection.responseTo(messageId);
      connection.sendRaw(Buffer.concat([message, Buffer.alloc(4), message]));
      assert.equal((await answer).status, NtStatus.SUCCESS);
      connection.nextMessageId++;
      assert.equal((await connection.echo(session)).status, NtStatus.SUCCESS);
    });
  });

  it('leads to an element of a header alone: INVALID_PARAMETER for that one', async () => {
    await underAbuse(async ({ tree }) => {
      const { session } = await tree();
      const { connection } = session;
      const first = connection.nextMessageId;
      const spec = { command: Command.ECHO, body: echo };
      const numbers = { messageId: first, creditCharge: 1, credits: 1, nextCommand: 72 };
      const answers = [connection.responseTo(first), connection.responseTo(first + 1)];
      const bare = encodeRequest(
        { ...spec, body: Buffer.alloc(0) },
        { ...numbers, messageId: first + 1, nextCommand: 0 },
      );
      connection.sendRaw(Buffer.concat([encodeRequest(spec, numbers), bare]));
      const statuses = await Promise.all(answers.map(async (answer) => (await answer).status));
      assert.deepEqual(statuses, [NtStatus.SUCCESS, NtStatus.INVALID_PARAMETER]);
    });
  });

  it('64 elements are served, 65 and 1,000 close the connection', async () => {
    await underAbuse(async (abuse) => {
      const steps = (count: number): number[] =>
        Array.from({ length: count }, (_, index) => (index === count - 1 ? 0 : 72));
      const { statuses } = await compound(abuse, { steps: steps(64), size: 72 });
      assert.deepEqual(new Set(statuses), new Set([NtStatus.SUCCESS]));
      for (const count of [65, 1000]) {
        assert.equal((await compound(abuse, { steps: steps(count), size: 72 })).isClosed, true);
      }
    });
  });
});
