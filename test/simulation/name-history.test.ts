import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ABSENT, NameHistory } from './name-history.ts';

/** The history of a name whose breaks take no more than 10 ms, over a store that takes 3, and the time that it lives in. */
function world() {
  let events = 0;
  const time = { ms: 0 };
  const moments = { next: () => events++, nowMs: () => time.ms };
  return { history: new NameHistory('n', moments, { staleMs: 10, storeMs: 3 }), time };
}

test('a listing gives who had the name last, or whom a change under way gives it', () => {
  const { history } = world();
  history.changing('new').done(1n);
  const renaming = history.changing(ABSENT);
  history.listing()(1n);
  history.listing()(ABSENT);
  renaming.done();
  assert.throws(() => history.listing()(1n), /1 is said to have it, after which came 0, 1, 0/);
  assert.throws(() => history.listing()(7n), /7 never had it/);
});

test('a new file is known by its FileId once it is seen', () => {
  const { history } = world();
  const making = history.changing('new');
  history.listing()(5n);
  assert.throws(() => history.listing()(6n), /6 never had it/);
  assert.throws(() => making.done(6n), /made as 6, seen as 5/);
});

test('what was refused did not happen', () => {
  const { history } = world();
  history.changing('new').refused();
  assert.throws(() => history.listing()(5n), /5 never had it/);
  history.listing()(ABSENT);
});

test('a cache may be as old as the break is long on its way after the change was answered', () => {
  const { history, time } = world();
  const making = history.changing('new');
  history.listing()(1n);
  time.ms = 100;
  history.cached(ABSENT);
  making.done(1n);
  time.ms = 110;
  history.cached(ABSENT);
  time.ms = 111;
  assert.throws(() => history.cached(ABSENT), /0 is said to have it, after which came/);
});

test('a name that CREATE does not find is gone for caches too, when the store has answered once more', () => {
  const { history, time } = world();
  history.changing('new').done(1n);
  history.changing(ABSENT);
  time.ms = 100;
  history.looking()(ABSENT);
  time.ms = 113;
  history.cached(1n);
  time.ms = 114;
  assert.throws(() => history.cached(1n), /1 is said to have it, after which came/);
});

test('after a power failure anything may be there, until it is seen', () => {
  const { history } = world();
  history.changing('new').done(1n);
  history.forget();
  history.listing()(8n);
  assert.throws(() => history.listing()(1n), /1 never had it/);
});
