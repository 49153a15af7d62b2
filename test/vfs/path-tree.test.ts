import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathTree } from '../../src/vfs/path-tree.ts';

test('what is at and below a name is found, and nothing beside it', () => {
  const tree = new PathTree<string>();
  const paths = ['', 'a', 'a/b', 'a/b/c', 'a/bc', 'ab', 'b/a'];
  for (const path of paths) tree.add(path, `at ${path}`);
  tree.add('a/b', 'another');
  const within = (path: string) => tree.within(path).sort();
  assert.deepEqual(within('a/b'), ['another', 'at a/b', 'at a/b/c']);
  assert.deepEqual(within('a'), ['another', 'at a', 'at a/b', 'at a/b/c', 'at a/bc']);
  assert.deepEqual(within('a/b/c/d'), []);
  assert.deepEqual(within('c'), []);
  assert.equal(within('').length, 8);
});

test('what is taken out is gone with the branches that held nothing else', () => {
  const tree = new PathTree<string>();
  tree.add('a/b/c', 'deep');
  tree.add('a/b', 'one');
  tree.add('a/b', 'two');
  tree.delete('a/b', 'one');
  assert.deepEqual(tree.within('a').sort(), ['deep', 'two']);
  tree.delete('a/b/c', 'deep');
  tree.delete('a/b/c', 'deep');
  tree.delete('x/y', 'deep');
  tree.delete('a/b', 'other');
  assert.deepEqual(tree.within(''), ['two']);
  tree.delete('a/b', 'two');
  assert.deepEqual(tree.within(''), []);
});
