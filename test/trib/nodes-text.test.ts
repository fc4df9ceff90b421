import test from 'ava';
import {formatEndpoint, parseEndpoint, parseNodeAddress} from '../../src/trib/endpoint.ts';
import {isReplica, ownLine, parseNodesText} from '../../src/trib/nodes-text.ts';

const A = '07c37dfeb235213a872192d90877d0cd55635b91';
const B = '67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1';
const C = '292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f';

test('a line of Redis 3.0 has neither bus port nor host name', (t) => {
	const [node] = parseNodesText(`${A} 127.0.0.1:7000 myself,master - 0 0 1 connected 0-5460\n`);
	t.deepEqual(node, {
		id: A,
		host: '127.0.0.1',
		port: 7000,
		busPort: null,
		hostname: null,
		flags: ['myself', 'master'],
		primaryId: null,
		configEpoch: 1,
		connected: true,
		slots: [[0, 5460]],
		migrating: new Map(),
		importing: new Map(),
	});
});

test('Redis 4 adds the bus port, 7.0 the host name, 7.2 and Valkey auxiliary fields', (t) => {
	const places = [
		'10.0.0.1:7000@17000',
		'10.0.0.1:7000@17000,db.example',
		'10.0.0.1:7000@17000,,shard-id=69bc',
	];
	const nodes = parseNodesText(places.map((place) => `${A} ${place} master - 0 0 1 connected`).join('\n'));
	t.deepEqual(
		nodes.map(({host, port, busPort, hostname}) => [host, port, busPort, hostname]),
		[
			['10.0.0.1', 7000, 17_000, null],
			['10.0.0.1', 7000, 17_000, 'db.example'],
			['10.0.0.1', 7000, 17_000, null],
		],
	);
});

test('an auxiliary field is no host name where Valkey leaves the empty one out', (t) => {
	const [node] = parseNodesText(`${A} 10.0.0.1:7000@17000,shard-id=69bc master - 0 0 1 connected`);
	t.is(node?.hostname, null);
});

test('a replica names its primary', (t) => {
	const [node] = parseNodesText(`${B} 127.0.0.1:7003@17003 slave ${A} 0 1426238317239 4 connected\n`);
	t.is(node?.primaryId, A);
	t.true(node !== undefined && isReplica(node));
});

test('slots come as ranges and alone, open ones in brackets with their other end', (t) => {
	const [node] = parseNodesText(
		`${A} :7000@17000 myself,master - 0 0 1 connected 0-10 12 [77->-${B}] [93-<-${C}] 100-200\n`,
	);
	t.deepEqual(node?.slots, [
		[0, 10],
		[12, 12],
		[100, 200],
	]);
	t.deepEqual(node?.migrating, new Map([[77, B]]));
	t.deepEqual(node?.importing, new Map([[93, C]]));
});

test('a node whose address is lost is read', (t) => {
	const [node] = parseNodesText(`${A} :0@0 master,noaddr - 1 2 3 disconnected\n`);
	t.is(node?.host, '');
	t.is(node?.port, 0);
	t.false(node?.connected);
});

test('what is no node is passed over: variables of nodes.conf, blank and broken lines, newer words', (t) => {
	const nodes = parseNodesText(
		[
			`${A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-1 {newer} 99999 5-4`,
			'vars currentEpoch 6 lastVoteEpoch 0',
			'',
			`${B} nowhere master - 0 0 1 connected`,
			'nonsense',
		].join('\r\n'),
	);
	t.deepEqual(
		nodes.map(({id, slots}) => [id, slots]),
		[[A, [[0, 1]]]],
	);
});

test('the own line is the one flagged myself', (t) => {
	const lines = parseNodesText(
		`${A} 127.0.0.1:7000 master - 0 0 1 connected\n${B} 127.0.0.1:7001 myself,master - 0 0 1 connected\n`,
	);
	t.is(ownLine(lines)?.id, B);
	t.is(ownLine(lines.slice(0, 1)), null);
});

test('the port of an address stands after its last colon, brackets are optional', (t) => {
	t.deepEqual(parseNodeAddress('::1:7000@17000'), {host: '::1', port: 7000, busPort: 17_000});
	t.deepEqual(parseNodeAddress('[::1]:7000'), {host: '::1', port: 7000, busPort: null});
	t.deepEqual(parseEndpoint('localhost:7000'), {host: 'localhost', port: 7000});
	t.is(formatEndpoint({host: '::1', port: 7000}), '::1:7000');
});

for (const text of [
	'',
	'localhost',
	':7000',
	'localhost:',
	'localhost:0',
	'localhost:70000',
	'localhost:x',
]) {
	test(`«${text}» is no address to connect to`, (t) => {
		t.is(parseEndpoint(text), null);
	});
}
