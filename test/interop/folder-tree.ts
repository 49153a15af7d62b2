/**
 * Folders and files for transfer tests: many, deep, and with names that real people and old programs give.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Legal on the server's side and on ours; each has confused some server or client. */
const awkwardNames: readonly string[] = [
  ...[
    'with space',
    ' leading space',
    '.hidden',
    '..twodots',
    '-dash',
    '--',
    'a.b.c.tar.gz',
    'UPPER.TXT',
    'no-extension',
  ],
  ...[
    '%41',
    '%00',
    '100%',
    '$HOME',
    '`id`',
    "quote'",
    'a&b',
    'semi;colon',
    'comma,',
    'at@',
    'hash#',
    '[brackets]',
    '{braces}',
  ],
  ...[
    '(round)',
    '!bang',
    'caret^',
    'tilde~1',
    'LONGFI~1.TXT',
    'equals=',
    'plus+',
    '@GMT',
    'desktop.ini',
    'Thumbs.db',
  ],
  ...[
    'ümlaut',
    'ÀÉÎÕÜ',
    'nai\u0308ve',
    'na\u00efve',
    'ß',
    'ſ',
    'İstanbul',
    'ıspanak',
    'Ωμέγα',
    'Привет',
    'שלום',
    'مرحبا',
  ],
  ...[
    '中文文件',
    '日本語',
    '한국어',
    '한글',
    'ไทย',
    '\u200bzero-width',
    'emoji 😀',
    '👩‍👩‍👧‍👦',
    '𝒳𝒴',
    '\u{10fffd}',
  ],
  'l'.repeat(255),
  `${'long '.repeat(49)}.txt`,
  '長'.repeat(85),
  '😀'.repeat(63),
];

const fileCount = 2000;
const filesPerFolder = 40;

/** Makes 2,000 small files in nested folders below `root`, the awkward names first. */
export function makeTree(root: string): void {
  let made = 0;
  for (let folderIndex = 0; made < fileCount; folderIndex++) {
    const folder = join(root, folderPath(folderIndex));
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < filesPerFolder && made < fileCount; i++, made++) {
      const name = awkwardNames[made] ?? `file ${i} of ${folderIndex}.${i % 2 === 0 ? 'txt' : 'dat'}`;
      writeFileSync(join(folder, name), content((made * 37) % 3000, made));
    }
  }
  mkdirSync(join(root, 'empty folder'), { recursive: true });
}

/** Folders go deep in places; every fifth carries an awkward name itself. */
function folderPath(index: number): string {
  const own = index % 5 === 4 ? (awkwardNames[index % 40] ?? '') : `folder ${index}`;
  const depth = index % 7;
  return join(...Array.from({ length: depth }, (_, level) => `level ${level}`), `${own}.d`);
}

/** `size` bytes that differ from file to file and do not repeat in the small. */
export function content(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed * 2_654_435_761 + 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** SHA-1 of a file. */
export async function checksum(path: string): Promise<string> {
  const hash: Hash = createHash('sha1');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
