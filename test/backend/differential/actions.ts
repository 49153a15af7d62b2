/**
 * Operations by chance: each is made of numbers, so that it can be done to several stores, and again.
 */
import type { Backend, BackendHandle, BackendStat } from '../../../src/backend/contract.ts';

const HANDLE_COUNT = 6;
const streamNames = ['s', 't', 'ü'];
/** Times of clients lie before this, those of clocks after it. */
const SET_TIMES_END = 132_600_000_000_000_000n;

/** Numbers from 0 up to `below`. */
export type Random = (below: number) => number;
export type Slots = Map<number, BackendHandle>;

export interface Action {
  readonly kind: string;
  /** What is done, for people. */
  readonly text: string;
  /** Does it to one store; answers something comparable. */
  run(backend: Backend, slots: Slots): Promise<unknown>;
}

/** What the stores that are compared have in common. */
export interface Common {
  readonly names: readonly string[];
  readonly hasMetadata: boolean;
  readonly hasStreams: boolean;
  readonly hasTimes: boolean;
}

/** xorshift32 */
export function generator(seed: number): Random {
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

const pick = <T>(random: Random, from: readonly T[], fallback: T): T => from[random(from.length)] ?? fallback;

function pathOf(random: Random, { names }: Common): string {
  const depth = 1 + random(3);
  return Array.from({ length: depth }, () => pick(random, names, 'a')).join('/');
}

/** Bytes that differ from step to step. */
function bytesOf(random: Random): Buffer {
  return Buffer.alloc(1 + random(3000), 1 + random(255));
}

/** A set time is compared exactly, a time from a clock only as such. */
const setTime = (time: bigint): bigint | 'clock' => (time < SET_TIMES_END ? time : 'clock');

function comparable(stat: BackendStat, { hasTimes }: Common): unknown {
  const { kind, sizeBytes, linkCount, attributes } = stat;
  const told = [kind, kind === 'file' ? sizeBytes : 0, kind === 'directory' ? 0 : linkCount];
  if (!hasTimes) return told;
  return [...told, attributes, setTime(stat.lastWriteTime), setTime(stat.creationTime)];
}

async function readAll(handle: BackendHandle): Promise<string> {
  const { sizeBytes } = await handle.stat();
  const target = Buffer.alloc(sizeBytes + 10);
  return target.toString('latin1', 0, await handle.read(target, 0));
}

type Step = readonly [text: string, run: (handle: BackendHandle) => unknown];

function handleAction(random: Random, common: Common): Action {
  const slot = random(HANDLE_COUNT);
  const [position, bytes, size, choice] = [random(200_000), bytesOf(random), random(200_000), random(7)];
  const time = 132_000_000_000_000_000n + BigInt(random(2 ** 31)) * 1001n;
  const attributes = pick(random, [0, 1, 2, 0x22, 0x27], 0);
  const times = { lastWriteTime: time, creationTime: time + 1n };
  const steps: readonly Step[] = [
    [`write ${bytes.length} x ${bytes[0]} at ${position}`, (handle) => handle.write(bytes, position)],
    [`truncate to ${size}`, (handle) => handle.truncate(size)],
    ['read all', readAll],
    ['stat', async (handle) => comparable(await handle.stat(), common)],
    [`set times ${time}`, (handle) => (common.hasTimes ? handle.setStat(times) : undefined)],
    [
      `set attributes ${attributes}`,
      (handle) => (common.hasTimes ? handle.setStat({ attributes }) : undefined),
    ],
  ];
  const [text, step] = steps[choice] ?? ['close', undefined];
  return {
    kind: 'handle',
    text: `handle ${slot}: ${text}`,
    async run(_, slots) {
      const handle = slots.get(slot);
      if (handle === undefined) return 'no handle';
      if (step !== undefined) return step(handle);
      slots.delete(slot);
      return handle.close();
    },
  };
}

function openAction(random: Random, common: Common): Action {
  const [path, slot] = [pathOf(random, common), random(HANDLE_COUNT)];
  const isStream = random(4) === 0 && common.hasStreams;
  const stream = pick(random, streamNames, 's');
  const options = { write: random(4) > 0, create: random(2) === 0, ...(isStream ? { stream } : {}) };
  return {
    kind: 'open',
    text: `handle ${slot} = open ${JSON.stringify(path)} ${JSON.stringify(options)}`,
    async run(backend, slots) {
      const handle = await backend.open(path, options);
      await slots.get(slot)?.close();
      slots.set(slot, handle);
      return (await handle.stat()).kind;
    },
  };
}

function metadataAction(random: Random, common: Common): Action {
  const [path, choice, bytes] = [pathOf(random, common), random(4), bytesOf(random)];
  const shown = `${bytes.length} x ${bytes[0]}`;
  const texts = [`security = ${shown}`, 'security', `attribute K = ${shown}`, 'attributes'];
  return {
    kind: 'metadata',
    text: `${texts[choice]} of ${JSON.stringify(path)}`,
    async run({ security, extendedAttributes }) {
      if (choice === 0) return security?.write(path, bytes);
      if (choice === 1) return (await security?.read(path))?.toString('hex');
      if (choice === 2) return extendedAttributes?.write(path, new Map([['K', bytes]]));
      const attributes = await extendedAttributes?.read(path);
      return [...(attributes ?? [])].map(([name, value]) => `${name} ${value.toString('hex')}`);
    },
  };
}

function streamAction(random: Random, common: Common): Action {
  const [path, choice, replace] = [pathOf(random, common), random(3), random(2) === 0];
  const [from, to] = [pick(random, streamNames, 's'), pick(random, streamNames, 's')];
  const texts = [`remove stream ${from}`, `rename stream ${from} to ${to}, ${replace}`, 'list streams'];
  return {
    kind: 'stream',
    text: `${texts[choice]} of ${JSON.stringify(path)}`,
    async run({ streams }) {
      if (choice === 0) return streams?.remove(path, from);
      if (choice === 1) return streams?.rename(path, from, to, replace);
      return ((await streams?.list(path)) ?? []).map(({ name, sizeBytes }) => `${name} ${sizeBytes}`).sort();
    },
  };
}

type Change = readonly [text: string, run: (backend: Backend) => unknown];

function treeAction(random: Random, common: Common): Action {
  const [from, to] = [pathOf(random, common), pathOf(random, common)];
  const [replace, choice] = [random(2) === 0, random(11)];
  const directory = from.includes('/') ? from.slice(0, from.lastIndexOf('/')) : '';
  const make: Change = ['make directory', (backend) => backend.makeDirectory(from)];
  const rename: Change = [
    `rename, ${replace}, to ${JSON.stringify(to)}`,
    (backend) => backend.rename(from, to, replace),
  ];
  const changes: readonly Change[] = [
    make,
    make,
    ['remove directory', (backend) => backend.removeDirectory(from)],
    ['remove file', (backend) => backend.removeFile(from)],
    rename,
    rename,
    [`link as ${JSON.stringify(to)}`, (backend) => backend.link?.(from, to)],
    [`symbolic link to ${JSON.stringify(to)}`, (backend) => backend.symlinks?.makeLink(from, to)],
    ['read link', (backend) => backend.symlinks?.readLink(from)],
    ['stat', async (backend) => comparable(await backend.stat(from), common)],
  ];
  const [text, run] = changes[choice] ?? ['list', (backend: Backend) => listOf(backend, directory)];
  return { kind: 'tree', text: `${JSON.stringify(from)}: ${text}`, run: async (backend) => run(backend) };
}

async function listOf(backend: Backend, path: string): Promise<unknown> {
  const found: string[] = [];
  for await (const batch of backend.list(path)) {
    for (const { name, stat } of batch)
      found.push(JSON.stringify([name, stat.kind, stat.kind === 'file' ? stat.sizeBytes : 0]));
  }
  return found.sort();
}

type Maker = (random: Random, common: Common) => Action;

/** The next operation. */
export function nextAction(random: Random, common: Common): Action {
  const makers: readonly Maker[] = [
    handleAction,
    handleAction,
    handleAction,
    openAction,
    openAction,
    treeAction,
    treeAction,
    treeAction,
    common.hasMetadata ? metadataAction : treeAction,
    common.hasStreams ? streamAction : openAction,
  ];
  return pick(random, makers, treeAction)(random, common);
}
