import assert from 'node:assert/strict';

/** Holds what each of very many calls keeps while it waits for the thread pool to little more than its room. */
export async function waitsInLittle(...calls: readonly (() => Promise<unknown>)[]): Promise<void> {
  const before = process.memoryUsage().arrayBuffers;
  const waiting = Array.from({ length: 2000 }, () => calls.map((call) => call())).flat();
  const perCall = (process.memoryUsage().arrayBuffers - before) / waiting.length;
  await Promise.all(waiting);
  assert.ok(perCall < 2048, `${perCall} bytes each`);
}
