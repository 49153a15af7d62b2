import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readArguments } from '../../src/cli/arguments.ts';
import { commands, flagsOf } from '../../src/cli/commands.ts';
import { UsageError } from '../../src/cli/exit-code.ts';
import { helpOf, overview } from '../../src/cli/help.ts';

const read = (line: string) => readArguments(line === '' ? [] : line.split(' '));

describe('the command', () => {
  const lines: readonly (readonly [line: string, command: string, operands: readonly string[]])[] = [
    ['', 'help', []],
    ['--help', 'help', []],
    ['-V', 'help', []],
    ['serve', 'serve', []],
    ['serve a b', 'serve', ['a', 'b']],
    ['serve -- --lan', 'serve', ['--lan']],
    ['./folder', 'serve', ['./folder']],
    ['/srv --lan', 'serve', ['/srv']],
    ['--lan ./folder', 'serve', ['./folder']],
    ['config check x.yaml --print', 'config check', ['x.yaml']],
    ['config schema', 'config schema', []],
    ['help config check', 'help', ['config', 'check']],
  ];
  for (const [line, command, operands] of lines) {
    it(`of "smbkit ${line}" is ${command}`, () => {
      const args = read(line);
      assert.equal(args.command.name, command);
      assert.deepEqual(args.operands, operands);
    });
  }

  it('takes values apart or with "=", repeated where that is of use', () => {
    const args = read('serve --port=1 --port 2 --share a=x --share b=y=z --lan');
    assert.equal(args.value('port'), '2');
    assert.deepEqual(args.values('share'), ['a=x', 'b=y=z']);
    assert.equal(args.has('lan'), true);
    assert.equal(args.has('json'), false);
  });
});

describe('a mistake', () => {
  const mistakes: readonly (readonly [line: string, said: RegExp])[] = [
    ['srve', /no command "srve"\. Did you mean "smbkit serve"\?.*smbkit serve "srve"/],
    ['quux', /no command "quux"\. Commands: serve, /],
    ['config', /"config" needs a second word: config check, config schema/],
    ['config chek x', /no command "config chek"\. Did you mean "smbkit config check"/],
    ['serve --prot 5', /no flag --prot\. Did you mean --port\?/],
    ['serve --readonly', /Did you mean --read-only\?/],
    ['serve --quux', /no flag --quux\. See: smbkit help serve/],
    ['serve -x', /no flag -x/],
    ['serve --port', /--port needs a value: --port PORT/],
    ['serve --port --lan', /--port needs a value/],
    ['serve --port=', /--port needs a value/],
    ['serve --lan=yes', /--lan is a switch/],
    ['serve --password secret', /--password-file, --password-stdin or the variable SMBKIT_PASSWORD/],
  ];
  for (const [line, said] of mistakes) {
    it(`in "smbkit ${line}" is told with what was meant`, () => {
      assert.throws(
        () => read(line),
        (error) => error instanceof UsageError && said.test(error.message),
      );
    });
  }

  it('in a secret does not repeat it', () => {
    assert.throws(
      () => read('serve --password=hunter2'),
      (error) => !String(error).includes('hunter2'),
    );
  });
});

describe('the help', () => {
  it('begins with examples and names every flag', () => {
    for (const command of commands) {
      const text = helpOf(command);
      assert.ok(text.indexOf(command.examples[0]?.[0] ?? '') < text.indexOf('Usage:'));
      for (const flag of flagsOf(command)) assert.ok(text.includes(`--${flag.name}`), flag.name);
    }
  });

  it('names every command', () => {
    for (const command of commands) assert.ok(overview('1.2.3').includes(command.name));
  });

  it('has examples that are right', () => {
    for (const [line] of commands.flatMap((command) => command.examples)) {
      readArguments(line.replace(/ >.*$/, '').split(' ').slice(1));
    }
  });

  it('fits a terminal in its left column', () => {
    for (const line of commands.map(helpOf).join('\n').split('\n')) assert.ok(line.length <= 140, line);
  });
});
