/**
 * The second half of a logon: whatever is changed in an AUTHENTICATE message with a MIC, nobody is let in.
 */
import { LogonError } from '../../src/auth/mechanism.ts';
import { ntlmClient, ntlmServer, scriptedEntropy } from '../auth/fixtures.ts';
import { expect, rawSeed, type Target } from './target.ts';

/** A logon whose challenge is always the same. */
function begin() {
  const acceptor = ntlmServer({ entropy: scriptedEntropy() }).begin();
  const client = ntlmClient('alice', 'Secret.1');
  const challenge = acceptor.step(client.negotiateMessage);
  expect(!(challenge instanceof Promise) && challenge.kind === 'continue', 'a challenge comes');
  return { acceptor, client, challenge: challenge.token };
}

function authenticate(): Buffer {
  const { client, challenge } = begin();
  return client.authenticate(challenge);
}

export const logonTarget: Target = {
  name: 'ntlm-authenticate',
  isPlain: false,
  seeds: () => [rawSeed(authenticate())],
  start() {
    const right = authenticate();
    return {
      async feed(input, tell) {
        const { acceptor } = begin();
        try {
          const step = await acceptor.step(input);
          const isRight = input.equals(right);
          expect(step.kind === 'complete' && isRight, 'only the message itself is let in');
          tell('in');
        } catch (error) {
          if (!(error instanceof LogonError)) throw error;
          tell(error.message.replace(/\d+/g, '#'));
        } finally {
          acceptor.destroy();
        }
      },
    };
  },
};
