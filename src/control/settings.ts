/**
 * From the configuration to the protocol's settings.
 */
import { present } from '../base/assert.ts';
import type { Settings } from '../session/settings.ts';
import { durationMs } from './duration.ts';
import { type Configuration, limitsOf } from './schema.ts';

/** The part of a checked configuration that the protocol sees, and that may change while the server runs. */
export function settingsOf(configuration: Configuration): Settings {
  const { signing, encryption, dialects, session, multichannel, guest, anonymous, targetNames, lockout } =
    configuration;
  return {
    signing,
    encryption,
    dialects,
    session: {
      lifetimeMs:
        session.lifetime === 'never' ? 0 : present(durationMs(session.lifetime), 'session.lifetime'),
    },
    multichannel,
    guest,
    anonymous,
    targetNames,
    lockout: {
      failures: lockout.failures,
      windowMs: present(durationMs(lockout.window), 'lockout.window'),
      durationMs: present(durationMs(lockout.duration), 'lockout.duration'),
    },
    limits: limitsOf(configuration),
  };
}
