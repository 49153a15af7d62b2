/**
 * Words that code here does not use: names that say nothing, leftovers, ways round the types, and values that are
 * handed in instead of asked for.
 */
import ts from 'typescript';
import { adapters } from './layers.ts';
import { type Finding, finding, findingAt, nameOf, type Source, walk } from './source.ts';

const emptyNouns = /(?:Manager|Helper|Util|Impl)s?(?![a-z])/;
const emptyFileNouns = /(?:^|[-/])(?:manager|helper|util|impl)s?(?:[-.]|$)/;

/** Declarations whose name says nothing, and getters that are no nouns. */
export function emptyNames(source: Source): Finding[] {
  const findings: Finding[] = [];
  if (emptyFileNouns.test(source.path)) findings.push(`${source.path}:1 the file's name says nothing`);
  if (!/^[a-z0-9/.-]+$/.test(source.path))
    findings.push(`${source.path}:1 the file's name is not kebab-case`);
  walk(source.tree, (node) => {
    const name = declares(node) ? nameOf(node) : undefined;
    if (name === undefined) return;
    if (emptyNouns.test(name)) findings.push(finding(source, node, `'${name}' says nothing`));
    if (/^get[A-Z]/.test(name) && isCallable(node))
      findings.push(finding(source, node, `'${name}' is not a noun`));
  });
  return findings;
}

function declares(node: ts.Node): boolean {
  return (
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isVariableDeclaration(node) ||
    isCallable(node)
  );
}

function isCallable(node: ts.Node): boolean {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node)
  );
}

const leftover = /\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b|@ts-(?:ignore|nocheck)|\bissue #?\d+|\/wor[k]\//g;

/** Work left lying about, and history that belongs into commits. */
export function leftovers(source: Source): Finding[] {
  return [...source.text.matchAll(leftover)].map((match) =>
    findingAt(source, match.index, `'${match[0]}' is left over`),
  );
}

/** Where `as` is how the notation gets its types. */
const castsAllowed = /^src\/base\/|^src\/wire\/struct\.ts$|^test\//;

/** `any`, `!` and casts. */
export function waysRoundTypes(source: Source): Finding[] {
  const findings: Finding[] = [];
  walk(source.tree, (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) findings.push(finding(source, node, "'any'"));
    if (ts.isNonNullExpression(node)) findings.push(finding(source, node, 'non-null assertion'));
    if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) {
      const isConst = node.type.getText(source.tree) === 'const';
      if (!isConst && !castsAllowed.test(source.path)) {
        findings.push(finding(source, node, `cast to '${node.type.getText(source.tree)}'`));
      }
    }
  });
  return findings;
}

const synchronousLayers = /^src\/(?:base|wire|crypto|fs)\//;

/** Waiting in layers that have nothing to wait for. */
export function waiting(source: Source): Finding[] {
  if (!synchronousLayers.test(source.path)) return [];
  const findings: Finding[] = [];
  walk(source.tree, (node) => {
    if (
      node.kind === ts.SyntaxKind.AsyncKeyword ||
      node.kind === ts.SyntaxKind.AwaitKeyword ||
      ts.isAwaitExpression(node)
    ) {
      findings.push(finding(source, node, 'this layer is synchronous'));
    }
    if (ts.isIdentifier(node) && node.text === 'Promise')
      findings.push(finding(source, node, "'Promise' in a synchronous layer"));
  });
  return findings;
}

const askedGlobals = new Set([
  ...['Date', 'performance', 'process', 'Intl', 'Temporal'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
]);
const askedMembers = new Set([
  ...['random', 'randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID', 'getRandomValues'],
  ...['toLocaleLowerCase', 'toLocaleUpperCase', 'toLocaleString', 'localeCompare', 'hrtime'],
]);

/** Time, chance, the process and the locale, asked for where they are handed in. Printing is the command line's. */
export function askedWorld(source: Source): Finding[] {
  const findings: Finding[] = [];
  walk(source.tree, (node) => {
    if (!ts.isIdentifier(node)) return;
    const parent = node.parent;
    const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
    const isImport = ts.isImportSpecifier(parent);
    const isKey = !isMember && !isImport && 'name' in parent && parent.name === node;
    if (isKey) return;
    if (node.text === 'console' && !isMember && !source.path.startsWith('src/cli/')) {
      findings.push(finding(source, node, "'console' belongs to the command line"));
    }
    const isAsked = isMember
      ? askedMembers.has(node.text) && !isOwn(parent)
      : askedGlobals.has(node.text) || (isImport && askedMembers.has(node.text));
    if (isAsked && !adapters.test(source.path))
      findings.push(finding(source, node, `'${node.text}' is handed in`));
  });
  return findings;
}

/** `this.random` and the like are members that were handed in. */
function isOwn(access: ts.PropertyAccessExpression): boolean {
  return access.expression.kind === ts.SyntaxKind.ThisKeyword;
}
