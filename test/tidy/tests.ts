/**
 * Tests as a whole: names that tell them apart, and none left out without a reason.
 */
import ts from 'typescript';
import { type Finding, finding, type Source, walk } from './source.ts';

/** Tests that are left out, as `file: name`, with the reason. An entry that fits no test is reported too. */
export const leftOut: ReadonlyMap<string, string> = new Map([
  [
    'test/server/budget.test.ts: the heap that is taken by',
    'where the runtime does not count allocated bytes: Node.js before 26',
  ],
  [
    'test/durability/crash.test.ts: a power cut loses no flushed byte, name or piece of metadata',
    'where file systems cannot be mounted: only root may',
  ],
  [
    'test/durability/flush-order.test.ts: a FLUSH is answered after the fsync of its file and of the directory that its name is new in',
    'where system calls cannot be traced: in containers that forbid it',
  ],
  [
    'test/interop/samba-exchange.test.ts: descriptors of a smbkit without privileges are told by Samba, and the other way round',
    'where smbd cannot be run for several accounts: only root may',
  ],
  [
    "test/interop/quota.test.ts: limits that Samba's smbcquotas sets hold, and survive a restart",
    'where port 445 cannot be had, the only one that smbcquotas knows: only root may',
  ],
  [
    'test/interop/samba-exchange.test.ts: a file that neither server has touched looks the same through both',
    'where smbd cannot be run for several accounts: only root may',
  ],
  [
    'test/interop/protection-capture.test.ts: on the wire',
    'where packets cannot be captured: tshark needs the right to, which root has',
  ],
]);

interface NamedTest {
  readonly node: ts.CallExpression;
  /** Names of the enclosing suites and its own. */
  readonly name: string;
  /** `skip`, `todo` or `only`, where given. */
  readonly mark: string | undefined;
}

const makers = new Set(['test', 'it', 'describe', 'suite']);
const marks = new Set(['skip', 'todo', 'only']);

/** The tests and suites that a file declares by a literal name. */
function declared(source: Source): NamedTest[] {
  const found: NamedTest[] = [];
  const descend = (node: ts.Node, outer: string): void => {
    let inner = outer;
    if (ts.isCallExpression(node)) {
      const [maker = '', mark] = node.expression.getText(source.tree).split('.');
      const title = node.arguments[0];
      if (makers.has(maker) && title !== undefined && ts.isStringLiteralLike(title)) {
        inner = outer === '' ? title.text : `${outer} › ${title.text}`;
        const option = node.arguments
          .find(ts.isObjectLiteralExpression)
          ?.properties.map((property) => property.name?.getText(source.tree));
        found.push({
          node,
          name: inner,
          mark: mark ?? option?.find((name) => name !== undefined && marks.has(name)),
        });
      }
    }
    ts.forEachChild(node, (child) => descend(child, inner));
  };
  descend(source.tree, '');
  return found;
}

/** Two tests of one name in a file. */
export function repeatedNames(source: Source): Finding[] {
  const seen = new Set<string>();
  return declared(source).flatMap(({ node, name }) => {
    const repeated = seen.has(name);
    seen.add(name);
    return repeated ? [finding(source, node, `a second test is called '${name}'`)] : [];
  });
}

/** Tests marked to be left out that `reasons` does not list, and calls of `skip` inside a test. */
export function unexplainedSkips(source: Source, reasons: ReadonlyMap<string, string>): Finding[] {
  const findings: Finding[] = [];
  for (const { node, name, mark } of declared(source)) {
    if (mark === 'only' || (mark !== undefined && !reasons.has(`${source.path}: ${name}`))) {
      findings.push(
        finding(source, node, `'${name}' is marked ${mark} without a reason in test/tidy/tests.ts`),
      );
    }
  }
  walk(source.tree, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const isContext = /^(?:t|context)$/.test(node.expression.expression.getText(source.tree));
    if (isContext && marks.has(node.expression.name.text) && !reasons.has(`${source.path}: *`)) {
      findings.push(finding(source, node, 'a test leaves itself out without a reason in test/tidy/tests.ts'));
    }
  });
  return findings;
}

/** Entries of the list that no test answers to any more. */
export function staleReasons(sources: readonly Source[], reasons: ReadonlyMap<string, string>): Finding[] {
  const present = new Set(
    sources.flatMap((source) => [
      `${source.path}: *`,
      ...declared(source).map(({ name }) => `${source.path}: ${name}`),
    ]),
  );
  return [...reasons.keys()]
    .filter((key) => !present.has(key))
    .map((key) => `test/tidy/tests.ts:1 no test is called '${key}'`);
}
