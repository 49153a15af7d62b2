import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageProblem } from './image.ts';
import { killRepeatedly } from './kill.ts';
import { cutPower } from './power-cut.ts';

test('a power cut loses no flushed byte, name or piece of metadata', {
  skip: await imageProblem(),
}, async (t) => {
  const { crashes, names, blocks, metadata, losses } = await cutPower({ cuts: 12, seed: 1, writers: 4 });
  assert.deepEqual(losses, []);
  assert.ok(names > 0 && blocks > 0 && metadata > 0, 'there was something to lose');
  t.diagnostic(
    `${crashes} power cuts, ${names} names, ${blocks} blocks, ${metadata} pieces of metadata kept`,
  );
});

test('a server that is killed loses nothing that it answered', async (t) => {
  const { crashes, names, blocks, metadata, losses } = await killRepeatedly({
    kills: 3,
    seed: 1,
    writers: 4,
  });
  assert.deepEqual(losses, []);
  assert.ok(names > 0 && blocks > 0 && metadata > 0, 'there was something to lose');
  t.diagnostic(
    `killed ${crashes} times, ${names} names, ${blocks} blocks, ${metadata} pieces of metadata kept`,
  );
});
