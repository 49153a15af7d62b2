/**
 * Names that must be followed through renames: of open files, and of all files where the store tells no identity.
 */
import type { BackendPath } from './contract.ts';
import { namesOf } from './path.ts';

export class NamedNode {
  /** Set where the name is all that identifies the file. */
  fileId: bigint | undefined;
  /** Handles open by this name. */
  handleCount = 0;
  /** A sync that failed: a later one that succeeds does not bring the data back. */
  syncError: unknown;
  /** Set when the file lost this name to another: some file systems forget to count that. */
  linkCountMax = Number.POSITIVE_INFINITY;
  name: string;
  parent: NamedNode | undefined;
  readonly children = new Map<string, NamedNode>();

  constructor(name: string, parent: NamedNode | undefined) {
    this.name = name;
    this.parent = parent;
  }
}

/** A few dozen bytes a name; names that nothing needs any more are dropped. */
export class NameTree {
  readonly root = new NamedNode('', undefined);

  /** The node at `path`, made where there is none. */
  at(path: BackendPath): NamedNode {
    let node = this.root;
    for (const name of namesOf(path, 'open')) {
      const child: NamedNode = node.children.get(name) ?? new NamedNode(name, node);
      node.children.set(name, child);
      node = child;
    }
    return node;
  }

  find(path: BackendPath): NamedNode | undefined {
    let node: NamedNode | undefined = this.root;
    for (const name of namesOf(path, 'open')) node = node?.children.get(name);
    return node;
  }

  /** Where the node is now; undefined once its name is gone. */
  pathOf(node: NamedNode): BackendPath | undefined {
    const names: string[] = [];
    let at = node;
    for (; at.parent !== undefined; at = at.parent) names.push(at.name);
    return at === this.root ? names.reverse().join('/') : undefined;
  }

  /** The name is gone, and all below it. */
  remove(path: BackendPath): void {
    const node = this.find(path);
    if (node?.parent === undefined) return;
    const { parent } = node;
    parent.children.delete(node.name);
    node.parent = undefined;
    this.prune(parent);
  }

  move(from: BackendPath, to: BackendPath): void {
    this.remove(to);
    const node = this.find(from);
    if (node?.parent === undefined) return;
    const { parent } = node;
    parent.children.delete(node.name);
    const cut = to.lastIndexOf('/');
    node.name = to.slice(cut + 1);
    node.parent = this.at(cut < 0 ? '' : to.slice(0, cut));
    node.parent.children.set(node.name, node);
    this.prune(parent);
  }

  /** Drops the node, and those above it, as far as nothing needs them. */
  prune(node: NamedNode): void {
    let at = node;
    while (at.parent !== undefined && at.children.size === 0) {
      if (at.handleCount > 0 || at.fileId !== undefined) return;
      const { parent } = at;
      parent.children.delete(at.name);
      at.parent = undefined;
      at = parent;
    }
  }
}
