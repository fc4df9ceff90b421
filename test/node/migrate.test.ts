/**
 * MIGRATE between servers: what moves, what stays, and who waits meanwhile. Targets are nodes of ours, redis-server, and
 * servers that answer what a test wants them to.
 */
import anyTest from 'ava';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import {createServer, type Server, type Socket} from 'node:net';
import {join} from 'node:path';
import {RespClient} from '../helpers/resp-client.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {startShoalNode} from '../helpers/shoal-node.ts';

/** Each has threads of its own: all at once would only wait for each other. */
const test = anyTest.serial;
const withRedis = hasRedisServer() ? test : test.skip;

/** A target that says nothing by itself: the test sees each batch and answers it. */
class MuteTarget implements AsyncDisposable {
	readonly #server: Server;
	readonly #sockets: Socket[] = [];
	#received = '';
	#wake: () => void = () => undefined;

	private constructor(server: Server) {
		this.#server = server;
		server.on('connection', (socket) => {
			this.#sockets.push(socket);
			socket.on('error', () => undefined);
			socket.on('data', (chunk) => {
				this.#received += chunk.toString('latin1');
				this.#wake();
			});
		});
	}

	static async start(): Promise<MuteTarget> {
		const server = createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		return new MuteTarget(server);
	}

	get port(): string {
		const address = this.#server.address();
		return address === null || typeof address === 'string' ? '' : String(address.port);
	}

	get connectionCount(): number {
		return this.#sockets.length;
	}

	/** What arrived since, up to and with the text. */
	async received(text: string): Promise<string> {
		while (!this.#received.includes(text)) await new Promise<void>((resolve) => (this.#wake = resolve));
		const {length} = text;
		const end = this.#received.indexOf(text) + length;
		const taken = this.#received.slice(0, end);
		this.#received = this.#received.slice(end);
		return taken;
	}

	answer(replies: string): void {
		this.#sockets.at(-1)!.write(replies);
	}

	hangUp(): void {
		// What was answered is read before the end.
		for (const socket of this.#sockets) socket.end();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.hangUp();
		this.#server.close();
		await once(this.#server, 'close');
	}
}

const HOST = '127.0.0.1';
const LONG_MS = '30000';

for (const target of ['shoal', 'redis-server'] as const) {
	(target === 'redis-server' ? withRedis : test)(
		`keys move to ${target} with value and time to live`,
		async (t) => {
			t.timeout(120_000);
			await using source = await startShoalNode();
			await using to = target === 'redis-server' ? await startRedisServer() : await startShoalNode();
			using here = await RespClient.connect(source.port);
			using there = await RespClient.connect(to.port);
			const port = String(to.port);
			const long = 'long '.repeat(100_000);
			await here.ask('SET', 'long', long);
			await here.ask('SET', 'bytes', '\0\xff\r\n');
			await here.ask('SET', 'number', '12345');
			await here.ask('SET', 'mortal', 'x', 'PX', '500000');
			await here.ask('SET', 'stays', 'x');

			t.is(await here.ask('MIGRATE', HOST, port, 'long', '0', LONG_MS), 'OK');
			t.is(await here.ask('EXISTS', 'long'), 0);
			t.is(await there.ask('GET', 'long'), long);

			const keys = ['bytes', 'gone', 'number', 'mortal'];
			t.is(await here.ask('MIGRATE', HOST, port, '', '3', LONG_MS, 'KEYS', ...keys), 'OK');
			t.deepEqual(await here.ask('KEYS', '*'), ['stays']);
			await there.ask('SELECT', '3');
			t.is(await there.ask('STRLEN', 'bytes'), 4);
			t.is(await there.ask('GET', 'number'), '12345');
			const leftMs = Number(await there.ask('PTTL', 'mortal'));
			t.true(leftMs > 400_000 && leftMs <= 500_000);

			t.is(await here.ask('MIGRATE', HOST, port, 'stays', '0', LONG_MS, 'COPY'), 'OK');
			await there.ask('SELECT', '0');
			t.is(await there.ask('GET', 'stays'), 'x');
			t.is(await here.ask('GET', 'stays'), 'x');
			t.regex(
				String(await here.ask('MIGRATE', HOST, port, 'stays', '0', LONG_MS)),
				/ERR Target instance replied with error: BUSYKEY Target key name already exists\./,
			);
			t.is(await here.ask('GET', 'stays'), 'x');
			await here.ask('SET', 'stays', 'newer');
			t.is(await here.ask('MIGRATE', HOST, port, 'stays', '0', LONG_MS, 'REPLACE'), 'OK');
			t.is(await there.ask('GET', 'stays'), 'newer');
			t.is(await here.ask('DBSIZE'), 0);
			t.regex(String(await here.ask('INFO', 'stats')), /migrate_cached_sockets:1\r/);
		},
	);
}

test('a key that the target refuses stays, and those that it takes go', async (t) => {
	await using source = await startShoalNode();
	await using to = await startShoalNode();
	using here = await RespClient.connect(source.port);
	using there = await RespClient.connect(to.port);
	await here.ask('MSET', 'a', '1', 'b', '2', 'c', '3');
	await there.ask('SET', 'b', 'theirs');
	t.regex(
		String(await here.ask('MIGRATE', HOST, String(to.port), '', '0', LONG_MS, 'KEYS', 'a', 'b', 'c')),
		/ERR Target instance replied with error: BUSYKEY/,
	);
	t.deepEqual(await here.ask('MGET', 'a', 'b', 'c'), [null, '2', null]);
	t.deepEqual(await there.ask('MGET', 'a', 'b', 'c'), ['1', 'theirs', '3']);
	t.regex(String(await here.ask('INFO', 'commandstats')), /cmdstat_migrate:.*failed_calls=1/);
});

const refusals = {
	'has no memory left': {args: {maxmemory: '2mb'}, error: /replied with error: OOM command not allowed/},
	'wants a password': {
		args: {requirepass: 'secret'},
		error: /replied with error: NOAUTH Authentication required/,
	},
} as const;
for (const [why, {args, error}] of Object.entries(refusals)) {
	test(`a target that ${why} gets nothing, and nothing is lost`, async (t) => {
		await using source = await startShoalNode();
		await using to = await startShoalNode({config: args});
		using here = await RespClient.connect(source.port);
		using there = await RespClient.connect(to.port);
		await there.ask('SET', 'large', 'x'.repeat(3_000_000));
		await here.ask('SET', 'a', '1');
		t.regex(String(await here.ask('MIGRATE', HOST, String(to.port), 'a', '0', LONG_MS)), error);
		t.is(await here.ask('GET', 'a'), '1');
	});
}

test('a target that wants a password gets it, each time anew', async (t) => {
	await using source = await startShoalNode();
	await using to = await startShoalNode({config: {requirepass: 'secret'}});
	using here = await RespClient.connect(source.port);
	using there = await RespClient.connect(to.port);
	await there.ask('AUTH', 'secret');
	await here.ask('MSET', 'a', '1', 'b', '2', 'c', '3');
	const port = String(to.port);
	t.regex(
		String(await here.ask('MIGRATE', HOST, port, 'a', '0', LONG_MS, 'AUTH', 'wrong')),
		/ERR Target instance replied with error: WRONGPASS/,
	);
	t.is(await here.ask('MIGRATE', HOST, port, 'a', '0', LONG_MS, 'AUTH', 'secret'), 'OK');
	t.is(await here.ask('MIGRATE', HOST, port, 'b', '0', LONG_MS, 'AUTH2', 'default', 'secret'), 'OK');
	// The connection was let in before: a wrong word now is an error nevertheless, and the key stays.
	t.regex(
		String(await here.ask('MIGRATE', HOST, port, 'c', '0', LONG_MS, 'AUTH', 'wrong')),
		/ERR Target instance replied with error: WRONGPASS/,
	);
	t.is(await here.ask('GET', 'c'), '3');
	t.deepEqual(await there.ask('MGET', 'a', 'b'), ['1', '2']);
});

test('while a key is under way whoever names it waits, and everybody else is served', async (t) => {
	t.timeout(120_000);
	await using source = await startShoalNode();
	await using target = await MuteTarget.start();
	using mover = await RespClient.connect(source.port);
	using reader = await RespClient.connect(source.port);
	using writer = await RespClient.connect(source.port);
	using flusher = await RespClient.connect(source.port);
	using other = await RespClient.connect(source.port);
	await other.ask('MSET', 'a', '1', 'b', '2', 'c', '3');
	mover.send('MIGRATE', HOST, target.port, '', '0', LONG_MS, 'KEYS', 'a', 'b');
	await target.received('SELECT\r\n$1\r\n0\r\n');
	reader.send('GET', 'a');
	writer.send('MSET', 'c', '4', 'b', '5');
	t.is(await other.ask('GET', 'c'), '3');
	flusher.send('FLUSHALL');
	t.is(await other.ask('SET', 'd', '6'), 'OK');
	// It may have been read before or after those that wait: they are there when all three are held.
	const held = async (): Promise<number> => {
		const list = String(await other.ask('CLIENT', 'LIST'));
		return list.split('\n').filter((line) => line.includes('flags=b')).length;
	};
	while ((await held()) < 4);
	target.answer('+OK\r\n+OK\r\n-ERR full\r\n');
	t.regex(String(await mover.next()), /ERR Target instance replied with error: ERR full/);
	t.is(await reader.next(), null);
	t.is(await writer.next(), 'OK');
	t.is(await flusher.next(), 'OK');
	t.is(await other.ask('DBSIZE'), 0);
});

for (const end of ['says nothing', 'hangs up', 'speaks no RESP'] as const) {
	test(`a target that ${end}: the key stays and is free again`, async (t) => {
		t.timeout(120_000);
		await using source = await startShoalNode();
		await using target = await MuteTarget.start();
		using mover = await RespClient.connect(source.port);
		await mover.ask('MSET', 'a', '1', 'b', '2');
		mover.send(
			'MIGRATE',
			HOST,
			target.port,
			'',
			'0',
			end === 'says nothing' ? '100' : LONG_MS,
			'KEYS',
			'a',
			'b',
		);
		// Of the first key it is known that the target has it: it goes, the other stays.
		await target.received('$1\r\nb\r\n');
		target.answer('+OK\r\n+OK\r\n');
		if (end === 'hangs up') target.hangUp();
		else if (end === 'speaks no RESP') target.answer('hello\r\n');
		t.regex(String(await mover.next()), /IOERR error or timeout reading to target instance/);
		t.deepEqual(await mover.ask('MGET', 'a', 'b'), [null, '2']);
	});
}

test('a kept connection that the target has closed is replaced without a word', async (t) => {
	await using source = await startShoalNode();
	await using target = await MuteTarget.start();
	using mover = await RespClient.connect(source.port);
	await mover.ask('MSET', 'a', '1', 'b', '2');
	mover.send('MIGRATE', HOST, target.port, 'a', '0', LONG_MS);
	await target.received('$1\r\na\r\n');
	target.answer('+OK\r\n+OK\r\n');
	t.is(await mover.next(), 'OK');
	// The same connection, and the database is selected already.
	mover.send('MIGRATE', HOST, target.port, 'b', '0', LONG_MS);
	t.notRegex(await target.received('$1\r\nb\r\n'), /SELECT/);
	target.hangUp();
	t.regex(await target.received('$1\r\nb\r\n'), /SELECT/);
	target.answer('+OK\r\n+OK\r\n');
	t.is(await mover.next(), 'OK');
	t.is(target.connectionCount, 2);
	t.is(await mover.ask('DBSIZE'), 0);
});

test('whoever asked for it may be killed: the key moves all the same', async (t) => {
	await using source = await startShoalNode();
	await using target = await MuteTarget.start();
	using mover = await RespClient.connect(source.port);
	using other = await RespClient.connect(source.port);
	await mover.ask('SET', 'a', '1');
	mover.send('MIGRATE', HOST, target.port, 'a', '0', LONG_MS);
	await target.received('$1\r\na\r\n');
	t.is(await other.ask('CLIENT', 'KILL', 'ADDR', mover.address), 1);
	await mover.closed;
	other.send('GET', 'a');
	target.answer('+OK\r\n+OK\r\n');
	t.is(await other.next(), null);
});

test('replicas hear of all keys that moved in one DEL', async (t) => {
	t.timeout(120_000);
	await using source = await startShoalNode({config: {appendonly: 'yes', appendfsync: 'always'}});
	await using to = await startShoalNode();
	using here = await RespClient.connect(source.port);
	await here.ask('MSET', 'a', '1', 'b', '2', 'c', '3');
	const dirty = async (): Promise<number> =>
		Number(/rdb_changes_since_last_save:(\d+)/.exec(String(await here.ask('INFO', 'persistence')))![1]);
	const before = await dirty();
	t.is(await here.ask('MIGRATE', HOST, String(to.port), '', '0', LONG_MS, 'KEYS', 'a', 'x', 'b'), 'OK');
	t.is((await dirty()) - before, 2);
	const directory = join(source.directory, 'appendonlydir');
	const files = readdirSync(directory).filter((name) => name.endsWith('.incr.aof'));
	const log = files.map((name) => readFileSync(join(directory, name), 'latin1')).join('');
	t.true(log.endsWith('*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n'), log);
});

test('keys that move stay here while writes are paused, and go when they are not', async (t) => {
	await using source = await startShoalNode();
	await using target = await MuteTarget.start();
	using mover = await RespClient.connect(source.port);
	using other = await RespClient.connect(source.port);
	await mover.ask('SET', 'a', '1');
	mover.send('MIGRATE', HOST, target.port, 'a', '0', LONG_MS);
	await target.received('$1\r\na\r\n');
	t.is(await other.ask('CLIENT', 'PAUSE', '100000', 'WRITE'), 'OK');
	target.answer('+OK\r\n+OK\r\n');
	t.is(await other.ask('DBSIZE'), 1);
	t.is(await other.ask('CLIENT', 'UNPAUSE'), 'OK');
	t.is(await mover.next(), 'OK');
	t.is(await other.ask('DBSIZE'), 0);
});
