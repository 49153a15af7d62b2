/**
 * The configuration file: whatever the text, a configuration or a list of what is wrong.
 */
import { present } from '../../src/base/assert.ts';
import { ConfigurationError, readConfiguration } from '../../src/control/configuration.ts';
import { corpusOf } from './corpus.ts';
import { expect, rawSeed, type Target } from './target.ts';

const examples = [
  'server:\n  host: 0.0.0.0\n  port: 1445\nusers:\n  - name: ann\n    password: x\nshares:\n  docs:\n    path: ./docs\n    permissions: { users: { ann: read } }\n',
  'shares: { a: ./a, b: { memory: true } }\nguest: true\nlimits: { creditCount: 512 }\n',
  'profile: hardened\nshares:\n  m: &x { memory: true, comment: "a\\u0000b" }\n  n: *x\n',
  'a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b, *b]\nsession: { lifetime: 8h }\n__proto__: { x: 1 }\n',
];

export const configurationTarget: Target = {
  name: 'configuration',
  isPlain: false,
  seeds: () => [...examples.map((text) => Buffer.from(text)), ...corpusOf('configuration')].map(rawSeed),
  start: () => ({
    feed(input, tell) {
      const text = input.toString('utf8').slice(0, 20_000);
      try {
        const { configuration } = readConfiguration({ file: { name: 'smbkit.yaml', text } });
        expect(
          Object.getPrototypeOf(present(configuration.shares, 'shares')) !== undefined,
          'shares are a table',
        );
        tell('read');
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        expect(error.message.length <= 100_000, 'what is wrong is said in short');
        tell(`${error.issues[0]?.message.replace(/[\d"'].*/, '')}`);
      }
      expect(!('x' in {}), 'no prototype was changed');
    },
  }),
};
