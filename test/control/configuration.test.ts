import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ConfigurationError,
  type ConfigurationSources,
  readConfiguration,
} from '../../src/control/configuration.ts';

const fileOf = (text: string) => ({ file: { name: '/etc/smbkit.yaml', text } });
const read = (text: string) => readConfiguration(fileOf(text)).configuration;

function issuesOf(sources: ConfigurationSources): readonly string[] {
  try {
    readConfiguration(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split('\n');
  }
  return [];
}

const problem = (text: string) => issuesOf(fileOf(text)).join('\n');

describe('the defaults', () => {
  it('require signing, offer encryption and speak no dialect that knows none', () => {
    const configuration = read('');
    assert.equal(configuration.signing.required, true);
    assert.deepEqual(configuration.signing.algorithms, ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256']);
    assert.equal(configuration.encryption.mode, 'available');
    assert.deepEqual(configuration.dialects, { min: '3.0', max: '3.1.1' });
    assert.equal(configuration.session.lifetime, 'never');
    assert.equal(configuration.guest, false);
    assert.equal(configuration.anonymous, false);
    assert.equal(configuration.server.host, '127.0.0.1');
  });

  it('give a share read-write access for every account', () => {
    assert.equal(read('shares: { docs: ./docs }').shares['docs']?.permissions.default, 'read-write');
  });
});

describe('reading the file', () => {
  it('takes paths relative to the folder of the file', () => {
    const configuration = read(
      'shares: { docs: ./docs, pics: { path: ../pics } }\nusers: [{ name: a, passwordFile: a.pw }]',
    );
    assert.equal(configuration.shares['docs']?.path, '/etc/docs');
    assert.equal(configuration.shares['pics']?.path, '/pics');
    assert.equal(configuration.users[0]?.passwordFile, '/etc/a.pw');
  });

  it('takes numbers and words as text where text is wanted', () => {
    const configuration = read(
      'dialects: { min: 3.0, max: 3.1.1 }\nusers: [{ name: 007, password: 0123 }, { name: no, password: null }, { name: x, password: true}]'.replace(
        'password: null',
        'password: 1e3',
      ),
    );
    assert.equal(configuration.dialects.min, '3.0');
    assert.deepEqual(
      configuration.users.map(({ name, password }) => [name, password]),
      [
        ['007', '0123'],
        ['no', '1e3'],
        ['x', 'true'],
      ],
    );
  });

  it('takes a key without a value as absent', () => {
    assert.deepEqual(read('users:\nshares:\nserver:\n').users, []);
  });
});

/** A file and what its check says, in one line. */
const mistakes: readonly (readonly [file: string, said: string])[] = [
  ['serer: {}', '/etc/smbkit.yaml:1:1: serer: unknown setting. Did you mean "server"?'],
  ['server:\n  prot: 1', '/etc/smbkit.yaml:2:3: server.prot: unknown setting. Did you mean "port"?'],
  [
    'server:\n  colour: 1',
    'server.colour: unknown setting. Known here: name, host, port, strictPort, keyFile, stateDir.',
  ],
  ['shares:\n  a:\n    pth: x', '/etc/smbkit.yaml:3:5: shares.a.pth: unknown setting. Did you mean "path"?'],
  ['server:\n  port: http', '2:3: server.port: must be a whole number from 0 to 65535, not "http"'],
  ['server: { port: 70000 }', '1:11: server.port: must be a whole number from 0 to 65535, not 70000'],
  ['server: { port: 1.5 }', 'server.port: must be a whole number from 0 to 65535, not 1.5'],
  ['server: { name: "a b" }', 'server.name: must be 1 to 15 letters, digits or hyphens, not "a b"'],
  ['signing: { required: maybe }', 'signing.required: must be true or false, not "maybe"'],
  ['signing: { algorithms: [] }', 'signing.algorithms: must not be empty, not an empty list'],
  [
    'signing: { algorithms: [aes-gmac] }',
    'algorithms[0]: must be AES-GMAC, AES-CMAC or HMAC-SHA256, not "aes-gmac". Did you mean "AES-GMAC"?',
  ],
  [
    'signing: { algorithms: [AES-CMAC, AES-CMAC] }',
    'signing.algorithms[1]: AES-CMAC is there twice: remove one',
  ],
  ['encryption: { mode: on }', 'encryption.mode: must be off, available, preferred or required, not "on"'],
  ['dialects: { min: 3.1 }', 'dialects.min: must be 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1, not "3.1"'],
  ['dialects: { min: 3.0, max: 2.1 }', 'dialects.max: dialects.max (2.1) is older than dialects.min (3.0)'],
  [
    'dialects: { max: 2.1 }\nencryption: { mode: required }',
    '2:15: encryption.mode: encryption cannot be required with dialects.max 2.1: it needs 3.0 or later',
  ],
  ['session: { lifetime: 8 }', 'session.lifetime: must be like 90s, 30m, 8h, 7d or never, not "8"'],
  ['limits: { payloadBytes: 5 }', 'limits.payloadBytes: must be a whole number from 65536 to 8388608, not 5'],
  ['limits: { payload: 5 }', 'limits.payload: unknown setting.'],
  ['guest: true\nencryption: { mode: required }', '1:1: guest: guest sessions cannot be encrypted'],
  [
    'encryption: { mode: off }\nshares: { a: { path: a, encryption: required } }',
    'shares.a.encryption: the share asks for encryption, but encryption.mode is off',
  ],
  ['shares: { a: {} }', 'shares.a: the share "a" serves nothing: give "path: FOLDER" or "memory: true"'],
  [
    'shares: { a: { path: x, memory: true } }',
    'shares.a: the share "a" has a path and memory: keep one of them',
  ],
  ['shares: { a: x, A: y }', 'shares.A: the share "A" is there already as "a"'],
  ['shares: { IPC$: x }', 'shares.IPC$: the share name "IPC$" is reserved'],
  [
    'shares: { a: { path: x, permissions: { users: { ann: read } } } }\nusers: [{ name: anna, password: x }]',
    '1:49: shares.a.permissions.users.ann: there is no user "ann". Did you mean "anna"?',
  ],
  ['shares: { a: { path: x, permissions: { groups: { staff: read } } } }', 'no user is in a group "staff"'],
  [
    'shares: { a: { path: x, permissions: { default: write } } }',
    'permissions.default: must be none, read or read-write, not "write"',
  ],
  [
    'users: [{ name: a }]',
    '1:9: users[0]: the user "a" has no password: give one of password, passwordFile, ntHash and sealedHash',
  ],
  ['users: [{ name: a, password: x, passwordFile: y }]', 'has more than one password: keep one of'],
  [
    'users: [{ name: a, password: x }, { name: A, password: y }]',
    'users[1]: the user "A" is there twice: remove one',
  ],
  ['users: { a: b }', 'users: must be a list, not a mapping'],
  ['shares: [a]', 'shares: must be a mapping of names, not a list'],
  ['- a', '1:1: the configuration must be a mapping of settings'],
  ['server: &x { port: 1 }\nlog: *x', '2:6: anchors and aliases are not supported'],
  ['server: {', '/etc/smbkit.yaml:1:10: '],
  ['guest: false\nguest: true', '2:1: Map keys must be unique'],
  ['profile: hardened\nguest: true\nshares: {}', '2:1: guest: the hardened profile excludes guest access'],
  [
    'profile: hardened\ndialects: { min: 2.1 }',
    '2:13: dialects.min: the hardened profile excludes dialects before 3.0.2',
  ],
  [
    'profile: hardened\nsigning: { required: false }',
    'signing.required: the hardened profile excludes unsigned sessions',
  ],
  [
    'profile: hardened\nencryption: { mode: preferred }',
    'encryption.mode: the hardened profile excludes plaintext',
  ],
];

describe('a mistake in the file', () => {
  for (const [file, said] of mistakes) {
    it(`is told with its place and its fix: ${JSON.stringify(file)}`, () => {
      const text = problem(file);
      assert.ok(text.includes(said), text);
    });
  }

  it('does not hide the others', () => {
    assert.equal(issuesOf(fileOf('serer: {}\nguest: 5\nlog: { level: loud }')).length, 3);
  });

  it('in a secret does not show the secret', () => {
    const text = problem('users: [{ name: a, ntHash: 0123456789abcdeX }, { name: b, password: [hunter2] }]');
    assert.match(text, /ntHash: must be 32 hexadecimal digits/);
    assert.doesNotMatch(text, /0123|hunter2/);
  });
});

describe('the sources', () => {
  const file = { name: '/c.yaml', text: 'server: { host: ::1, port: 1 }\nlog: { level: debug }' };

  it('count in the order flag, variable, file, default, and each value knows its origin', () => {
    const { configuration, originOf } = readConfiguration({
      file,
      variables: { SMBKIT_PORT: '2', SMBKIT_HOST: '10.0.0.1' },
      flags: [{ path: ['server', 'port'], value: 3, origin: '--port' }],
    });
    assert.equal(configuration.server.port, 3);
    assert.equal(configuration.server.host, '10.0.0.1');
    assert.equal(configuration.log.level, 'debug');
    assert.equal(originOf(['server', 'port']), '--port');
    assert.equal(originOf(['server', 'host']), 'SMBKIT_HOST');
    assert.equal(originOf(['log', 'level']), '/c.yaml:2:8');
    assert.equal(originOf(['log', 'format']), 'default');
  });

  it('read variables as numbers, truth values and lists where the setting is one', () => {
    const { configuration } = readConfiguration({
      variables: {
        SMBKIT_SIGNING_REQUIRED: 'no',
        SMBKIT_ENCRYPTION_CIPHERS: 'AES-256-GCM, AES-128-GCM',
        SMBKIT_DIALECTS_MIN: '2.1',
        SMBKIT_LIMITS_OPEN_COUNT: '77',
      },
    });
    assert.equal(configuration.signing.required, false);
    assert.deepEqual(configuration.encryption.ciphers, ['AES-256-GCM', 'AES-128-GCM']);
    assert.equal(configuration.dialects.min, '2.1');
    assert.equal(configuration.limits['openCount'], 77);
  });

  it('blame the variable or the flag that holds the mistake', () => {
    assert.deepEqual(issuesOf({ variables: { SMBKIT_PORT: 'tcp://10.0.0.1:445' } }), [
      'SMBKIT_PORT: server.port: must be a whole number from 0 to 65535, not "tcp://10.0.0.1:445"',
    ]);
    assert.deepEqual(
      issuesOf({ flags: [{ path: ['log', 'level'], value: 'inof', origin: '--log-level' }] }),
      ['--log-level: log.level: must be debug, info, warn or error, not "inof". Did you mean "info"?'],
    );
  });

  it('warn of a variable that means nothing, and leave those of the command line alone', () => {
    const variables = { SMBKIT_HOTS: 'x', SMBKIT_PASSWORD: 'x', SMBKIT_USER: 'y', PATH: 'z' };
    assert.deepEqual(readConfiguration({ variables }).warnings, [
      'the environment variable SMBKIT_HOTS is not known. Did you mean "SMBKIT_HOST"?',
    ]);
  });
});

describe('the hardened profile', () => {
  it('sets what it promises', () => {
    const { configuration, originOf } = readConfiguration(fileOf('profile: hardened'));
    assert.equal(configuration.signing.required, true);
    assert.equal(configuration.encryption.mode, 'required');
    assert.equal(configuration.dialects.min, '3.0.2');
    assert.equal(originOf(['dialects', 'min']), 'profile hardened');
  });

  it('leaves stricter settings alone', () => {
    assert.equal(read('profile: hardened\ndialects: { min: 3.1.1 }').dialects.min, '3.1.1');
  });
});
