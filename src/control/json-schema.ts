/**
 * The configuration's schema as data: published for editors, and walked here for known keys and types.
 */
import { z } from 'zod';
import { configurationSchema } from './schema.ts';
import { isTree, type SettingPath, type Tree, valueAt } from './tree.ts';

/** A node of the JSON schema; unknown until looked into. */
export type SchemaNode = Tree;

function build(): SchemaNode {
  const { $schema, ...rest } = z.toJSONSchema(configurationSchema, { io: 'input' });
  const root: SchemaNode = { $schema, title: 'smbkit configuration', ...rest };
  const shares = valueAt(root, ['properties', 'shares']);
  if (isTree(shares)) {
    shares['additionalProperties'] = {
      anyOf: [
        { type: 'string', minLength: 1, description: 'Folder to serve.' },
        shares['additionalProperties'],
      ],
    };
  }
  return root;
}

/** The schema; the same object every time. */
export const jsonSchema: SchemaNode = build();

function inner(node: SchemaNode, part: string | number): unknown {
  if (typeof part === 'number' || node['type'] === 'array') return node['items'];
  const properties = node['properties'];
  if (isTree(properties) && Object.hasOwn(properties, part)) return properties[part];
  const rest = node['additionalProperties'];
  const choices = isTree(rest) ? rest['anyOf'] : undefined;
  return Array.isArray(choices)
    ? choices.find((choice) => isTree(choice) && choice['type'] === 'object')
    : rest;
}

/** The part of the schema that describes `path`. */
export function schemaAt(path: SettingPath): SchemaNode | undefined {
  let node: unknown = jsonSchema;
  for (const part of path) {
    if (!isTree(node)) return undefined;
    node = inner(node, part);
  }
  return isTree(node) ? node : undefined;
}

/** The keys that a mapping at `path` may hold; empty where any key is allowed. */
export function knownKeys(path: SettingPath): readonly string[] {
  const properties = schemaAt(path)?.['properties'];
  return isTree(properties) ? Object.keys(properties) : [];
}

/** True when the setting at `path` is text. */
export function isText(path: SettingPath): boolean {
  const node = schemaAt(path);
  const choices = node?.['anyOf'];
  const nodes = Array.isArray(choices) ? choices : [node];
  return nodes.every((choice) => isTree(choice) && choice['type'] === 'string');
}

/** A setting that is a single value or a list of them. */
export interface Leaf {
  readonly path: readonly string[];
  readonly node: SchemaNode;
}

/** Every single setting below `path`, in the schema's order; mappings with free keys and lists of mappings are left out. */
export function leaves(path: readonly string[] = []): readonly Leaf[] {
  return knownKeys(path).flatMap((key) => {
    const here = [...path, key];
    const node = schemaAt(here);
    if (node === undefined) return [];
    if (node['type'] === 'object') return isTree(node['properties']) ? leaves(here) : [];
    if (node['type'] === 'array' && valueAt(node, ['items', 'type']) === 'object') return [];
    return [{ path: here, node }];
  });
}
