/**
 * The size of files and functions: what fits a screen, and what is read in one sitting.
 */
import ts from 'typescript';
import { type Finding, finding, lineCount, nameOf, type Source, walk } from './source.ts';

const fileLinesMax = 400;
const functionLinesMax = 70;
const parametersMax = 4;
const nestingMax = 3;

/** Declarations are tables: as long as the document's. */
function isTable(path: string): boolean {
  return path.startsWith('src/wire/') || path.endsWith('-table.ts') || path.startsWith('test/vectors/');
}

/** A file longer than one sitting. */
export function longFile(source: Source): Finding[] {
  const lines = source.text.split('\n').length - 1;
  if (lines <= fileLinesMax || isTable(source.path)) return [];
  return [`${source.path}:${fileLinesMax + 1} file has ${lines} lines, more than ${fileLinesMax}`];
}

/** Functions that are too long or take too much. */
export function largeFunctions(source: Source): Finding[] {
  const findings: Finding[] = [];
  walk(source.tree, (node) => {
    if (!isFunction(node) || isSuiteBody(node)) return;
    const name = nameOf(node) ?? 'function';
    const lines = lineCount(source, node);
    if (lines > functionLinesMax) {
      findings.push(finding(source, node, `${name} has ${lines} lines, more than ${functionLinesMax}`));
    }
    const parameters = node.parameters.filter((parameter) => parameter.name.getText(source.tree) !== 'this');
    if (parameters.length > parametersMax) {
      findings.push(
        finding(source, node, `${name} has ${parameters.length} parameters, more than ${parametersMax}`),
      );
    }
  });
  return findings;
}

/** Statements nested deeper than a reader can hold. */
export function deepNesting(source: Source): Finding[] {
  const findings: Finding[] = [];
  const descend = (node: ts.Node, depth: number): void => {
    const own = isFunction(node) ? 0 : nests(node) ? depth + 1 : depth;
    if (own === nestingMax + 1 && own > depth) {
      findings.push(finding(source, node, `nested ${own} deep, more than ${nestingMax}`));
    }
    ts.forEachChild(node, (child) => descend(child, own));
  };
  descend(source.tree, 0);
  return findings;
}

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node)
  );
}

/** The body of `describe` is a list of tests, not a piece of logic. */
function isSuiteBody(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && /^(?:describe|suite)\b/.test(call.expression.getText());
}

function nests(node: ts.Node): boolean {
  if (ts.isIfStatement(node)) return !(ts.isIfStatement(node.parent) && node.parent.elseStatement === node);
  return ts.isIterationStatement(node, false) || ts.isSwitchStatement(node) || ts.isTryStatement(node);
}
