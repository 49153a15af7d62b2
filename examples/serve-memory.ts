/**
 * Serves files that exist in memory only. Without users an account with a generated password is made.
 */
import { memoryBackend, serve } from '../src/index.ts';

const files = memoryBackend({ label: 'scratch' }).seed({
  'hello.txt': 'Hello from memory.\n',
  notes: { 'today.txt': 'Nothing yet.\n' },
});

const server = await serve({
  shares: { scratch: { backend: files, comment: 'Gone when the program ends' } },
  port: Number(process.env['PORT'] ?? 1445),
});
process.once('SIGINT', () => server.close());
console.log(server.url, server.credentials?.user, server.credentials?.password);
