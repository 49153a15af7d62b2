import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Curve, growthChart } from './growth-chart.ts';
import { exponentOf, growthPage, joined } from './growth-page.ts';

const curve = (title: string, name: string, values: readonly number[]): Curve => ({
  title,
  name,
  points: values.map((value, index) => [10 ** index, value] as const),
});

test('a curve that is flat has the exponent 0, one in proportion 1, one by the square 2', () => {
  assert.equal(exponentOf(curve('a', 'b', [7, 9, 7])), 0);
  assert.equal(exponentOf(curve('a', 'b', [2, 20, 200])), 1);
  assert.equal(exponentOf(curve('a', 'b', [1, 5, 10_000])), 2);
});

test('curves measured again take the place of those of their title, the others stay with their commands', () => {
  const first = joined([], [curve('files', 'x', [1]), curve('locks', 'x', [2])], {
    command: 'one',
    conditions: '',
  });
  const both = joined(first, [curve('files', 'x', [3]), curve('files', 'y', [4])], {
    command: 'two',
    conditions: '',
  });
  assert.deepEqual(
    both.map(({ title, name, command, points }) => [title, name, command, points[0]?.[1]]),
    [
      ['files', 'x', 'two', 3],
      ['files', 'y', 'two', 4],
      ['locks', 'x', 'one', 2],
    ],
  );
  const page = growthPage(both);
  for (const text of ['| files | x | y |', '| 1 | 3.0 | 4.0 |', '`one`', '`two`'])
    assert.ok(page.includes(text), text);
  assert.match(growthChart(both), /^<svg[^>]+>[\s\S]+<\/svg>\n$/);
});
