/**
 * The project's TypeScript files, parsed once, and what every rule of this folder needs to look at them.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';

/** A parsed file; `path` is relative to the project's root, with slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** A breach of a rule, ready to be printed. */
export type Finding = string;

/** The project's root folder. */
export const root: string = resolve(dirname(import.meta.filename), '..', '..');

/** Parses `text` as the file `path`. */
export function parsed(path: string, text: string): Source {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true) };
}

function read(pattern: string): Source[] {
  return globSync(pattern, { cwd: root })
    .sort()
    .map((path) => parsed(path.replaceAll('\\', '/'), readFileSync(resolve(root, path), 'utf8')));
}

/** Everything under src. */
export const productSources: readonly Source[] = read('src/**/*.ts');
/** Everything under test. */
export const testSources: readonly Source[] = read('test/**/*.ts');
/** Product, tests and examples. */
export const allSources: readonly Source[] = [...productSources, ...testSources, ...read('examples/**/*.ts')];

/** `file:line rule`, the form in which editors follow a place. */
export function finding(source: Source, node: ts.Node, rule: string): Finding {
  return findingAt(source, node.getStart(source.tree), rule);
}

/** The same for an offset into the text. */
export function findingAt(source: Source, offset: number, rule: string): Finding {
  return `${source.path}:${source.tree.getLineAndCharacterOfPosition(offset).line + 1} ${rule}`;
}

/** Calls `visit` for `node` and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Lines from the first character of `node` to its last. */
export function lineCount(source: Source, node: ts.Node): number {
  const line = (offset: number): number => source.tree.getLineAndCharacterOfPosition(offset).line;
  return line(node.end) - line(node.getStart(source.tree)) + 1;
}

/** The name a declaration carries, also that of the variable or property that holds a function. */
export function nameOf(node: ts.Node): string | undefined {
  const named = ts.isFunctionExpression(node) || ts.isArrowFunction(node) ? node.parent : node;
  if (!('name' in named) || named.name === undefined) return undefined;
  const name = named.name;
  if (typeof name !== 'object' || name === null || !('kind' in name)) return undefined;
  return 'text' in name && typeof name.text === 'string' ? name.text : undefined;
}

/** Comments standing directly above `node`. */
export function commentAbove(source: Source, node: ts.Node): string {
  const ranges = ts.getLeadingCommentRanges(source.text, node.pos) ?? [];
  return ranges.map((range) => source.text.slice(range.pos, range.end)).join('\n');
}

/** Every comment of a file with its offset. */
export function comments(source: Source): { offset: number; text: string }[] {
  const found = new Map<number, string>();
  const take = (ranges: ts.CommentRange[] | undefined): void => {
    for (const range of ranges ?? []) found.set(range.pos, source.text.slice(range.pos, range.end));
  };
  walk(source.tree, (node) => {
    take(ts.getLeadingCommentRanges(source.text, node.pos));
    take(ts.getTrailingCommentRanges(source.text, node.end));
  });
  return [...found].map(([offset, text]) => ({ offset, text }));
}

/** Ends a test with all findings as its message, one a line. */
export function report(findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  const error = new Error(`${findings.length} to mend\n${findings.join('\n')}`);
  error.stack = error.message;
  throw error;
}
