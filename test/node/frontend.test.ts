/** Who is let in and how long he may stay, on links without a network. */
import test from 'ava';
import {FakeLink, openDoor} from './door.ts';
import {command, pipeline} from './wire.ts';

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const [address, isIn] of [
	['127.0.0.1', true],
	['127.9.8.7', true],
	['::1', true],
	['::ffff:127.0.0.1', true],
	['10.0.0.7', false],
	['::ffff:10.0.0.7', false],
	['fe80::1', false],
	['1.127.0.0', false],
] as const) {
	test(`protected mode ${isIn ? 'lets in' : 'turns away'} ${address}`, (t) => {
		const door = openDoor();
		const link = door.enter(new FakeLink(address));
		t.is(door.clients.count, isIn ? 1 : 0);
		t.is(link.state, isIn ? 'open' : 'ended');
		t.is(link.sent.startsWith('-DENIED Redis is running in protected mode'), !isIn);
		t.is(link.sent === '' || link.sent.endsWith('\r\n'), true);
		t.is(door.services.stats.rejectedConnections, isIn ? 0 : 1);
		t.is(door.services.stats.totalConnections, isIn ? 1 : 0);
		// Whatever a client that was turned away still sends is nobody's.
		if (!isIn) link.receive(pipeline('SET a 1'));
		t.is(door.services.databases[0]!.size, 0);
	});
}

test('a password, or the setting, opens the door to strangers', (t) => {
	t.is(openDoor([['requirepass', 'x']]).enter(new FakeLink('10.0.0.7')).state, 'open');
	const door = openDoor([['protected-mode', 'no']]);
	t.is(door.enter(new FakeLink('10.0.0.7')).state, 'open');
	door.services.config.set([['protected-mode', 'yes']]);
	t.is(door.enter(new FakeLink('10.0.0.7')).state, 'ended');
	door.services.config.set([['requirepass', 'x']]);
	t.is(door.enter(new FakeLink('10.0.0.7')).state, 'open');
});

test('addresses of both kinds are shown as Redis shows them', (t) => {
	const door = openDoor([['protected-mode', 'no']]);
	door.enter(new FakeLink('10.0.0.7'));
	door.enter(new FakeLink('fe80::1'));
	t.deepEqual(
		[...door.clients].map(({address, localAddress}) => [address, localAddress]),
		[
			['10.0.0.7:50000', '10.0.0.1:6379'],
			['[fe80::1]:50000', '10.0.0.1:6379'],
		],
	);
});

test('tcp-keepalive is set at the door and when it changes', (t) => {
	const door = openDoor([['tcp-keepalive', '7']]);
	const link = door.enter();
	t.is(link.keepAliveSeconds, 7);
	door.services.config.set([['tcp-keepalive', '9']]);
	door.frontend.applyKeepAlive();
	t.is(link.keepAliveSeconds, 9);
});

test('a lone command is answered at once, a pipeline with one write at the end of the turn', async (t) => {
	const door = openDoor();
	const link = door.enter();
	link.receive(pipeline('PING'));
	t.is(link.sent, '+PONG\r\n');
	link.receive(pipeline('PING', 'ECHO a', 'PING'));
	t.is(link.writeCount, 1);
	await turn();
	t.is(link.writeCount, 2);
	t.is(link.sent, '+PONG\r\n+PONG\r\n$1\r\na\r\n+PONG\r\n');
});

test('every split of a pipeline into three chunks gives the same replies', (t) => {
	const stream =
		command('SET', 'key', 'value') + 'PING\r\n*0\r\n' + command('GET', 'key') + command('NOSUCH');
	const expected =
		"+OK\r\n+PONG\r\n$5\r\nvalue\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
	const door = openDoor();
	for (let first = 0; first < stream.length; first++) {
		for (let second = first; second < stream.length; second++) {
			const link = door.enter();
			for (const part of [stream.slice(0, first), stream.slice(first, second), stream.slice(second)])
				if (part !== '') link.receive(part);
			door.frontend.output.flush();
			if (link.sent !== expected) t.is(link.sent, expected, `${first}, ${second}`);
			link.handler!.onClose();
		}
	}
	t.is(door.clients.count, 0);
});

test('replies that the kernel does not take wait in order, and in few writes', (t) => {
	const door = openDoor();
	const link = door.enter();
	link.isFull = true;
	for (let i = 0; i < 1000; i++) link.receive(pipeline(`ECHO ${i}`));
	const [client] = door.clients;
	t.is(link.writeCount, 1);
	t.true(client!.connection.pendingOutputBytes > 8000);
	t.true(client!.connection.pendingOutputBuffers < 10);
	t.is(door.services.stats.netOutputBytes, '$1\r\n0\r\n'.length);
	link.isFull = false;
	link.drain();
	t.true(link.writeCount < 10);
	t.is(link.sent, Array.from({length: 1000}, (_, i) => `$${String(i).length}\r\n${i}\r\n`).join(''));
	t.is(client!.connection.pendingOutputBytes, 0);
	t.is(door.services.stats.netOutputBytes, link.sent.length);
});

test('QUIT behind replies that wait closes when they are out', (t) => {
	const door = openDoor();
	const link = door.enter();
	link.isFull = true;
	link.receive(pipeline('ECHO one'));
	link.receive(pipeline('ECHO two'));
	link.receive(pipeline('QUIT'));
	t.is(link.state, 'open');
	link.drain();
	// The rest is with the link now, but the kernel has not got it.
	t.is(link.sent, '$3\r\none\r\n$3\r\ntwo\r\n+OK\r\n');
	t.is(link.state, 'ended');
});

test('over the hard limit a client is closed in the middle of its pipeline', (t) => {
	const door = openDoor([['client-output-buffer-limit', 'normal 1000000 0 0']]);
	const link = door.enter();
	link.receive(command('SET', 'k', 'v'.repeat(100_000)));
	link.isFull = true;
	link.receive(pipeline('GET k').repeat(20) + pipeline('SET after 1').repeat(1000));
	t.is(link.state, 'destroyed');
	t.is(door.clients.count, 0);
	t.is(door.services.stats.outputBufferLimitDisconnections, 1);
	t.true(door.services.stats.totalCommands < 20, `${door.services.stats.totalCommands}`);
	t.is(door.services.databases[0]!.size, 1);
});

test('the soft limit runs from when it was passed, and not for one who fell below again', (t) => {
	const door = openDoor([['client-output-buffer-limit', 'normal 0 1000 10']]);
	const link = door.enter();
	link.isFull = true;
	link.receive(command('ECHO', 'x'.repeat(2000)));
	const [client] = door.clients;
	const since = client!.softLimitSinceMs;
	t.true(since > 0);
	link.isFull = false;
	link.drain();
	door.frontend.closeOverdue();
	t.is(client!.softLimitSinceMs, 0);
	link.isFull = true;
	link.receive(command('ECHO', 'x'.repeat(2000)));
	client!.softLimitSinceMs -= 10_000;
	door.frontend.closeOverdue();
	t.is(link.state, 'open');
	client!.softLimitSinceMs -= 1000;
	door.frontend.closeOverdue();
	t.is(link.state, 'destroyed');
});

test('`timeout` counts from the last byte in or out, and spares who waits for us', (t) => {
	const door = openDoor([['timeout', '10']]);
	const links = Array.from({length: 4}, () => door.enter());
	const [silent, reading, monitor, paused] = [...door.clients];
	const age = (): void => {
		for (const client of door.clients) client.lastInteractionAtMs -= 11_000;
	};
	links[1]!.isFull = true;
	links[1]!.receive(command('ECHO', 'x'.repeat(2000)));
	door.clients.startMonitor(monitor!);
	door.clients.pause(Date.now() + 1e9, 'write');
	links[3]!.receive(pipeline('SET a 1'));
	t.true(paused!.postponed);
	age();
	links[1]!.drain();
	door.frontend.closeOverdue();
	t.deepEqual([...door.clients], [reading!, monitor!, paused!]);
	t.is(links[0]!.state, 'destroyed');
	t.truthy(silent);
	door.clients.unpause();
});

test('who leaves in a pause is not run when it ends', async (t) => {
	const door = openDoor();
	const link = door.enter();
	door.clients.pause(Date.now() + 1e9, 'all');
	link.receive(pipeline('SET a 1', 'SET b 1'));
	link.handler!.onEnd();
	door.clients.unpause();
	await turn();
	await turn();
	t.is(door.services.databases[0]!.size, 0);
	t.is(link.sent, '');
	t.is(link.state, 'ended');
});

test('after endAll nobody runs anything, and everybody has his replies', async (t) => {
	const door = openDoor();
	const link = door.enter();
	const other = door.enter();
	link.receive(pipeline('SET a 1', 'PING'));
	door.frontend.endAll();
	link.receive(pipeline('SET b 1'));
	other.receive(pipeline('SET c 1'));
	await turn();
	t.is(link.sent, '+OK\r\n+PONG\r\n');
	t.deepEqual([link.state, other.state], ['ended', 'ended']);
	t.is(door.services.databases[0]!.size, 1);
});

test('reads and writes are counted by the chunk, bytes by the byte', async (t) => {
	const door = openDoor();
	const link = door.enter();
	const {stats} = door.services;
	link.receive('PI');
	link.receive('NG\r\n');
	link.receive(pipeline('PING', 'PING'));
	await turn();
	t.is(stats.totalReads, 3);
	t.is(stats.totalWrites, 2);
	t.is(stats.netInputBytes, 6 + 28);
	t.is(stats.netOutputBytes, 21);
	link.receive('*x\r\n');
	t.is(stats.totalErrorReplies, 1);
	t.deepEqual(stats.errors(), [['ERR', 1]]);
	t.true(
		door.logs.some((line) =>
			line.startsWith('Protocol error (invalid multibulk length) from client: 127.0.0.1:50000'),
		),
	);
});
