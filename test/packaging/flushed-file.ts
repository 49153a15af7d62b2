/**
 * A client that writes a file, has it flushed, says so on a line, and keeps it open until the connection ends:
 * `node flushed-file.ts NAME CONTENT`.
 */
import { connect } from 'node:net';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { account, address, shareName } from './service.ts';

const [name = '', content = ''] = process.argv.slice(2);
const socket = connect(address);
const client = await connectClient(streamTransport(socket));
const session = await client.logOn({ user: account.name, password: account.password });
const tree = await session.connectTree(shareName);
const file = await tree.open(name);
await file.write(0n, Buffer.from(content));
await file.flush();
console.log('flushed');
socket.once('close', () => process.exit(0));
