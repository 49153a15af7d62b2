import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipesOf, standardEndpoints } from '../../src/rpc/pipes.ts';
import { accounts, ann, catalogOf } from './fixtures.ts';

const pipes = pipesOf(standardEndpoints(catalogOf([]), accounts), { pipeBytes: 65_536 });

test('the standard pipes are open to any spelling of their names', () => {
  assert.deepEqual(pipes.names, ['srvsvc', 'wkssvc', 'lsarpc']);
  for (const name of ['srvsvc', 'SRVSVC', 'WkSsvc']) assert.ok(pipes.open(name, ann), name);
});

test('no other name opens a pipe', () => {
  for (const name of [
    '',
    'spoolss',
    '../srvsvc',
    'srvsvc\\',
    '\\srvsvc',
    'srvsvc\0',
    '__proto__',
    'constructor',
  ]) {
    assert.equal(pipes.open(name, ann), undefined, name);
  }
});

test('each open has a connection of its own', () => {
  assert.notEqual(pipes.open('srvsvc', ann), pipes.open('srvsvc', ann));
});
