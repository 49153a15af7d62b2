/**
 * An HTTP API as a folder: each user of the API is a file of JSON; saving one sends it back. The API here is a small one of
 * the example's own; give the address of another: `node examples/http-api-as-folder.ts http://localhost:8080`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { directory, file, serve, type VirtualFile } from '../src/index.ts';

/** GET /users tells the ids, GET and PUT /users/ID one user. */
const api = createServer(async (request, response) => {
  const [, id] = /^\/users\/(\w+)$/.exec(request.url ?? '') ?? [];
  if (id === undefined) return response.end(JSON.stringify([...users.keys()]));
  if (request.method === 'PUT') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    users.set(id, JSON.parse(Buffer.concat(chunks).toString()));
  }
  return response.writeHead(users.has(id) ? 200 : 404).end(JSON.stringify(users.get(id), null, 2));
});
const users = new Map<string, unknown>([
  ['ada', { name: 'Ada Lovelace' }],
  ['grace', { name: 'Grace Hopper' }],
]);

async function addressOfApi(): Promise<string> {
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const address = api.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

const base = process.argv[2] ?? (await addressOfApi());

/** The answer to a request; a status that tells of failure becomes the error of the file. */
async function ask(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(`${base}${path}`, init);
  if (response.ok) return response;
  const code = response.status === 404 ? 'ENOENT' : 'EIO';
  throw Object.assign(new Error(`${path}: ${response.status}`), { code });
}

function userFile(id: string): VirtualFile {
  return file({
    read: async () => (await ask(`/users/${id}`)).text(),
    write: (content) => {
      // What is no JSON is not sent.
      JSON.parse(content.toString());
      return ask(`/users/${id}`, { method: 'PUT', body: new Uint8Array(content) });
    },
  });
}

const folder = directory({
  async *list() {
    const ids: unknown = await (await ask('/users')).json();
    for (const id of Array.isArray(ids) ? ids : []) yield [`${id}.json`, userFile(String(id))];
  },
});

const server = await serve({
  shares: { api: { users: folder } },
  users: [{ name: 'anna', password: process.env['PASSWORD'] ?? 'change me' }],
  port: Number(process.env['PORT'] ?? 1445),
});
process.once('SIGINT', () => {
  api.close();
  void server.close();
});
console.log(server.url);
