/** The life of a node's thread: how it starts, how it fails to, how it stops and how it dies. */
import test from 'ava';
import {once} from 'node:events';
import {createServer, type AddressInfo} from 'node:net';
import {RespClient} from '../helpers/resp-client.ts';
import {answerTo, eventually, pipeline, TRANSPORTS, Wire} from './wire.ts';
import {startThread, type Thread} from './thread.ts';

/** Of its life; not of what it thinks of its cluster. */
const kinds = (thread: Thread): string[] =>
	thread.messages.map(({kind}) => kind).filter((kind) => !['log', 'cluster-state', 'role'].includes(kind));

/** Whether someone could listen there now. A client of another test may have the port for a moment; a listener would stay. */
async function isFree(port: number): Promise<boolean> {
	const probe = createServer();
	probe.listen(port, '127.0.0.1');
	const outcome = await Promise.race([
		once(probe, 'listening').then(() => true),
		once(probe, 'error').then(() => false),
	]);
	probe.close();
	return outcome;
}

for (const transport of TRANSPORTS) {
	for (const cluster of ['no', 'yes']) {
		const title = (text: string) => `${transport}, cluster-enabled ${cluster}: ${text}`;
		const config = {'cluster-enabled': cluster};

		test(title('SHUTDOWN closes every client, tells the launcher, and frees the port'), async (t) => {
			await using thread = await startThread({transport, config});
			using idle = await Wire.connect(thread.port);
			using half = await Wire.connect(thread.port);
			half.send('*2\r\n$4\r\nECHO\r\n');
			t.is(await answerTo(thread.port, pipeline('SHUTDOWN', 'PING', 'PING')), '');
			t.is(await thread.exited, 0);
			await idle.closed;
			await half.closed;
			t.deepEqual(kinds(thread), ['listening', 'shutting-down', 'stopped']);
			t.deepEqual(thread.errors, []);
			t.true(await eventually(async () => isFree(thread.port), Boolean));
		});

		test(title('the launcher’s stop does the same, without an announcement'), async (t) => {
			await using thread = await startThread({transport, config});
			using idle = await Wire.connect(thread.port);
			thread.post({kind: 'stop', reason: 'test'});
			thread.post({kind: 'stop', reason: 'impatience'});
			t.is(await thread.exited, 0);
			await idle.closed;
			t.deepEqual(kinds(thread), ['listening', 'stopped']);
			t.true(await eventually(async () => isFree(thread.port), Boolean));
		});

		test(title('a port in use is told with the system’s code, and the thread ends'), async (t) => {
			const taken = createServer();
			taken.listen(0, '127.0.0.1');
			await once(taken, 'listening');
			const {port} = taken.address() as AddressInfo;
			await using thread = await startThread({transport, config, port});
			t.is(await thread.exited, 0);
			t.deepEqual(kinds(thread), ['failed']);
			const failed = thread.messages.find((message) => message.kind === 'failed');
			t.is(failed?.code, 'EADDRINUSE');
			t.regex(failed?.message ?? '', new RegExp(String(port)));
			taken.close();
		});
	}

	test(`${transport}: nothing is run behind SHUTDOWN, and what was replied before it is sent`, async (t) => {
		await using thread = await startThread({transport});
		using monitor = await Wire.connect(thread.port);
		monitor.send(pipeline('MONITOR'));
		await monitor.read(5);
		t.is(
			await answerTo(thread.port, pipeline('PING', 'SET a 1', 'SHUTDOWN NOSAVE', 'SET b 1')),
			'+PONG\r\n+OK\r\n',
		);
		const seen = await monitor.readToEnd();
		t.true(seen.includes('"SET" "a"'));
		t.false(seen.includes('"SET" "b"'));
		t.is(await thread.exited, 0);
	});

	for (const [act, words] of [
		['SEGFAULT', ['DEBUG', 'SEGFAULT']],
		['PANIC', ['DEBUG', 'PANIC']],
	] as const) {
		test(`${transport}: DEBUG ${act} ends the thread with a cause, and this process lives on`, async (t) => {
			await using thread = await startThread({transport});
			await using other = await startThread({transport});
			using idle = await Wire.connect(thread.port);
			t.is(await answerTo(thread.port, pipeline(words.join(' '), 'PING')), '');
			t.is(await thread.exited, 1);
			await idle.closed;
			t.is(thread.errors.length, 1);
			t.deepEqual(kinds(thread), ['listening']);
			t.true(await eventually(async () => isFree(thread.port), Boolean));
			using client = await RespClient.connect(other.port);
			t.is(await client.ask('PING'), 'PONG');
		});
	}
}

for (const [title, config, pattern] of [
	['an unknown directive', {'no-such-thing': 'yes'}, /no-such-thing/i],
	['a directive with a value that it does not take', {maxclients: 'many'}, /maxclients/i],
	['a directive out of its range', {hz: 'x1'}, /hz/i],
] as const) {
	test(`${title} keeps the node from its start, and the message names it`, async (t) => {
		await using thread = await startThread({config});
		t.is(await thread.exited, 0);
		t.deepEqual(kinds(thread), ['failed']);
		const failed = thread.messages.find((message) => message.kind === 'failed');
		t.regex(failed?.message ?? '', pattern);
		t.true((failed?.code ?? '').length > 0);
		t.true(await eventually(async () => isFree(thread.port), Boolean));
	});
}

test('a nodes.conf that cannot be trusted keeps the node from its start', async (t) => {
	for (const text of [
		'garbage\n',
		`${'a'.repeat(40)} 127.0.0.1:1@2 master - 0 0 1 connected 0-99999\nvars currentEpoch 1 lastVoteEpoch 0\n`,
	]) {
		await using thread = await startThread({config: {'cluster-enabled': 'yes'}, files: {'nodes.conf': text}});
		t.is(await thread.exited, 0);
		t.deepEqual(kinds(thread), ['failed']);
		const failed = thread.messages.find((message) => message.kind === 'failed');
		t.regex(failed?.message ?? '', /nodes\.conf|line/i);
		t.true(await eventually(async () => isFree(thread.port), Boolean));
	}
});

test('a node that could not start leaves its nodes.conf to the next', async (t) => {
	const taken = createServer();
	taken.listen(0, '127.0.0.1');
	await once(taken, 'listening');
	const {port} = taken.address() as AddressInfo;
	await using failed = await startThread({config: {'cluster-enabled': 'yes'}, port});
	t.is(await failed.exited, 0);
	taken.close();
	await using thread = await startThread({config: {'cluster-enabled': 'yes'}, directory: failed.directory});
	t.deepEqual(kinds(thread), ['listening']);
});
