/**
 * The protocol documents' sections that code and tests cite, gathered into docs/protocol/coverage.md:
 * `node test/tidy/citations.ts --write`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';
import {
  commentAbove,
  comments,
  type Finding,
  finding,
  productSources,
  root,
  type Source,
  testSources,
} from './source.ts';

/** Where the gathered citations stand. */
export const coveragePath: string = resolve(root, 'docs/protocol/coverage.md');

const citation =
  /\[(MS-[A-Z0-9]+)\]\s+(\d+(?:\.\d+)*(?:(?:,\s+|\s+and\s+|,\s+and\s+|\s*[–-]\s*)\d+(?:\.\d+)+)*)/g;

/** The sections that `text` cites, as `[document, section]`. */
export function citationsIn(text: string): [document: string, section: string][] {
  const plain = text.replace(/\n\s*(?:\*|\/\/) ?/g, ' ');
  return [...plain.matchAll(citation)].flatMap(([, document = '', sections = '']) =>
    [...sections.matchAll(/\d+(?:\.\d+)*/g)].map(([section]): [string, string] => [document, section]),
  );
}

/** Structures without a section, and command files that cite none. */
export function uncited(source: Source): Finding[] {
  const findings: Finding[] = [];
  const structs = source.path.startsWith('src/wire/') ? structsOf(source) : [];
  for (const [statement, declaration] of structs) {
    if (citationsIn(commentAbove(source, statement)).length === 0) {
      findings.push(
        finding(source, declaration, `${declaration.name.getText(source.tree)} cites no section`),
      );
    }
  }
  const isCommand = /^src\/server\/commands\/(?!index\.ts)/.test(source.path);
  if (isCommand && !comments(source).some(({ text }) => citationsIn(text).length > 0)) {
    findings.push(finding(source, source.tree, 'the command cites no section'));
  }
  return findings;
}

/** Declarations in the struct notation, `X = struct('X', …)`, with their statements. */
function structsOf(source: Source): [ts.Statement, ts.VariableDeclaration][] {
  return source.tree.statements
    .filter(ts.isVariableStatement)
    .flatMap((statement) =>
      statement.declarationList.declarations.map((declaration): [ts.Statement, ts.VariableDeclaration] => [
        statement,
        declaration,
      ]),
    )
    .filter(([, { initializer }]) => initializer !== undefined && isStructCall(initializer));
}

function isStructCall(node: ts.Expression): boolean {
  return ts.isCallExpression(node) && node.expression.getText() === 'struct';
}

/** The page: one table a document, one row a section. */
export function coverage(product: readonly Source[], tests: readonly Source[]): string {
  const documents = new Map<string, Map<string, { product: Set<string>; tests: Set<string> }>>();
  const add = (source: Source, column: 'product' | 'tests'): void => {
    for (const comment of comments(source)) {
      for (const [document, section] of citationsIn(comment.text)) {
        const sections = documents.get(document) ?? new Map();
        documents.set(document, sections);
        const row = sections.get(section) ?? { product: new Set(), tests: new Set() };
        sections.set(section, row);
        row[column].add(source.path);
      }
    }
  };
  for (const source of product) add(source, 'product');
  for (const source of tests) add(source, 'tests');
  const lines = [
    '# Protocol coverage',
    '',
    'Made from the citations in the sources by `node test/tidy/citations.ts --write`.',
  ];
  for (const [document, sections] of [...documents].sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push('', `## [${document}]`, '', '| section | code | tests |', '| --- | --- | --- |');
    for (const [section, row] of [...sections].sort(([a], [b]) => bySection(a, b))) {
      lines.push(`| ${section} | ${links(row.product)} | ${links(row.tests)} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function links(paths: ReadonlySet<string>): string {
  return [...paths]
    .map((path) => `[${path.replace(/^(?:src|test)\//, '').replace(/\.ts$/, '')}](../../${path})`)
    .join(', ');
}

/** 2.9 before 2.10. */
function bySection(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

if (import.meta.main && process.argv.includes('--write')) {
  mkdirSync(dirname(coveragePath), { recursive: true });
  writeFileSync(
    coveragePath,
    coverage(
      productSources,
      testSources.filter(({ path }) => !path.startsWith('test/tidy/')),
    ),
  );
}
