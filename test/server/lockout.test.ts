import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogFields } from '../../src/base/log.ts';
import { Lockout } from '../../src/server/lockout.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

const MINUTE = 60_000;

/** A lock-out after three wrong passwords in 15 minutes, for 30, with what it told. */
function scene(administrators: readonly string[] = []) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const levels: string[] = [];
  const settings = { failures: 3, windowMs: 15 * MINUTE, durationMs: 30 * MINUTE };
  const enabled = new Set(administrators);
  const names = new Set(['ann', 'ben', 'cid', ...administrators]);
  const accounts = { has: (name: string) => names.has(name), administrators: () => [...enabled] };
  const audit = (event: string, { user, reason, isAccount }: LogFields = {}) =>
    void told.push([event, user, reason ?? isAccount].join(' '));
  const log = { enabled: () => true, write: (level: string) => void levels.push(level) };
  const lockout = new Lockout({ clock, log, audit, accounts, settings: () => settings });
  const fail = (count: number, user = 'ann') => {
    for (let wrong = 0; wrong < count; wrong++) lockout.failed(user, '10.0.0.1');
  };
  return { clock, told, levels, settings, enabled, lockout, fail };
}

describe('a lock-out', () => {
  it('begins with so many wrong passwords within the window, and is told once', () => {
    const { lockout, fail, told, levels } = scene();
    fail(2);
    assert.equal(lockout.refuses('ann'), false);
    fail(1, 'ANN');
    assert.equal(lockout.refuses('Ann'), true);
    fail(5);
    assert.deepEqual(told, ['lockout-began ann true']);
    assert.deepEqual(levels, ['warn']);
    assert.equal(lockout.count, 1);
    assert.equal(lockout.refuses('ben'), false);
  });

  it('does not begin when wrong passwords are older than the window, or a right one came between', async () => {
    const { clock, lockout, fail } = scene();
    fail(2);
    await clock.advance(14 * MINUTE);
    fail(1, 'ben');
    lockout.succeeded('ANN');
    fail(2);
    await clock.advance(15 * MINUTE);
    fail(2);
    fail(2, 'ben');
    assert.equal(lockout.count, 0);
    fail(1);
    assert.equal(lockout.refuses('ann'), true);
  });

  it('is over at its time, whatever came meanwhile, and is told once', async () => {
    const { clock, lockout, fail, told } = scene();
    fail(3);
    await clock.advance(30 * MINUTE - 1);
    fail(10);
    assert.equal(lockout.refuses('ann'), true);
    await clock.advance(1);
    assert.equal(lockout.refuses('ann'), false);
    fail(2);
    assert.equal(lockout.refuses('ann'), false, 'counts anew');
    assert.deepEqual(told, ['lockout-began ann true', 'lockout-ended ann over']);
  });

  it('that is over is told without anybody asking', async () => {
    const { clock, lockout, fail, told, levels } = scene();
    fail(3);
    await clock.advance(30 * MINUTE);
    lockout.look();
    lockout.look();
    assert.deepEqual(told, ['lockout-began ann true', 'lockout-ended ann over']);
    assert.deepEqual(levels, ['warn', 'warn']);
  });

  it('is lifted, and what was wrong before is forgotten', () => {
    const { lockout, fail, told } = scene();
    fail(3);
    assert.equal(lockout.lift('Ann', 'lifted'), true);
    assert.equal(lockout.refuses('ann'), false);
    fail(2);
    assert.equal(lockout.lift('ann', 'lifted'), false);
    fail(2);
    assert.equal(lockout.count, 0);
    assert.deepEqual(told, ['lockout-began ann true', 'lockout-ended ann lifted']);
  });

  it('is off at no failures, and ends when it is turned off', () => {
    const { lockout, fail, settings, told } = scene();
    fail(3);
    settings.failures = 0;
    assert.equal(lockout.refuses('ann'), false);
    fail(100, 'ben');
    assert.equal(lockout.count, 0);
    assert.deepEqual(told, ['lockout-began ann true', 'lockout-ended ann over']);
  });

  it('counts for names that are no accounts, and not for no name', () => {
    const { lockout, fail, told } = scene();
    fail(3, 'nobody');
    fail(10, '');
    assert.equal(lockout.refuses('nobody'), true);
    assert.deepEqual(told, ['lockout-began nobody false']);
  });
});

describe('the last administrator', () => {
  it('is never locked out: not the only one, and not when all others are', async () => {
    const only = scene(['root']);
    only.fail(100, 'ROOT');
    assert.equal(only.lockout.refuses('root'), false);
    const { clock, lockout, fail } = scene(['root', 'toor']);
    fail(3, 'root');
    fail(100, 'toor');
    assert.deepEqual([lockout.refuses('root'), lockout.refuses('toor')], [true, false]);
    await clock.advance(30 * MINUTE);
    fail(3, 'toor');
    fail(100, 'root');
    assert.deepEqual([lockout.refuses('root'), lockout.refuses('toor')], [false, true]);
  });

  it('is let in again when the others are disabled', () => {
    const { lockout, fail, enabled, told } = scene(['root', 'toor']);
    fail(3, 'root');
    enabled.delete('toor');
    assert.equal(lockout.refuses('root'), false);
    assert.deepEqual(told, ['lockout-began root true', 'lockout-ended root last-administrator']);
    fail(3, 'toor');
    assert.equal(lockout.refuses('toor'), true, 'a disabled one is none');
  });
});

describe('a flood of made-up names', () => {
  it('does not make the wrong passwords or the lock-out of an account forgotten', () => {
    const { lockout, fail } = scene();
    fail(3, 'ben');
    fail(2);
    for (let name = 0; name < 25_000; name++) lockout.failed(`name${name}`, '10.0.0.1');
    fail(1);
    assert.deepEqual([lockout.refuses('ann'), lockout.refuses('ben')], [true, true]);
  });

  it('takes no more room than 10,000 names', () => {
    const { lockout, fail, told } = scene();
    for (let name = 0; name < 10_500; name++) fail(3, `name${name}`);
    assert.equal(lockout.count, 10_000);
    assert.equal(told.filter((line) => line.endsWith(' forgotten')).length, 500);
    assert.equal(lockout.refuses('name0'), false);
  });
});
