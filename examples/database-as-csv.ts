/**
 * The tables of a database as CSV files: `node examples/database-as-csv.ts data.sqlite`. A file that is saved replaces the
 * rows of its table; what the database refuses is refused to the client, too.
 */
import { DatabaseSync } from 'node:sqlite';
import { directory, file, serve, type VirtualFile } from '../src/index.ts';

const path = process.argv[2];
const database = new DatabaseSync(path ?? ':memory:');
if (path === undefined) {
  database.exec(`create table people (id integer primary key, name text not null);
    insert into people values (1, 'Ada'), (2, 'Grace "Amazing" Hopper')`);
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const cell = (value: unknown) => (/[",\n]/.test(String(value)) ? quoted(String(value)) : String(value ?? ''));

function tables(): readonly string[] {
  const rows = database.prepare("select name from sqlite_schema where type = 'table' order by name").all();
  return rows.map(({ name }) => String(name));
}

function columnsOf(table: string): readonly string[] {
  return database
    .prepare('select name from pragma_table_info(?)')
    .all(table)
    .map(({ name }) => String(name));
}

/** Lines of cells; a cell in quotes may hold commas, line ends and doubled quotes. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, separator = '', inQuotes, plain = ''] of text.matchAll(
    /(^|,|\r?\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g,
  )) {
    if (separator.includes('\n')) rows.push([]);
    rows.at(-1)?.push(inQuotes?.replaceAll('""', '"') ?? plain);
  }
  return rows.filter((row) => row.length > 1 || row[0] !== '');
}

function csvOf(table: string): VirtualFile {
  return file({
    read() {
      const columns = columnsOf(table);
      const rows = database.prepare(`select * from ${quoted(table)}`).all();
      const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(','));
      return `${[columns.map(cell).join(','), ...lines].join('\n')}\n`;
    },
    write(content) {
      const [columns = [], ...rows] = parse(content.toString());
      const places = columns.map(() => '?').join(', ');
      const insert = `insert into ${quoted(table)} (${columns.map(quoted).join(', ')}) values (${places})`;
      database.exec('begin');
      try {
        database.exec(`delete from ${quoted(table)}`);
        for (const row of rows)
          database.prepare(insert).run(...columns.map((_, index) => row[index] ?? null));
        database.exec('commit');
      } catch (error) {
        database.exec('rollback');
        throw error;
      }
    },
  });
}

const root = directory({
  async *list() {
    for (const table of tables()) yield [`${table}.csv`, csvOf(table)];
  },
  find: (name) => {
    const table = tables().find((one) => `${one}.csv` === name);
    return table === undefined ? undefined : csvOf(table);
  },
});

const server = await serve({
  shares: { tables: { tables: root } },
  users: [{ name: 'anna', password: process.env['PASSWORD'] ?? 'change me' }],
  port: Number(process.env['PORT'] ?? 1445),
});
process.once('SIGINT', () => server.close());
console.log(server.url);
