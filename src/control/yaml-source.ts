/**
 * A YAML file as an unchecked tree that remembers where each setting stands.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { isText } from './json-schema.ts';
import { emptyTree, pathKey, type SettingPath, type Tree } from './tree.ts';

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something wrong in the text itself. */
export interface SyntaxIssue extends Position {
  readonly message: string;
}

export interface YamlSource {
  readonly tree: Tree;
  readonly issues: readonly SyntaxIssue[];
  /** Where the key (or the list's element) at `path` stands. */
  position(path: SettingPath): Position | undefined;
}

/** Reads `text`. Numbers and the like stand as text where the schema wants text, so `min: 3.0` is dialect 3.0. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', uniqueKeys: true });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const issues: SyntaxIssue[] = document.errors.map((error) => ({
    ...place(error.pos[0]),
    message: error.message.replace(/ at line \d+, column \d+:?[\s\S]*$/u, ''),
  }));
  const reader = new TreeReader(document, place, issues);
  const tree = issues.length > 0 ? emptyTree() : reader.root();
  return { tree, issues, position: (path) => reader.positions.get(pathKey(path)) };
}

class TreeReader {
  readonly positions = new Map<string, Position>();
  readonly #document: Document;
  readonly #place: (offset: number) => Position;
  readonly #issues: SyntaxIssue[];

  constructor(document: Document, place: (offset: number) => Position, issues: SyntaxIssue[]) {
    this.#document = document;
    this.#place = place;
    this.#issues = issues;
  }

  root(): Tree {
    const contents = this.#document.contents;
    if (isMap(contents)) return this.#map(contents, []);
    if (isNode(contents) && !(isScalar(contents) && contents.value === null)) {
      this.#refuse(contents, 'the configuration must be a mapping of settings, such as "server:"');
    }
    return emptyTree();
  }

  #refuse(node: Node, message: string): void {
    this.#issues.push({ ...this.#place(node.range?.[0] ?? 0), message });
  }

  #map(map: YAMLMap<unknown, unknown>, path: SettingPath): Tree {
    const tree = emptyTree();
    for (const pair of map.items) this.#pair(pair, path, tree);
    return tree;
  }

  #pair(pair: Pair<unknown, unknown>, path: SettingPath, tree: Tree): void {
    const { key, value } = pair;
    if (!isScalar(key)) return;
    const name = String(key.source ?? key.value);
    const here = [...path, name];
    this.positions.set(pathKey(here), this.#place(key.range?.[0] ?? 0));
    const read = this.#value(value, here);
    // A key without a value ("users:") is as if it were not there.
    if (read !== null) tree[name] = read;
  }

  #value(node: unknown, path: SettingPath): unknown {
    if (isAlias(node)) {
      this.#refuse(node, 'anchors and aliases are not supported: write the value out');
      return null;
    }
    if (isMap(node)) return this.#map(node, path);
    if (isSeq(node)) return node.items.map((item, index) => this.#element(item, [...path, index]));
    if (!isScalar(node)) return null;
    const isPlainText = typeof node.value !== 'string' && node.value !== null && isText(path);
    return isPlainText ? String(node.source ?? node.value) : node.value;
  }

  #element(item: unknown, path: SettingPath): unknown {
    if (isNode(item)) this.positions.set(pathKey(path), this.#place(item.range?.[0] ?? 0));
    return this.#value(item, path);
  }
}
