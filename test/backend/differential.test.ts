import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend, BackendHandle, BackendStat } from '../../src/backend/contract.ts';
import { codeOf } from '../../src/backend/error.ts';
import { localBackend } from '../../src/backend/local.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { withFolder } from './folder.ts';

const SEEDS = [1, 2, 3, 4];
const STEPS_PER_SEED = 5000;
const HANDLE_COUNT = 6;
const names = ['a', 'b', 'c', 'é', 'e\u0301', '\ud800'];
const streamNames = ['s', 't', 'ü'];
/** Times of clients lie before this, those of clocks after it. */
const SET_TIMES_END = 132_600_000_000_000_000n;

/** xorshift32: numbers from 0 up to `below`. */
function generator(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

type Random = (below: number) => number;
type Slots = Map<number, BackendHandle>;
/** What is done to each of the two stores, with the same numbers; answers something comparable. */
type Action = (backend: Backend, slots: Slots) => Promise<unknown>;

const pick = <T>(random: Random, from: readonly T[], fallback: T): T => from[random(from.length)] ?? fallback;

function pathOf(random: Random): string {
  const depth = 1 + random(3);
  return Array.from({ length: depth }, () => pick(random, names, 'a')).join('/');
}

/** Bytes that differ from step to step. */
function bytesOf(random: Random): Buffer {
  return Buffer.alloc(1 + random(3000), 1 + random(255));
}

/** A set time is compared exactly, a time from a clock only as such. */
const setTime = (time: bigint): bigint | 'clock' => (time < SET_TIMES_END ? time : 'clock');

function comparable(stat: BackendStat): unknown {
  const { kind, sizeBytes, linkCount, attributes } = stat;
  return [kind, sizeBytes, linkCount, attributes, setTime(stat.lastWriteTime), setTime(stat.creationTime)];
}

async function readAll(handle: BackendHandle): Promise<string> {
  const { sizeBytes } = await handle.stat();
  const target = Buffer.alloc(sizeBytes + 10);
  return target.toString('latin1', 0, await handle.read(target, 0));
}

function handleAction(random: Random): Action {
  const slot = random(HANDLE_COUNT);
  const [position, bytes, size, choice] = [random(200_000), bytesOf(random), random(200_000), random(7)];
  const time = 132_000_000_000_000_000n + BigInt(random(2 ** 31)) * 1001n;
  const attributes = pick(random, [0, 1, 2, 0x22, 0x27], 0);
  return async (_, slots) => {
    const handle = slots.get(slot);
    if (handle === undefined) return 'no handle';
    switch (choice) {
      case 0:
        return handle.write(bytes, position);
      case 1:
        return handle.truncate(size);
      case 2:
        return readAll(handle);
      case 3:
        return comparable(await handle.stat());
      case 4:
        return handle.setStat({ lastWriteTime: time, creationTime: time + 1n });
      case 5:
        return handle.setStat({ attributes });
      default:
        slots.delete(slot);
        return handle.close();
    }
  };
}

function openAction(random: Random): Action {
  const [path, slot, isStream, stream] = [
    pathOf(random),
    random(HANDLE_COUNT),
    random(4) === 0,
    pick(random, streamNames, 's'),
  ];
  const options = { write: random(4) > 0, create: random(2) === 0, ...(isStream ? { stream } : {}) };
  return async (backend, slots) => {
    const handle = await backend.open(path, options);
    await slots.get(slot)?.close();
    slots.set(slot, handle);
    return (await handle.stat()).kind;
  };
}

function metadataAction(random: Random): Action {
  const [path, choice, bytes] = [pathOf(random), random(4), bytesOf(random)];
  return async (backend) => {
    switch (choice) {
      case 0:
        return backend.security?.write(path, bytes);
      case 1:
        return (await backend.security?.read(path))?.toString('hex');
      case 2:
        return backend.extendedAttributes?.write(path, new Map([['K', bytes]]));
      default:
        return [...((await backend.extendedAttributes?.read(path)) ?? [])].map(([, value]) =>
          value.toString('hex'),
        );
    }
  };
}

function streamAction(random: Random): Action {
  const [path, choice, replace] = [pathOf(random), random(3), random(2) === 0];
  const [from, to] = [pick(random, streamNames, 's'), pick(random, streamNames, 's')];
  return async (backend) => {
    if (choice === 0) return backend.streams?.remove(path, from);
    if (choice === 1) return backend.streams?.rename(path, from, to, replace);
    const streams = (await backend.streams?.list(path)) ?? [];
    return streams.map(({ name, sizeBytes }) => `${name} ${sizeBytes}`).sort();
  };
}

function treeAction(random: Random): Action {
  const [from, to, replace, choice] = [pathOf(random), pathOf(random), random(2) === 0, random(11)];
  return async (backend) => {
    switch (choice) {
      case 0:
      case 1:
        return backend.makeDirectory(from);
      case 2:
        return backend.removeDirectory(from);
      case 3:
        return backend.removeFile(from);
      case 4:
      case 5:
        return backend.rename(from, to, replace);
      case 6:
        return backend.link?.(from, to);
      case 7:
        return backend.symlinks?.makeLink(from, to);
      case 8:
        return backend.symlinks?.readLink(from);
      case 9:
        return comparable(await backend.stat(from));
      default:
        return listOf(backend, from.includes('/') ? from.slice(0, from.lastIndexOf('/')) : '');
    }
  };
}

async function listOf(backend: Backend, path: string): Promise<unknown> {
  const found: string[] = [];
  for await (const batch of backend.list(path)) {
    for (const { name, stat } of batch) found.push(JSON.stringify([name, stat.kind, stat.sizeBytes]));
  }
  return found.sort();
}

const kinds = [
  handleAction,
  handleAction,
  handleAction,
  openAction,
  openAction,
  treeAction,
  treeAction,
  treeAction,
  metadataAction,
  streamAction,
];

async function outcomeOf(
  action: Action,
  backend: Backend,
  slots: Slots,
): Promise<{ value: unknown } | { code: string }> {
  try {
    return { value: await action(backend, slots) };
  } catch (error) {
    return { code: codeOf(error) ?? String(error) };
  }
}

const cases = SEEDS.map((seed) => ({ seed, metadata: seed % 2 === 0 ? 'auto' : 'side-store' }) as const);

for (const { seed, metadata } of cases) {
  test(`memory and a local folder give the same answers, metadata ${metadata}, seed ${seed}`, () =>
    withFolder(async ({ root, state }) => {
      const random = generator(seed);
      const memory = memoryBackend();
      const local = localBackend(root, { stateDirectory: state, metadata, directoryCountMax: 5 });
      const [inMemory, onDisk]: [Slots, Slots] = [new Map(), new Map()];
      const tally = new Map<string, number>();
      for (let step = 0; step < STEPS_PER_SEED; step++) {
        const kind = pick(random, kinds, treeAction);
        const action = kind(random);
        const expected = await outcomeOf(action, memory, inMemory);
        const actual = await outcomeOf(action, local, onDisk);
        assert.deepEqual(actual, expected, `seed ${seed}, step ${step}: ${kind.name}`);
        const outcome = 'code' in expected ? 'refused' : 'done';
        tally.set(`${kind.name} ${outcome}`, (tally.get(`${kind.name} ${outcome}`) ?? 0) + 1);
      }
      for (const slots of [inMemory, onDisk]) for (const handle of slots.values()) await handle.close();
      await local.close();
      for (const kind of new Set(kinds))
        assert.ok((tally.get(`${kind.name} done`) ?? 0) > 50, [...tally].join(' '));
    }));
}
