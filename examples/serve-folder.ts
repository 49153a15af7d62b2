/**
 * Serves a folder to this machine: `node examples/serve-folder.ts ./folder`.
 */
import { serve } from '../src/index.ts';

const folder = process.argv[2] ?? '.';

const server = await serve({
  shares: { folder },
  users: [{ name: 'anna', password: process.env['PASSWORD'] ?? 'change me' }],
  port: Number(process.env['PORT'] ?? 1445),
});
process.once('SIGINT', () => server.close());
console.log(server.url);
