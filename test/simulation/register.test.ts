import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Register } from './register.ts';

/** A register that is never stale for more than 10 ms, and the time that it lives in. */
function world() {
  let events = 0;
  const time = { ms: 0 };
  const register = new Register('r', { next: () => events++, nowMs: () => time.ms }, 10);
  return { register, time };
}

test('a read gives the last value, or one that is being written', () => {
  const { register } = world();
  register.writing(1)();
  const second = register.writing(2);
  register.reading()(1);
  register.reading()(2);
  second();
  assert.throws(() => register.reading()(1), /read 1, after which 2/);
  assert.throws(() => register.reading()(7), /never written/);
});

test('once somebody has read a value nobody reads the one before it', () => {
  const { register } = world();
  register.writing(1)();
  register.writing(2);
  register.reading()(2);
  assert.throws(() => register.reading()(1), /read 1, after which 2/);
});

test('a read that began before the write may give what was there then', () => {
  const { register } = world();
  register.writing(1)();
  const read = register.reading();
  register.writing(2)();
  read(1);
});

test('a cache may be as old as the break is long on its way', () => {
  const { register, time } = world();
  register.writing(1)();
  register.writing(2)();
  time.ms = 10;
  register.cached(1);
  time.ms = 11;
  assert.throws(() => register.cached(1), /read 1, after which 2/);
});

test('after a crash anything may be there that no flushed write has replaced', () => {
  const { register } = world();
  register.writing(1)();
  const flushed = register.flushing();
  register.writing(2)();
  flushed();
  assert.throws(() => register.crashed(0), /read 0, after which 1/);
  register.crashed(1);
  assert.throws(() => register.reading()(2), /never written/);
});
