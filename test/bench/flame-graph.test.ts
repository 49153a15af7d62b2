import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type CpuProfile, flameGraph, flamesOf, type ProfileNode } from './flame-graph.ts';

const source = pathToFileURL(resolve(import.meta.dirname, '../../src/server/receive.ts')).href;

function node(id: number, functionName: string, children: readonly number[] = [], url = source): ProfileNode {
  return { id, callFrame: { functionName, url, lineNumber: 6 }, children };
}

/** Ten µs in each sample's function, from 1000 on. */
const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', [2, 5], ''),
    node(2, 'receive', [3, 4]),
    node(3, 'decode<T>', [6]),
    node(4, '(garbage collector)', [], ''),
    node(5, '(idle)', [], ''),
    node(6, 'decode<T>'),
  ],
  samples: [3, 6, 4, 5, 2, 2],
  timeDeltas: [0, 10, 10, 10, 10, 10],
  startTime: 1000,
};

test('a function counts with what it calls, waiting does not', () => {
  const all = flamesOf(profile);
  assert.equal(all.totalMicros, 40);
  const [receive] = all.callees.values();
  assert.ok(receive !== undefined && all.callees.size === 1);
  assert.deepEqual([receive.name, receive.place], ['receive', 'src/server/receive.ts']);
  assert.deepEqual([receive.totalMicros, receive.selfMicros], [40, 10]);
  const [decode, collector] = receive.callees.values();
  assert.deepEqual([decode?.totalMicros, decode?.selfMicros, decode?.callees.size], [20, 10, 1]);
  assert.deepEqual([collector?.name, collector?.totalMicros], ['(garbage collector)', 10]);
});

test('only the samples between the two times count', () => {
  assert.equal(flamesOf(profile, 1010, 1025).totalMicros, 20);
  assert.equal(flamesOf(profile, 5000).totalMicros, 0);
});

test('the drawing has a bar for each function, above its caller, and is well-formed', () => {
  const svg = flameGraph(flamesOf(profile), 'Receive & decode');
  assert.match(svg, /^<svg [^>]+>[\s\S]*<\/svg>\n$/);
  assert.ok(
    svg.includes('Receive &amp; decode') &&
      svg.includes('decode&lt;T&gt; src/server/receive.ts: 50.0 %, itself 25.0 %'),
  );
  assert.equal(svg.match(/<g>/g)?.length, svg.match(/<\/g>/g)?.length);
  const rows = [...svg.matchAll(/<title>(\S+)[^<]*<\/title><rect x="[\d.]+" y="(\d+)"/g)];
  const yOf = (name: string): number[] =>
    rows.filter(([, found]) => found === name).map(([, , y]) => Number(y));
  assert.equal(rows.length, 5);
  const [receive = 0] = yOf('receive');
  assert.ok(yOf('decode&lt;T&gt;').every((y) => y < receive));
  assert.doesNotMatch(flameGraph(flamesOf(profile, 5000), 'nothing'), /NaN|Infinity/);
});
