import test from 'ava';
import {once} from 'node:events';
import {createServer, type Server, type Socket} from 'node:net';
import {RespError} from '../../src/resp/reply-parser.ts';
import {
	AuthenticationError,
	ConnectionError,
	connectionComplaint,
	NodeConnection,
} from '../../src/trib/client.ts';
import type {Endpoint} from '../../src/trib/messages.ts';
import {freePort} from '../helpers/redis-server.ts';

/** A server that does with its connections what the test says. */
async function serve(
	behave: (socket: Socket) => void,
): Promise<{server: Server; endpoint: Endpoint} & AsyncDisposable> {
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => undefined);
		behave(socket);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
	return {
		server,
		endpoint: {host: '127.0.0.1', port: address.port},
		async [Symbol.asyncDispose]() {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, 'close');
		},
	};
}

test('commands of one turn leave in one write and their replies come in order', async (t) => {
	const chunks: string[] = [];
	await using peer = await serve((socket) =>
		socket.on('data', (chunk) => {
			chunks.push(chunk.toString());
			socket.write('+one\r\n:2\r\n$5\r\nth');
			setImmediate(() => socket.write('ree\r\n'));
		}),
	);
	const connection = await NodeConnection.open(peer.endpoint);
	const replies = await Promise.all([connection.call('A'), connection.call('B', 'é'), connection.call('C')]);
	connection.close();
	t.deepEqual(replies, ['one', 2, 'three']);
	t.deepEqual(chunks, ['*1\r\n$1\r\nA\r\n*2\r\n$1\r\nB\r\n$2\r\né\r\n*1\r\n$1\r\nC\r\n']);
});

test('an error reply is a value', async (t) => {
	await using peer = await serve((socket) => socket.on('data', () => socket.write('-ERR no\r\n')));
	const connection = await NodeConnection.open(peer.endpoint);
	const reply = await connection.call('X');
	connection.close();
	t.true(reply instanceof RespError && reply.message === 'ERR no');
});

test('a closed port is told in the words of redis-cli', async (t) => {
	const port = await freePort();
	const error = await t.throwsAsync(NodeConnection.open({host: '127.0.0.1', port}), {
		instanceOf: ConnectionError,
	});
	t.is(connectionComplaint(error), `Could not connect to Redis at 127.0.0.1:${port}: Connection refused`);
});

test('a connection that the server closes fails all that wait, and every later call', async (t) => {
	await using peer = await serve((socket) => socket.on('data', () => socket.end()));
	const connection = await NodeConnection.open(peer.endpoint);
	const calls = await Promise.allSettled([connection.call('A'), connection.call('B')]);
	t.true(calls.every((call) => call.status === 'rejected' && call.reason instanceof ConnectionError));
	await t.throwsAsync(connection.call('C'), {message: 'Server closed the connection'});
});

test('a server that does not answer is given up', async (t) => {
	await using peer = await serve((socket) => socket.resume());
	const connection = await NodeConnection.open(peer.endpoint, {replyTimeoutMs: 20});
	await t.throwsAsync(connection.call('A'), {message: 'No answer within 0.02 seconds'});
});

test('bytes that are not RESP end the connection', async (t) => {
	await using peer = await serve((socket) =>
		socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n')),
	);
	const connection = await NodeConnection.open(peer.endpoint);
	await t.throwsAsync(connection.call('A'), {message: /^Protocol error/});
});

test('refused credentials are an error of their own', async (t) => {
	const asked: string[] = [];
	await using peer = await serve((socket) =>
		socket.on('data', (chunk) => {
			asked.push(chunk.toString());
			socket.write('-WRONGPASS invalid username-password pair or user is disabled.\r\n');
		}),
	);
	await t.throwsAsync(NodeConnection.open(peer.endpoint, {credentials: {user: 'ops', password: 'x'}}), {
		instanceOf: AuthenticationError,
		message: /^WRONGPASS/,
	});
	t.deepEqual(asked, ['*3\r\n$4\r\nAUTH\r\n$3\r\nops\r\n$1\r\nx\r\n']);
});
