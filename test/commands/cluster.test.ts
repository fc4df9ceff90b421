import * as fs from 'node:fs';
import {connect} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import type {KeyPresence} from '../../src/commands/cluster-service.ts';
import {clusterCommands} from '../../src/commands/cluster.ts';
import {Keyspace} from '../../src/data/keyspace.ts';
import {toBytes} from '../../src/lib/bytes.ts';
import {type Reply, ReplyParser, RespError} from '../../src/resp/reply-parser.ts';
import {hasRedisServer, startRedisServer} from '../helpers/redis-server.ts';
import {form, TestCluster, type TestNode, untilFormed} from '../node/cluster-fixture.ts';
import {CommandRunner, encode, type Word} from './harness.ts';

const runnerOf = ({node}: TestNode, databases: readonly Keyspace[] = []): CommandRunner =>
	new CommandRunner({commands: clusterCommands, databases, services: {cluster: node}});

async function lonely(t: ExecutionContext): Promise<CommandRunner> {
	return runnerOf(await new TestCluster(t, 1).start(0), [new Keyspace()]);
}

async function pair(t: ExecutionContext): Promise<{nodes: TestNode[]; runners: CommandRunner[]}> {
	const cluster = new TestCluster(t, 2);
	const nodes = [await cluster.start(0), await cluster.start(1)];
	form(nodes);
	await untilFormed(nodes);
	return {nodes, runners: nodes.map((node) => runnerOf(node))};
}

const errorOf = (reply: Reply): string => (reply instanceof RespError ? reply.message : 'no error');
const textOf = (reply: Reply | undefined): string => (typeof reply === 'string' ? reply : 'no text');

const notCounted = (): KeyPresence => {
	throw new Error('keys are counted only when the slot is open');
};

/** Paths of build output mirror the sources: the transcripts stand beside the TypeScript. */
const transcript = fs.readFileSync('test/transcripts/cluster.txt', 'utf8');

/** Lines that are run by the cluster commands themselves; routing is the executor's. */
const lines = transcript
	.split('\n')
	.filter((line) => /^(cluster|readonly|readwrite|asking)\b/i.test(line))
	.map((line) => line.split(' ').map((word) => (word === '""' ? '' : word)));

function ask(port: number, commands: readonly (readonly Word[])[]): Promise<Reply[]> {
	return new Promise((resolve, reject) => {
		const socket = connect(port, '127.0.0.1');
		const parser = new ReplyParser();
		const replies: Reply[] = [];
		socket.on('error', reject);
		socket.on('data', (chunk) => {
			parser.feed(chunk, (reply) => replies.push(reply));
			if (replies.length < commands.length) return;
			socket.destroy();
			resolve(replies);
		});
		for (const words of commands) socket.write(encode(words));
	});
}

if (hasRedisServer()) {
	test('S30 to S49: a node that is alone answers every line as redis-server does', async (t) => {
		await using server = await startRedisServer({cluster: true});
		const theirs = await ask(server.port, lines);
		const runner = await lonely(t);
		for (const [i, words] of lines.entries()) t.deepEqual(runner.run(...words), theirs[i], words.join(' '));
	});

	test('S33, S35, S47: members of a cluster of two answer as redis-servers do', async (t) => {
		const {runners, ours, servers, theirs} = await twins(t);
		const script = ({one, other}: Names): string[][] => [
			['CLUSTER', 'SET-CONFIG-EPOCH', '9'],
			['CLUSTER', 'SETSLOT', '0', 'MIGRATING', one],
			['CLUSTER', 'SETSLOT', '0', 'MIGRATING', other],
			['CLUSTER', 'SETSLOT', '0', 'IMPORTING', other],
			['CLUSTER', 'SETSLOT', '9000', 'MIGRATING', other],
			['CLUSTER', 'SETSLOT', '9000', 'IMPORTING', '0'.repeat(39)],
			['CLUSTER', 'SETSLOT', '9000', 'IMPORTING', other],
			['CLUSTER', 'SETSLOT', '9000', 'STABLE'],
			['CLUSTER', 'SETSLOT', '0', 'STABLE'],
			['CLUSTER', 'SETSLOT', '1', 'NODE', one],
			['CLUSTER', 'ADDSLOTS', '9000'],
			['CLUSTER', 'DELSLOTS', '2'],
			['CLUSTER', 'ADDSLOTS', '2'],
			['CLUSTER', 'REPLICAS', other],
			['CLUSTER', 'COUNT-FAILURE-REPORTS', other],
			['CLUSTER', 'COUNT-FAILURE-REPORTS', one],
			['CLUSTER', 'BUMPEPOCH'],
			['CLUSTER', 'BUMPEPOCH'],
			['CLUSTER', 'REPLICATE', one],
			['CLUSTER', 'REPLICATE', other],
			['CLUSTER', 'FAILOVER'],
			['CLUSTER', 'FORGET', one],
			['CLUSTER', 'FORGET', other],
			['CLUSTER', 'FORGET', other],
			['CLUSTER', 'REPLICATE', other],
			['CLUSTER', 'SETSLOT', '3', 'NODE', other],
		];
		const expected = await ask(servers[0]!, script(theirs));
		for (const [i, words] of script(ours).entries()) {
			t.deepEqual(
				plain(runners[0]!.run(...words), ours),
				plain(expected[i]!, theirs),
				words.slice(0, 4).join(' '),
			);
		}
	});

	test('S36, S37, S47: a node that becomes a replica answers as a redis-server that becomes one', async (t) => {
		const {runners, ours, servers, theirs} = await twins(t);
		const script = ({one, other}: Names): string[][] => [
			['CLUSTER', 'FLUSHSLOTS'],
			['CLUSTER', 'REPLICATE', other],
			['CLUSTER', 'REPLICATE', one],
			['CLUSTER', 'REPLICATE', other],
			['CLUSTER', 'REPLICAS', one],
			['CLUSTER', 'FORGET', other],
			['CLUSTER', 'SETSLOT', '0', 'STABLE'],
			['CLUSTER', 'SETSLOT', '9000', 'NODE', one],
			['CLUSTER', 'FAILOVER', 'x'],
			['CLUSTER', 'FAILOVER', 'FORCE', 'x'],
			['CLUSTER', 'FLUSHSLOTS'],
			['CLUSTER', 'FAILOVER', 'TAKEOVER'],
			['CLUSTER', 'SLOTS'],
			['CLUSTER', 'FAILOVER'],
			['CLUSTER', 'REPLICATE', other],
			['CLUSTER', 'RESET'],
			['CLUSTER', 'REPLICATE', other],
		];
		const expected = await ask(servers[0]!, script(theirs));
		for (const [i, words] of script(ours).entries()) {
			t.deepEqual(
				plain(runners[0]!.run(...words), ours),
				plain(expected[i]!, theirs),
				words.slice(0, 3).join(' '),
			);
		}
	});

	test('S41 to S45: what members of a cluster of two show has the form that redis-servers give it', async (t) => {
		const {nodes, runners, ours, servers, theirs} = await twins(t);
		await nodes[0]!.until(() => (runners[0]!.run('CLUSTER', 'LINKS') as Reply[]).length === 2);
		const words = ['INFO', 'NODES', 'SLOTS', 'SHARDS', 'LINKS'].map((word) => ['CLUSTER', word]);
		for (const hello of [
			['HELLO', '2'],
			['HELLO', '3'],
		]) {
			const [, ...expected] = await ask(servers[0]!, [hello, ...words]);
			runners[0]!.client.protocol = hello[1] === '3' ? 3 : 2;
			for (const [i, line] of words.entries()) {
				t.deepEqual(
					shape(runners[0]!.run(...line), ours),
					shape(expected[i]!, theirs),
					`${hello[1]} ${line[1]}`,
				);
			}
		}
	});
}

interface Names {
	readonly one: string;
	readonly other: string;
	readonly ports: readonly number[];
}

/** Two clusters of two nodes with the same slots: ours, and of redis-servers. */
async function twins(t: ExecutionContext) {
	const {nodes, runners} = await pair(t);
	const started = await Promise.all([startRedisServer({cluster: true}), startRedisServer({cluster: true})]);
	t.teardown(() => Promise.all(started.map((server) => server.stop())));
	const servers = started.map(({port}) => port);
	const [first, second] = servers as [number, number];
	const ids = await Promise.all(
		servers.map(async (port) => textOf((await ask(port, [['CLUSTER', 'MYID']]))[0])),
	);
	for (const [port, epoch, from, to] of [[first, 1, 0, 8191] as const, [second, 2, 8192, 16_383] as const]) {
		await ask(port, [
			['CLUSTER', 'SET-CONFIG-EPOCH', String(epoch)],
			['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to)],
		]);
	}
	await ask(first, [['CLUSTER', 'MEET', '127.0.0.1', String(second)]]);
	for (const port of servers) {
		const links = async (): Promise<number> =>
			((await ask(port, [['CLUSTER', 'LINKS']]))[0] as Reply[]).length;
		const info = async (): Promise<string> => textOf((await ask(port, [['CLUSTER', 'INFO']]))[0]);
		while (!(await info()).includes('cluster_state:ok') || (await links()) < 2) {
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
	const [one, other] = nodes.map(({node}) => node.view.myself.id);
	const ours: Names = {one: one!, other: other!, ports: nodes.map(({port}) => port)};
	const theirs: Names = {one: ids[0]!, other: ids[1]!, ports: servers};
	return {nodes, runners, ours, servers, theirs};
}

/** The reply with the nodes' names in place of their ids and ports. */
function plain(reply: Reply, names: Names): unknown {
	if (reply instanceof RespError) return `error: ${renamed(reply.message, names)}`;
	if (reply instanceof Map) return new Map([...reply].map(([field, value]) => [field, plain(value, names)]));
	if (Array.isArray(reply)) return reply.map((each) => plain(each, names));
	if (typeof reply === 'string') return renamed(reply, names);
	return typeof reply === 'number' && names.ports.includes(reply)
		? `port ${names.ports.indexOf(reply)}`
		: reply;
}

function renamed(text: string, {one, other, ports}: Names): string {
	let named = text.replaceAll(one, 'one').replaceAll(other, 'other');
	for (const [i, port] of ports.entries()) {
		named = named
			.replaceAll(`:${port}@${port + 10_000}`, `:port ${i}@bus ${i}`)
			.replaceAll(`:${port}`, `:port ${i}`);
	}
	return named;
}

/** As `plain`, without what differs from run to run: times, counters, buffers, the order of nodes. */
function shape(reply: Reply, names: Names): unknown {
	const shown = plain(reply, names);
	if (typeof shown === 'string') {
		return shown
			.split('\n')
			.map((line) =>
				line.replace(/^(cluster_stats_\w+):\d+/, '$1').replace(/ \d+ \d+ (\d+) (dis)?connected/, ' times $1'),
			)
			.filter((line) => !/_(ping|pong|meet|update|fail)_(sent|received)/.test(line))
			.toSorted();
	}
	if (!Array.isArray(shown)) return shown;
	const text = (each: unknown): string =>
		JSON.stringify(each, (_, value: unknown) => (value instanceof Map ? [...value] : value));
	return shown
		.map(text)
		.map((each) =>
			each
				.replace(/("create-time"|"send-buffer-allocated"|"send-buffer-used"),\d+/g, '$1')
				.replace('"rw"', '"r"'),
		)
		.toSorted();
}

test('S22: a node that runs alone refuses all of them before it looks at their arguments', (t) => {
	const runner = new CommandRunner({commands: clusterCommands});
	for (const words of [
		'CLUSTER INFO',
		'CLUSTER ADDSLOTS x',
		'CLUSTER HELP',
		'CLUSTER KEYSLOT x',
		'CLUSTER MEET a b',
	]) {
		t.is(errorOf(runner.run(...words.split(' '))), 'ERR This instance has cluster support disabled', words);
	}
	for (const word of ['READONLY', 'READWRITE', 'ASKING']) {
		t.is(errorOf(runner.run(word)), 'ERR This instance has cluster support disabled', word);
	}
	t.is(
		errorOf(runner.run('CLUSTER', 'KEYSLOT')),
		"ERR wrong number of arguments for 'cluster|keyslot' command",
	);
});

test('S18, S22: READONLY, READWRITE and ASKING set what routing asks of the client', async (t) => {
	const runner = await lonely(t);
	t.is(runner.run('READONLY'), 'OK');
	t.true(runner.client.readonlyMode);
	t.is(runner.run('READWRITE'), 'OK');
	t.false(runner.client.readonlyMode);
	t.is(runner.run('ASKING'), 'OK');
	t.true(runner.client.asking);
});

test('S48: keys of a slot are counted and listed, at most as many as asked for', async (t) => {
	const node = await new TestCluster(t, 1).start(0);
	const database = new Keyspace();
	const runner = runnerOf(node, [database]);
	for (const name of ['{tag}1', '{tag}2', '{tag}3', 'other']) {
		database.setStringOwned(toBytes(name), toBytes('value'), false);
	}
	const slot = String(Number(runner.run('CLUSTER', 'KEYSLOT', 'tag')));
	t.is(runner.run('CLUSTER', 'COUNTKEYSINSLOT', slot), 3);
	t.deepEqual((runner.run('CLUSTER', 'GETKEYSINSLOT', slot, '10') as string[]).toSorted(), [
		'{tag}1',
		'{tag}2',
		'{tag}3',
	]);
	t.is((runner.run('CLUSTER', 'GETKEYSINSLOT', slot, '2') as string[]).length, 2);
	t.deepEqual(runner.run('CLUSTER', 'GETKEYSINSLOT', slot, '0'), []);
	t.is((runner.run('CLUSTER', 'GETKEYSINSLOT', slot, '9223372036854775807') as string[]).length, 3);
	t.is(runner.run('CLUSTER', 'COUNTKEYSINSLOT', '0'), 0);
});

test('S41, S42, S46: INFO and NODES are verbatim text in RESP3, the ids are 40 digits', async (t) => {
	const {nodes, runners} = await pair(t);
	const [runner] = runners;
	runner!.client.protocol = 3;
	t.regex(
		runner!.raw('CLUSTER', 'INFO'),
		/^=\d+\r\ntxt:cluster_state:ok\r\ncluster_slots_assigned:16384\r\n/,
	);
	t.regex(
		runner!.raw('CLUSTER', 'NODES'),
		/^=\d+\r\ntxt:[0-9a-f]{40} 127\.0\.0\.1:7000@17000 myself,master - /,
	);
	runner!.client.protocol = 2;
	t.regex(runner!.raw('CLUSTER', 'INFO'), /^\$\d+\r\ncluster_state:ok\r\n/);
	t.is(runner!.run('CLUSTER', 'MYID'), nodes[0]!.node.view.myself.id);
	t.regex(textOf(runner!.run('CLUSTER', 'MYSHARDID')), /^[0-9a-f]{40}$/);
});

test('S43: SLOTS lists each range with its servers', async (t) => {
	const {nodes, runners} = await pair(t);
	const ids = nodes.map(({node}) => node.view.myself.id);
	t.deepEqual(runners[1]!.run('CLUSTER', 'SLOTS'), [
		[0, 8191, ['127.0.0.1', 7000, ids[0], []]],
		[8192, 16_383, ['127.0.0.1', 7001, ids[1], []]],
	]);
	nodes[1]!.config.preferredEndpointType = 'unknown-endpoint';
	t.deepEqual((runners[1]!.run('CLUSTER', 'SLOTS') as Reply[][])[0]![2], [
		null,
		7000,
		ids[0],
		['ip', '127.0.0.1'],
	]);
	t.is(
		nodes[1]!.node.redirect(0, {name: 'get', flagBits: 0}, runners[1]!.client, notCounted),
		'MOVED 0 :7000',
	);
});

test('S44: SHARDS lists each primary with its slots, as maps in RESP3', async (t) => {
	const {nodes, runners} = await pair(t);
	const [runner] = runners;
	runner!.client.protocol = 3;
	const shards = runner!.run('CLUSTER', 'SHARDS') as Map<string, Reply>[];
	const own = shards.find((shard) => (shard.get('slots') as number[])[0] === 0);
	t.deepEqual(own!.get('slots'), [0, 8191]);
	t.deepEqual(
		[...(own!.get('nodes') as [Map<string, Reply>])[0]],
		[
			['id', nodes[0]!.node.view.myself.id],
			['port', 7000],
			['ip', '127.0.0.1'],
			['endpoint', '127.0.0.1'],
			['role', 'master'],
			['replication-offset', 0],
			['health', 'online'],
		],
	);
});

test('S45: LINKS lists the link to each member and the one from it', async (t) => {
	const {nodes, runners} = await pair(t);
	const [runner] = runners;
	await nodes[0]!.until(() => (runner!.run('CLUSTER', 'LINKS') as Reply[]).length === 2);
	runner!.client.protocol = 3;
	const links = runner!.run('CLUSTER', 'LINKS') as Map<string, Reply>[];
	t.deepEqual(links.map((link) => textOf(link.get('direction'))).toSorted(), ['from', 'to']);
	for (const link of links) {
		t.is(link.get('node'), nodes[1]!.node.view.myself.id);
		t.true(Math.abs(Number(link.get('create-time')) - Date.now()) < 3_600_000);
		// A message may be under way.
		const used = Number(link.get('send-buffer-used'));
		t.true(Number(link.get('send-buffer-allocated')) >= used);
		t.is(link.get('events'), used === 0 ? 'r' : 'rw');
	}
});

test('HELP tells the form of every subcommand but the deprecated ones', async (t) => {
	const runner = await lonely(t);
	const text = (runner.run('CLUSTER', 'HELP') as string[]).join('\n');
	for (const {name, facts} of clusterCommands) {
		const word = name.split('|')[1];
		if (word === undefined || (facts.docFlags?.includes('deprecated') && word === 'slaves')) continue;
		t.regex(text, new RegExp(`^${word.toUpperCase()}\\b`, 'm'), name);
	}
});
