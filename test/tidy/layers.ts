/**
 * Which layer may import which, as ARCHITECTURE.md states it in its table `| layer | may import |`.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import ts from 'typescript';
import { type Finding, finding, root, type Source, walk } from './source.ts';

/** Layer to what it may import: layers, or parts of one such as `wire/dtyp`. */
export type LayerTable = ReadonlyMap<string, readonly string[]>;

/** Holds until ARCHITECTURE.md exists. */
const everythingBelowControl = 'base wire crypto auth rpc native fs backend vfs session server';
const fallback = `
| base | |
| wire | base |
| crypto | base |
| auth | base wire crypto |
| rpc | base wire |
| native | base |
| fs | base wire/dtyp wire/flags |
| backend | base wire/dtyp wire/flags native |
| vfs | base wire fs backend rpc |
| session | base wire crypto auth |
| server | base wire crypto auth rpc native fs backend vfs session |
| control | ${everythingBelowControl} |
| testing | ${everythingBelowControl} control |
| cli | ${everythingBelowControl} control |
| index | ${everythingBelowControl} control |
`;

/** Reads the rows of the table out of a Markdown text; other tables are told apart by their heading row. */
export function layerTable(markdown: string): LayerTable {
  const table = new Map<string, readonly string[]>();
  let inside = false;
  for (const line of markdown.split('\n')) {
    const cells = /^\|([^|]*)\|([^|]*)\|/.exec(line.trim());
    if (cells === null) inside = false;
    else if (cells[1]?.trim() === 'layer') inside = true;
    else if (inside && !/^[\s:-]+$/.test(cells[1] ?? '')) {
      const words = (cell: string): string[] =>
        cell.split(/[\s,`]+/).filter((word) => word !== '' && word !== '—');
      for (const layer of words(cells[1] ?? '')) table.set(layer, words(cells[2] ?? ''));
    }
  }
  return table;
}

/** The project's own table. */
export function projectLayers(): LayerTable {
  try {
    return layerTable(readFileSync(resolve(root, 'ARCHITECTURE.md'), 'utf8'));
  } catch {
    return layerTable(`| layer | may import |${fallback}`);
  }
}

/** The layer of a file under src: its first folder, or `index` for files of src itself. */
export function layerOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : 'index';
}

/** Every module that a file names in an import or export, with the place. */
export function importsOf(source: Source): { node: ts.Node; target: string }[] {
  const found: { node: ts.Node; target: string }[] = [];
  walk(source.tree, (node) => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
    if (specifier !== undefined && ts.isStringLiteral(specifier))
      found.push({ node, target: specifier.text });
  });
  return found;
}

/** Where a relative import leads, from the project's root. */
export function resolved(source: Source, target: string): string {
  return normalize(join(dirname(source.path), target)).replaceAll('\\', '/');
}

/** Whether `path` is the layer or part of a layer that `entry` names. */
function within(entry: string, path: string): boolean {
  return path.startsWith(`src/${entry}/`) || path === `src/${entry}.ts`;
}

/** Imports that go against the table. */
export function againstLayers(source: Source, table: LayerTable): Finding[] {
  const layer = layerOf(source.path);
  const allowed = table.get(layer);
  if (allowed === undefined)
    return [finding(source, source.tree, `layer '${layer}' is not in the table of ARCHITECTURE.md`)];
  const findings: Finding[] = [];
  for (const { node, target } of importsOf(source)) {
    if (!target.startsWith('.')) continue;
    const path = resolved(source, target);
    if (!path.startsWith('src/'))
      findings.push(finding(source, node, `imports '${target}' from outside src`));
    else if (layerOf(path) !== layer && !allowed.some((entry) => within(entry, path))) {
      findings.push(finding(source, node, `${layer} may not import '${target}' (${layerOf(path)})`));
    }
  }
  return findings;
}

/** Layers that stay free of any package. */
const packageFree = new Set(['base', 'wire', 'crypto', 'fs']);
/** Node's modules that reach the world, and who may use them. */
const worldModules =
  /^node:(?:fs|net|tls|dgram|dns|http|https|http2|os|child_process|worker_threads|cluster|timers|process|perf_hooks|readline|tty)(?:\/|$)/;
/** Where sockets, files, clocks and chance come from. */
export const adapters =
  /^src\/(?:base|native|backend|control|cli)\/|^src\/server\/(?:tcp|received-socket|pairing|outgoing)\.ts$/;

/** Imports of the world, or of packages, where values are handed in instead. */
export function throughWalls(source: Source): Finding[] {
  const layer = layerOf(source.path);
  const findings: Finding[] = [];
  for (const { node, target } of importsOf(source)) {
    if (target.startsWith('.')) continue;
    if (!target.startsWith('node:') && packageFree.has(layer)) {
      findings.push(finding(source, node, `${layer} imports the package '${target}'`));
    }
    if (worldModules.test(target) && !adapters.test(source.path)) {
      findings.push(finding(source, node, `'${target}' belongs to the adapters`));
    }
  }
  return findings;
}
