/**
 * A process of its own that opens connections, claims the largest message that is allowed before a logon on each, and keeps them:
 *
 *     node flood-client.ts PORT COUNT
 *
 * It prints one line when all are open, and ends with its standard input.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [port = '0', count = '0'] = process.argv.slice(2);
const sockets: Socket[] = [];
for (let left = Number(count); left > 0; left--) {
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(Buffer.from('00004000', 'hex'));
  sockets.push(socket);
}
process.stdout.write(`${sockets.length}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
