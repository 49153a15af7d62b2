import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MemoryBackend, memoryBackend } from '../../src/backend/memory.ts';
import { virtualTree } from '../../src/backend/virtual-tree.ts';
import { delegateTo } from '../../src/backend/wrap.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type BackendFactory, type Finding, judgeBackend } from '../../src/testing/backend-report.ts';

async function findings(factory: BackendFactory, clock: Clock = systemClock): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const finding of judgeBackend(factory, { clock })) found.push(finding);
  return found;
}

const failed = (found: readonly Finding[]) => found.filter(({ outcome }) => outcome === 'failed');

/** Memory, with something wrong about it; the types of the product would not let it pass. */
function spoilt(spoil: (store: MemoryBackend) => object): BackendFactory {
  return () => {
    const store = memoryBackend();
    return Object.assign(delegateTo(store), spoil(store));
  };
}

test('a complete store passes everything that it offers', async () => {
  const found = await findings(() => memoryBackend());
  assert.deepEqual(failed(found), []);
  assert.equal(found.filter(({ kind }) => kind === 'method').length, 9);
  assert.ok(found.some(({ kind, outcome }) => kind === 'behaviour' && outcome === 'passed'));
});

test('a store that cannot be changed is judged by what it holds', async () => {
  const found = await findings(() => virtualTree({ a: 'text', d: { b: 'x' } }));
  assert.deepEqual(failed(found), []);
  assert.ok(found.some(({ text }) => text === 'a store that does not change refuses to'));
});

test('missing methods are named, and nothing else is tried', async () => {
  const incomplete: BackendFactory = () =>
    Object.assign(memoryBackend(), { rename: undefined, volume: 'large' });
  assert.deepEqual(failed(await findings(incomplete)), [
    {
      kind: 'method',
      outcome: 'failed',
      text: 'rename(from, to, replace) moves a name',
      reason: 'there is no method rename',
    },
    {
      kind: 'method',
      outcome: 'failed',
      text: 'volume() tells size and free space',
      reason: 'there is no method volume',
    },
  ]);
});

test('abilities that are there in part are named', async () => {
  const found = await findings(spoilt(() => ({ streams: { list() {} }, watch: 7 })));
  assert.deepEqual(
    failed(found).map(({ text, reason }) => [text, reason]),
    [
      ['streams: named streams', 'streams.remove, streams.rename is not a function'],
      ['watch: changes made by others', 'watch is not a function'],
    ],
  );
});

test('a factory that makes the same store each time is told so', async () => {
  const same = memoryBackend().seed({ a: '' });
  assert.deepEqual(
    failed(await findings(() => same)).map(({ reason }) => reason),
    ['this one already holds a'],
  );
});

test('a wrong answer is told with what was expected and what came', async () => {
  const found = await findings(
    spoilt((store) => ({
      removeFile: () => {},
      open: async (path: string, options: object) => store.open(path, { ...options, write: true }),
      stat: (path: string) => ({ ...store.stat(path), sizeBytes: 7 }),
    })),
  );
  const reasons = failed(found).map(({ reason }) => reason ?? '');
  assert.ok(reasons.includes('should have failed with ENOENT, and did not'), reasons.join(', '));
  assert.ok(
    reasons.some((reason) => /^expected .+, got .+$/.test(reason)),
    reasons.join('\n'),
  );
  for (const reason of reasons) assert.equal(reason.includes('\n    at '), false);
});

test('a behaviour that hangs is given up', async () => {
  const impatient: Clock = {
    ...systemClock,
    setTimer: (_, callback) => {
      const timer = setTimeout(callback, 20);
      return { cancel: () => clearTimeout(timer) };
    },
  };
  const hanging = spoilt(() => ({ link: () => new Promise(() => {}) }));
  const reasons = failed(await findings(hanging, impatient)).map(({ reason }) => reason);
  assert.ok(reasons.includes('no answer for 30 seconds'));
});
