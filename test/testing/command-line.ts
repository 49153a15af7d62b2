/**
 * The command line of a program that is run by hand. What it can be told stands in the comment at the beginning of its file.
 */
import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Its first comment, without what makes it one. */
export function helpOf(program: string): string {
  const [, comment = ''] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(program, 'utf8')) ?? [];
  return comment.replaceAll(/^[ \t]*\* ?/gm, '').trim();
}

/**
 * Reads the command line as `config` has it. `--help` prints the help of `program`, the path of its file, and ends the process; so does
 * an option that it does not know, with what is wrong, and 2.
 */
export function commandLine<const T extends ParseArgsConfig>(
  program: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.includes('--help')) {
    console.log(helpOf(program));
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${helpOf(program)}`);
    process.exit(2);
  }
}
