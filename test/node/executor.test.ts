/** What the executor does around a command: order of checks, pauses, silenced replies, figures, routing. Over real sockets. */
import test from 'ava';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {keySlot} from '../../src/slots/key-slot.ts';
import {latin1ToBytes} from '../../src/lib/bytes.ts';
import {hasRedisServer, startRedisServer, type RedisServer} from '../helpers/redis-server.ts';
import {RespClient} from '../helpers/resp-client.ts';
import {startShoalNode, type ShoalNode} from '../helpers/shoal-node.ts';
import {startThread} from './thread.ts';
import {
	answersOf,
	answerTo,
	clientFields,
	command,
	eventually,
	infoOf,
	pipeline,
	TRANSPORTS,
	Wire,
} from './wire.ts';

const withReference = hasRedisServer() ? test : test.skip;

let reference: RedisServer;
const nodes: ShoalNode[] = [];

test.before(async () => {
	for (const transport of TRANSPORTS) nodes.push(await startShoalNode({transport}));
	if (hasRedisServer()) reference = await startRedisServer();
});

test.after.always(async () => {
	await Promise.all(nodes.map((node) => node.stop()));
	await reference?.stop();
});

/** What differs between any two servers: ids, versions are the same. */
const masked = (answer: string): string =>
	answer.replaceAll(/\r\nid\r\n:\d+/g, '\r\nid\r\n:N').replaceAll(/\$2\r\nid\r\n:\d+/g, '$2\r\nid\r\n:N');

const PIPELINES: readonly (readonly [title: string, lines: readonly string[]])[] = [
	['QUIT ends a pipeline', ['PING', 'SET quit 1', 'QUIT', 'SET quit 2', 'PING']],
	['QUIT takes any arguments', ['QUIT now', 'PING']],
	[
		'CLIENT REPLY OFF silences until ON',
		['PING', 'CLIENT REPLY OFF', 'PING', 'SET r 1', 'NOSUCH', 'GET', 'CLIENT REPLY ON', 'GET r'],
	],
	['CLIENT REPLY SKIP silences one', ['CLIENT REPLY SKIP', 'PING', 'ECHO heard']],
	[
		'CLIENT REPLY SKIP silences one error',
		['CLIENT REPLY SKIP', 'NOSUCH', 'ECHO heard', 'CLIENT REPLY SKIP', 'GET', 'ECHO again'],
	],
	['SKIP twice silences one', ['CLIENT REPLY SKIP', 'CLIENT REPLY SKIP', 'PING', 'ECHO heard']],
	['SKIP then ON is answered', ['CLIENT REPLY SKIP', 'CLIENT REPLY ON', 'ECHO heard']],
	[
		'SKIP within OFF changes nothing',
		['CLIENT REPLY OFF', 'CLIENT REPLY SKIP', 'PING', 'PING', 'CLIENT REPLY ON', 'ECHO heard'],
	],
	[
		'SKIP of a large reply',
		[`SET large ${'x'.repeat(10_000)}`, 'CLIENT REPLY SKIP', 'GET large', 'STRLEN large'],
	],
	['a wrong word for CLIENT REPLY', ['CLIENT REPLY MAYBE', 'PING']],
	[
		'HELLO switches the protocol in the middle',
		[
			'GET none',
			'HELLO 3',
			'GET none',
			'HELLO 2',
			'GET none',
			'HELLO 4',
			'GET none',
			'HELLO 3 SETNAME me',
			'CLIENT GETNAME',
			'GET none',
		],
	],
	[
		'RESET gives the old protocol back',
		['HELLO 3', 'GET none', 'SELECT 3', 'SET in3 x', 'RESET', 'GET none', 'GET in3'],
	],
	['RESET speaks even when silenced', ['CLIENT REPLY OFF', 'PING', 'RESET', 'PING']],
	[
		'errors of every kind leave the pipeline whole',
		[
			'SET e x',
			'INCR e',
			'GETRANGE e a b',
			'SET e',
			'NOSUCH a b',
			'CLIENT NOSUCH',
			'CONFIG GET',
			'EXPIRE e x',
			'SELECT 99',
			'SELECT x',
			'OBJECT FREQ e',
			'PING',
		],
	],
	[
		'an error after a begun reply takes it back',
		['SET m x', 'MGET m m m', 'LCS m m IDX LEN', 'COMMAND GETKEYS', 'COMMAND GETKEYS SET', 'PING'],
	],
	[
		'a key that expires at once is gone for the next command',
		[
			'SET gone x PX 1',
			'DEBUG SLEEP 0.01',
			'GET gone',
			'EXISTS gone',
			'SET gone y',
			'PEXPIREAT gone 1',
			'GET gone',
		],
	],
	[
		'outside of a cluster',
		['ASKING', 'READONLY', 'READWRITE', 'CLUSTER INFO', 'CLUSTER SLOTS', 'MSET a 1 b 2', 'MGET a b'],
	],
	['DEBUG JMAP like names are told', ['DEBUG NOSUCH', 'PING']],
];

for (const [title, lines] of PIPELINES) {
	withReference(`answered as by redis-server: ${title}`, async (t) => {
		const expected = masked(await answersOf(reference.port, ...lines));
		for (const node of nodes) t.is(masked(await answersOf(node.port, ...lines)), expected);
	});
}

withReference('without debug commands DEBUG is refused in the same words', async (t) => {
	await using other = await startRedisServer({args: ['--enable-debug-command', 'no']});
	await using node = await startShoalNode({config: {'enable-debug-command': 'no'}});
	t.is(await answersOf(node.port, 'DEBUG JMAP', 'DEBUG'), await answersOf(other.port, 'DEBUG JMAP', 'DEBUG'));
});

withReference('above maxmemory only what may grow is refused', async (t) => {
	const lines = [
		'SET before x',
		'CONFIG SET maxmemory 1',
		'SET a x',
		'GET before',
		'APPEND before y',
		'DEL before',
		'SET',
		'CONFIG SET maxmemory 0',
		'SET a x',
	];
	await using other = await startRedisServer();
	const expected = await answersOf(other.port, ...lines);
	for (const transport of TRANSPORTS) {
		await using node = await startShoalNode({transport});
		t.is(await answersOf(node.port, ...lines), expected);
	}
});

for (const transport of TRANSPORTS) {
	const title = (text: string) => `${transport}: ${text}`;
	const LONG_MS = '100000000';

	/** Resolves when that many clients are held back. */
	async function held(watcher: RespClient, count: number): Promise<void> {
		await eventually(
			async () => (await infoOf(watcher, 'clients')).get('blocked_clients'),
			(text) => text === String(count),
		);
	}

	test(
		title('a pause of writes holds pipelines back where they write, and they go on in order'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using control = await RespClient.connect(node.port);
			t.is(await control.ask('CLIENT', 'PAUSE', LONG_MS, 'WRITE'), 'OK');
			const wires: Wire[] = [];
			for (let i = 0; i < 5; i++) {
				const wire = await Wire.connect(node.port);
				wires.push(wire);
				wire.send(pipeline('PING', `APPEND log ${i}a`, 'STRLEN log', `APPEND log ${i}b`));
				t.is((await wire.read(7)).toString(), '+PONG\r\n');
				// The next client comes later: the order of arrival is known.
				await held(control, i + 1);
				wire.send(pipeline('ECHO end'));
			}
			t.is(await control.ask('GET', 'log'), null);
			t.is((await clientFields(control, wires[0]!.address))?.get('flags'), 'b');
			t.is(await control.ask('CLIENT', 'UNPAUSE'), 'OK');
			for (const [i, wire] of wires.entries()) {
				const answer = `:${i * 4 + 2}\r\n:${i * 4 + 2}\r\n:${i * 4 + 4}\r\n$3\r\nend\r\n`;
				t.is((await wire.read(answer.length)).toString(), answer);
				wire[Symbol.dispose]();
			}
			t.is(await control.ask('GET', 'log'), '0a0b1a1b2a2b3a3b4a4b');
			await held(control, 0);
		},
	);

	test(title('a pause of everything ends by itself, with every command run once and in order'), async (t) => {
		// No round of the cron falls into the test: the end of the pause comes by itself.
		await using node = await startShoalNode({transport, config: {hz: '1'}});
		using control = await RespClient.connect(node.port);
		const wires = await Promise.all(Array.from({length: 10}, async () => Wire.connect(node.port)));
		t.is(await control.ask('CLIENT', 'PAUSE', '300', 'ALL'), 'OK');
		for (const wire of wires) wire.send(pipeline('INCR n', 'PING', 'INCR n'));
		control.send('GET', 'n');
		for (const wire of wires) {
			const answer = (await wire.read(':1\r\n+PONG\r\n:2\r\n'.length)).toString();
			t.regex(answer, /^:\d+\r\n\+PONG\r\n:\d+/);
			wire[Symbol.dispose]();
		}
		await control.next();
		t.is(await control.ask('GET', 'n'), '20');
	});

	test(title('who is held back can be killed, or leave, and nothing of his is run'), async (t) => {
		await using node = await startShoalNode({transport});
		using control = await RespClient.connect(node.port);
		await control.ask('CLIENT', 'PAUSE', LONG_MS, 'WRITE');
		using killed = await Wire.connect(node.port);
		killed.send(pipeline('SET a 1', 'SET a 2'));
		using leaving = await Wire.connect(node.port);
		leaving.send(pipeline('SET b 1', 'SET b 2'));
		using staying = await Wire.connect(node.port);
		staying.send(pipeline('SET c 1'));
		await held(control, 3);
		t.is(await control.ask('CLIENT', 'KILL', 'ADDR', killed.address), 1);
		await killed.closed;
		leaving.socket.end();
		await leaving.closed;
		await held(control, 1);
		await control.ask('CLIENT', 'UNPAUSE');
		t.is((await staying.read(5)).toString(), '+OK\r\n');
		t.is(await control.ask('EXISTS', 'a', 'b', 'c'), 1);
	});

	test(title('what arrives in a pause waits in memory in proportion, and all of it is run'), async (t) => {
		await using node = await startShoalNode({transport});
		using control = await RespClient.connect(node.port);
		await control.ask('CLIENT', 'PAUSE', LONG_MS, 'WRITE');
		using wire = await Wire.connect(node.port);
		const stream = `${command('SET', 'k', 'v'.repeat(1000))}${command('INCR', 'n')}`.repeat(20_000);
		wire.send(stream);
		const fields = await eventually(
			() => clientFields(control, wire.address),
			(found) => found?.get('qbuf') === String(stream.length),
		);
		t.true(Number(fields?.get('qbuf-free')) < stream.length);
		await control.ask('CLIENT', 'UNPAUSE');
		let expected = '';
		for (let i = 1; i <= 20_000; i++) expected += `+OK\r\n:${i}\r\n`;
		t.true((await wire.read(expected.length)).toString() === expected);
		const input = Number((await infoOf(control)).get('total_net_input_bytes'));
		t.true(input > stream.length);
	});

	test(title('CLIENT KILL of oneself is answered, of another is at once'), async (t) => {
		await using node = await startShoalNode({transport});
		using control = await RespClient.connect(node.port);
		using other = await Wire.connect(node.port);
		other.send(pipeline('PING'));
		await other.read(7);
		t.is(await control.ask('CLIENT', 'KILL', other.address), 'OK');
		await other.closed;
		using self = await Wire.connect(node.port);
		self.send(pipeline('PING', `CLIENT KILL ADDR ${self.address} SKIPME no`, 'SET after 1'));
		t.is(await self.readToEnd(), '+PONG\r\n:1\r\n');
		t.is(await control.ask('EXISTS', 'after'), 0);
		using old = await Wire.connect(node.port);
		old.send(pipeline(`CLIENT KILL ${old.address}`, 'PING'));
		t.is(await old.readToEnd(), '+OK\r\n');
	});

	withReference(
		title('a monitor sees commands in the order in which they ran, among its own replies'),
		async (t) => {
			await using node = await startShoalNode({transport});
			await using other = await startRedisServer();
			const seen = async (port: number): Promise<string> => {
				using monitor = await Wire.connect(port);
				using client = await RespClient.connect(port);
				monitor.send(pipeline('MONITOR'));
				await monitor.read(5);
				for (const line of [
					'SET a 1',
					'GET a',
					'NOSUCH',
					'GET',
					'INCR b',
					'SELECT 2',
					'AUTH hidden',
					'CONFIG GET port',
					'PING',
				])
					await client.ask(...line.split(' '));
				monitor.send(pipeline('PING', 'ECHO between', 'MONITOR', 'PING'));
				await client.ask('ECHO', 'q"\\\x01\r\n');
				// Its own QUIT is the last that it sees.
				await eventually(
					async () => String(await client.ask('CLIENT', 'LIST')),
					(list) => list.includes(' cmd=ping ') || !list.includes(' flags=O '),
				);
				monitor.send(pipeline('QUIT'));
				return (await monitor.readToEnd()).replaceAll(/\+\d+\.\d{6} \[(\d+) 127.0.0.1:\d+\]/g, '+T [$1 C]');
			};
			const lines = (text: string): string[] =>
				text
					.split('\r\n')
					.filter((line) => !line.includes('"between"') && line !== '$7' && line !== 'between')
					.toSorted();
			const ours = await seen(node.port);
			t.deepEqual(lines(ours), lines(await seen(other.port)));
			t.regex(
				ours,
				/\+PONG\r\n\+T \[0 C\] "PING"\r\n\$7\r\nbetween\r\n\+T \[0 C\] "ECHO" "between"\r\n\+PONG\r\n\+T \[0 C\] "PING"\r\n/,
			);
		},
	);

	test(title('calls are counted exactly through pipelines, runs, errors and rejections'), async (t) => {
		const figures = async (port: number): Promise<unknown> => {
			using client = await RespClient.connect(port);
			await client.ask('CONFIG', 'RESETSTAT');
			const lines = [
				...Array.from({length: 300}, (_, i) => `SET k${i} v`),
				...Array.from({length: 1000}, (_, i) => `GET k${i}`),
				'INCR k1',
				'GET k1',
				'GET',
				'GET a b',
				'NOSUCH',
				'PING',
				'PING',
				'MGET k1 k2 k3',
				'DEL k1 k2 k3',
				'CLIENT NOSUCH',
				'CLIENT ID',
				'EXPIRE k4 x',
				'SELECT 99',
				'GET k4',
				...Array.from({length: 65}, () => 'INCR n'),
			];
			await answerTo(port, pipeline(...lines, 'QUIT'));
			// A silenced client's count, too.
			await answerTo(
				port,
				pipeline('CLIENT REPLY OFF', 'GET k1', 'INCR k5', 'NOSUCH', 'CLIENT REPLY ON', 'QUIT'),
			);
			const info = await infoOf(client);
			const calls = [...info]
				.filter(([name]) => name.startsWith('cmdstat_'))
				.map(([name, text]) => `${name} ${text.replace(/usec=[\d.]+,usec_per_call=[\d.]+,/, '')}`)
				.toSorted();
			const others = [
				'total_commands_processed',
				'total_error_replies',
				'errorstat_ERR',
				'keyspace_hits',
				'keyspace_misses',
			];
			return [calls, others.map((name) => `${name} ${info.get(name)}`)];
		};
		await using node = await startShoalNode({transport});
		const ours = await figures(node.port);
		if (!hasRedisServer()) return t.pass();
		await using other = await startRedisServer();
		return t.deepEqual(ours, await figures(other.port));
	});

	test(title('bytes in and out are counted exactly'), async (t) => {
		await using node = await startShoalNode({transport});
		using client = await RespClient.connect(node.port);
		const figure = async (): Promise<number[]> => {
			const info = await infoOf(client, 'stats');
			return [Number(info.get('total_net_input_bytes')), Number(info.get('total_net_output_bytes'))];
		};
		await figure();
		const before = await figure();
		const again = await figure();
		const stream = pipeline('SET k v', 'GET k', 'NOSUCH', 'QUIT');
		const answer = await answerTo(node.port, stream);
		const after = await figure();
		t.is(after[0]! - again[0]!, stream.length + again[0]! - before[0]!);
		// An INFO text may grow by a digit.
		const drift = Math.abs(after[1]! - again[1]! - answer.length - (again[1]! - before[1]!));
		t.true(drift < 20, `${drift}`);
	});

	test(
		title('with a threshold of 0 the slow log has every command of a pipeline, newest first'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using client = await RespClient.connect(node.port);
			await client.ask('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
			await client.ask('SLOWLOG', 'RESET');
			await answerTo(
				node.port,
				pipeline('CLIENT SETNAME slow', 'SET a 1', 'GET a', 'GET a', 'GET', 'INCR a', 'QUIT'),
			);
			const entries = (await client.ask('SLOWLOG', 'GET', '6')) as [
				number,
				number,
				number,
				string[],
				string,
				string,
			][];
			t.deepEqual(
				entries.map((entry) => entry[3].join(' ')),
				['QUIT', 'INCR a', 'GET a', 'GET a', 'SET a 1', 'CLIENT SETNAME slow'],
			);
			t.true(
				entries.every(
					([, at, us, , address, name]) =>
						at > 1e9 && us >= 0 && address.startsWith('127.') && name === 'slow',
				),
			);
			t.deepEqual(
				entries.map(([id]) => id - entries.at(-1)![0]),
				[5, 4, 3, 2, 1, 0],
			);
		},
	);

	test(
		title('a slow command is in the slow log and in the latency history, however plain its form'),
		async (t) => {
			await using node = await startShoalNode({transport});
			using client = await RespClient.connect(node.port);
			await client.ask(
				'CONFIG',
				'SET',
				'slowlog-log-slower-than',
				'20000',
				'latency-monitor-threshold',
				'20',
			);
			await client.ask('DEBUG', 'SLEEP', '0.03');
			const [entry] = (await client.ask('SLOWLOG', 'GET', '1')) as [[number, number, number, string[]]];
			t.deepEqual(entry[3], ['DEBUG', 'SLEEP', '0.03']);
			t.true(entry[2] >= 30_000);
			const [event] = (await client.ask('LATENCY', 'LATEST')) as [[string, number, number, number]];
			t.is(event[0], 'command');
			t.true(event[2] >= 30);
		},
	);
}

// Cluster

async function clusterNode(transport: 'handle' | 'socket'): Promise<ShoalNode> {
	return startShoalNode({transport, config: {'cluster-enabled': 'yes'}});
}

const slotOf = (key: string): number => keySlot(latin1ToBytes(key));
const maskedPorts = (answer: string): string => answer.replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');

const CLUSTER_STEPS: readonly (readonly [title: string, lines: readonly string[]])[] = [
	[
		'before it has slots',
		[
			'GET a',
			'SET a 1',
			'MGET a b',
			'MGET {x}a {x}b',
			'PING',
			'DBSIZE',
			'KEYS *',
			'SELECT 0',
			'SELECT 1',
			'CLUSTER KEYSLOT a',
			'MSET a 1 b',
			'GET',
			'RANDOMKEY',
			'BITOP AND a b c',
			'OBJECT ENCODING a',
			'MEMORY USAGE a',
			'READONLY',
			'GET a',
			'READWRITE',
			'ASKING',
			'GET a',
		],
	],
	['with half of its slots', ['CLUSTER ADDSLOTSRANGE 0 8191', 'CLUSTER COUNTKEYSINSLOT 0']],
	['all slots', ['CLUSTER ADDSLOTSRANGE 8192 16383', 'CLUSTER COUNTKEYSINSLOT 0']],
];

for (const transport of TRANSPORTS) {
	withReference(
		`${transport}: a node of a cluster routes as redis-server does, from the first slot to the last`,
		async (t) => {
			await using node = await clusterNode(transport);
			await using other = await startRedisServer({cluster: true});
			for (const [step, lines] of CLUSTER_STEPS) {
				t.is(
					maskedPorts(await answersOf(node.port, ...lines)),
					maskedPorts(await answersOf(other.port, ...lines)),
					step,
				);
			}
			for (const {port} of [node, other]) {
				using client = await RespClient.connect(port);
				await eventually(
					async () => String(await client.ask('CLUSTER', 'INFO')),
					(text) => text.includes('cluster_state:ok'),
				);
			}
			const served = [
				'SET a 1',
				'GET a',
				'MSET {x}a 1 {x}b 2',
				'MGET {x}a {x}b {x}none',
				'MSET a 1 b 2',
				'MGET a b',
				'MGET a a',
				'DEL a b',
				'DEL {x}a {x}b',
				'EXISTS a b',
				'RENAME a b',
				'COPY {x}a {x}c',
				'COPY a b',
				'COPY {x}a {x}c DB 1',
				'BITOP NOT {x}d {x}c',
				'BITOP NOT d c',
				'MSETNX a 1 b',
				'SELECT 1',
				'MOVE a 1',
				'SWAPDB 0 1',
				'LCS a b',
				'LCS {x}a {x}b',
				'TOUCH a b',
				'UNLINK a a',
				'GET',
			];
			t.is(
				maskedPorts(await answersOf(node.port, ...served)),
				maskedPorts(await answersOf(other.port, ...served)),
			);
			// A slot on its way to nobody we can reach: as the one that imports, as the one that migrates.
			const slot = slotOf('moving');
			const idOf = async (port: number): Promise<string> => {
				using client = await RespClient.connect(port);
				return String(await client.ask('CLUSTER', 'MYID'));
			};
			const steps = async (port: number): Promise<string> => {
				const id = await idOf(port);
				return answersOf(
					port,
					`CLUSTER SETSLOT ${slot} MIGRATING ${id}`,
					`CLUSTER SETSLOT ${slot} STABLE`,
					'ASKING',
					'ASKING',
					'GET moving',
					'ASKING x',
					'CLUSTER RESET',
					'GET moving',
				);
			};
			t.is(
				maskedPorts(await steps(node.port)).replaceAll(/[0-9a-f]{40}/g, 'ID'),
				maskedPorts(await steps(other.port)).replaceAll(/[0-9a-f]{40}/g, 'ID'),
			);
		},
	);

	withReference(
		`${transport}: while slots come in and go out, commands are sent on, asked for or served as by redis-server`,
		async (t) => {
			const here = 'a'.repeat(40);
			const there = 'b'.repeat(40);
			const incoming = slotOf('in');
			const outgoing = slotOf('out');
			// The peer is at a port where nobody is: what the node knows of it is all there is.
			const owned = incoming < 16383 ? `0-${incoming - 1} ${incoming + 1}-16383` : '0-16382';
			const conf = [
				`${here} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected ${owned} [${incoming}-<-${there}] [${outgoing}->-${there}]`,
				`${there} 127.0.0.1:1@10001 master - 0 0 2 connected ${incoming}`,
				'vars currentEpoch 2 lastVoteEpoch 0',
				'',
			].join('\n');
			const directory = await mkdtemp(join(tmpdir(), 'shoal-conf-'));
			t.teardown(async () => rm(directory, {recursive: true, force: true}));
			await writeFile(join(directory, 'nodes.conf'), conf);
			await using node = await startThread({
				transport,
				config: {'cluster-enabled': 'yes'},
				files: {'nodes.conf': conf},
			});
			await using other = await startRedisServer({
				cluster: true,
				args: ['--cluster-config-file', join(directory, 'nodes.conf')],
			});
			const talk = async (port: number): Promise<string> => {
				using client = await RespClient.connect(port);
				await eventually(
					async () => String(await client.ask('CLUSTER', 'INFO')),
					(text) => text.includes('cluster_state:ok'),
				);
				await client.ask('SET', '{out}1', 'x');
				return answersOf(
					port,
					'GET in',
					'ASKING',
					'SET in x',
					'GET in',
					'ASKING',
					'GET in',
					'ASKING',
					'ASKING',
					'GET in',
					'GET in',
					'ASKING',
					'NOSUCH',
					'GET in',
					'ASKING',
					'GET',
					'GET in',
					'ASKING',
					'PING',
					'GET in',
					'ASKING',
					'MGET {in}1 {in}2',
					'ASKING',
					'MGET in in',
					'ASKING',
					'MGET in {in}2',
					'ASKING',
					'DEL in {in}2',
					'GET out',
					'SET out x',
					'GET {out}1',
					'MGET {out}1 {out}2',
					'MGET {out}2 {out}3',
					'MGET {out}1 {out}1',
					'DEL {out}1',
					'GET {out}1',
					'EXISTS {out}1 {out}1',
					'MULTI',
					'SET served x',
					'SET other x',
					'EXEC',
					'EXEC',
					'MULTI',
					'GET {out}1',
					'EXEC',
					'MULTI',
					'GET in',
					'EXEC',
					'ASKING',
					'MULTI',
					'SET {in}5 x',
					'EXEC',
					'ASKING',
					'MULTI',
					'GET {in}5',
					'GET {in}6',
					'EXEC',
					'GET {in}5',
					'WATCH served other',
					'WATCH served',
					'MULTI',
					'GET served',
					'GET {served}2',
					'EXEC',
					'READONLY',
					'GET in',
					'ASKING',
					'GET in',
					'READWRITE',
					'SET served x',
					'GET served',
				);
			};
			t.is(await talk(node.port), await talk(other.port));
		},
	);

	withReference(
		`${transport}: a look at the keys of a slot on its way removes none that has expired`,
		async (t) => {
			const there = 'b'.repeat(40);
			const slot = slotOf('out');
			const conf = `${'a'.repeat(40)} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383 [${slot}->-${there}]\n${there} 127.0.0.1:1@10001 master - 0 0 2 connected\nvars currentEpoch 2 lastVoteEpoch 0\n`;
			await using node = await startThread({
				transport,
				config: {'cluster-enabled': 'yes', 'enable-debug-command': 'yes'},
				files: {'nodes.conf': conf},
			});
			using client = await RespClient.connect(node.port);
			await eventually(
				async () => String(await client.ask('CLUSTER', 'INFO')),
				(text) => text.includes('cluster_state:ok'),
			);
			await client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
			await client.ask('ASKING');
			t.is(await client.ask('SET', 'served', 'x'), 'OK');
			t.is(await client.ask('CLUSTER', 'SETSLOT', String(slot), 'STABLE'), 'OK');
			t.is(await client.ask('SET', 'out', 'x', 'PX', '1'), 'OK');
			t.is(await client.ask('DEBUG', 'SLEEP', '0.01'), 'OK');
			t.is(await client.ask('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', there), 'OK');
			t.regex(String(await client.ask('GET', 'out')), /ASK /);
			t.is(await client.ask('DBSIZE'), 2);
		},
	);
}
