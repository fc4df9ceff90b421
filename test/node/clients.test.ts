import test from 'ava';
import type {ClientConnection} from '../../src/commands/client.ts';
import {NodeClients} from '../../src/node/clients.ts';
import {NodeConfig} from '../../src/node/config.ts';

interface FakeConnection extends ClientConnection {
	resumed: number;
}

function connection(): FakeConnection {
	return {
		fd: -1,
		pendingInputBytes: 0,
		inputBufferBytes: 0,
		pendingOutputBytes: 0,
		pendingOutputBuffers: 0,
		resumed: 0,
		close: () => undefined,
		closeAfterReplies: () => undefined,
		push: () => undefined,
		feed: () => undefined,
		setHeldBytes: () => undefined,
		setNoDelay: () => undefined,
		resume() {
			this.resumed++;
		},
	};
}

function withClients(count: number) {
	// The end of a pause is asked for, not waited for.
	const clock = {wallMs: () => 0, after: () => () => undefined};
	const clients = new NodeClients(
		new NodeConfig(),
		(run) => {
			run();
		},
		clock,
	);
	const connections = Array.from({length: count}, connection);
	const members = connections.map((each, i) => clients.add(each, `127.0.0.1:${i}`, '127.0.0.1:7000', 1000));
	return {clients, connections, members};
}

test('ids count up, are never given again, and order the walk', (t) => {
	const {clients, members} = withClients(3);
	clients.remove(members[1]!);
	clients.add(connection(), 'a', 'b', 0);
	t.deepEqual(
		[...clients].map(({id}) => id),
		[1, 3, 4],
	);
	t.is(clients.count, 3);
	t.is(clients.byId(2), undefined);
	t.is(clients.byId(3), members[2]);
});

test('clients may leave while they are walked', (t) => {
	const {clients} = withClients(4);
	for (const each of clients) clients.remove(each);
	t.is(clients.count, 0);
});

test('the end of a pause is never brought forward', (t) => {
	const {clients} = withClients(0);
	clients.pause(5000, 'write');
	clients.pause(3000, 'write');
	clients.endPauseIfOver(4999);
	t.is(clients.pauseMode, 'write');
	clients.endPauseIfOver(5000);
	t.is(clients.pauseMode, 'none');
});

test('a pause of writes does not weaken a pause of all', (t) => {
	const {clients} = withClients(0);
	clients.pause(5000, 'all');
	clients.pause(6000, 'write');
	t.is(clients.pauseMode, 'all');
	clients.unpause();
	clients.pause(6000, 'write');
	t.is(clients.pauseMode, 'write');
});

test('who was held back is resumed once, and not when it left before', (t) => {
	const {clients, connections, members} = withClients(3);
	clients.pause(5000, 'all');
	clients.postpone(members[0]!);
	clients.postpone(members[2]!);
	t.is(clients.postponedCount, 2);
	clients.remove(members[2]!);
	clients.unpause();
	clients.unpause();
	t.deepEqual(
		connections.map(({resumed}) => resumed),
		[1, 0, 0],
	);
	t.false(members[0]!.postponed);
	t.is(clients.postponedCount, 0);
});

test('nobody is resumed within the command that ends the pause', (t) => {
	const later: (() => void)[] = [];
	const clients = new NodeClients(new NodeConfig(), (run) => later.push(run));
	const held = connection();
	const client = clients.add(held, 'a', 'b', 0);
	clients.pause(5000, 'all');
	clients.postpone(client);
	clients.unpause();
	t.is(held.resumed, 0);
	for (const run of later) run();
	t.is(held.resumed, 1);
});

test('a command that is held back again while clients are resumed waits for the next end', (t) => {
	const {clients, connections, members} = withClients(1);
	clients.pause(5000, 'all');
	clients.postpone(members[0]!);
	connections[0]!.resume = () => {
		clients.pause(9000, 'all');
		clients.postpone(members[0]!);
	};
	clients.unpause();
	t.is(clients.postponedCount, 1);
	t.is(clients.pauseMode, 'all');
});

test('the pause of a failover is not ended by CLIENT UNPAUSE, nor the other way about', (t) => {
	const {clients} = withClients(0);
	clients.pause(5000, 'all');
	clients.pause(9000, 'write', 'failover');
	t.is(clients.pauseMode, 'all');
	clients.unpause();
	t.is(clients.pauseMode, 'write');
	clients.pause(5000, 'all');
	clients.unpause('failover');
	t.is(clients.pauseMode, 'all');
	clients.unpause();
	t.is(clients.pauseMode, 'none');
});

test('each pause ends at its own time, and who is held back is asked again', (t) => {
	const {clients, connections, members} = withClients(1);
	clients.pause(5000, 'all');
	clients.pause(9000, 'write', 'failover');
	clients.postpone(members[0]!);
	clients.endPauseIfOver(4999);
	t.is(connections[0]!.resumed, 0);
	clients.endPauseIfOver(5000);
	t.is(clients.pauseMode, 'write');
	t.is(connections[0]!.resumed, 1);
	clients.endPauseIfOver(9000);
	t.is(clients.pauseMode, 'none');
});
