import test from 'ava';
import {NodeFlags} from '../../src/cluster/state.ts';
import {NodesConfError, parseNodesConf} from '../../src/cluster/nodes-conf.ts';
import {A, B, C, NODES_CONF, REPLICA_OF_B, restoredCore} from '../helpers/restored-core.ts';

const sortedFields = (text: string): string[] =>
	text
		.trimEnd()
		.split('\n')
		// Times of pings and the state of links are of the moment.
		.map((line) => line.replace(/ \d+ \d+ (\d+) (dis)?connected/, ' $1'))
		.toSorted();

test('what redis-server 7.0 wrote is restored and written the same', (t) => {
	t.deepEqual(sortedFields(restoredCore().nodesConf()), sortedFields(NODES_CONF));
});

test('a file is read into nodes, epochs and open slots', (t) => {
	const conf = parseNodesConf(NODES_CONF)!;
	t.is(conf.myself as string, A);
	t.is(conf.currentEpoch, 3);
	t.deepEqual([...conf.migratingTo], [[5, B]] as never);
	const replica = conf.nodes.find(({id}) => (id as string) === REPLICA_OF_B)!;
	t.is(replica.flags, NodeFlags.REPLICA);
	t.is(replica.primary as string, B);
	t.is(replica.hostname, 'h21724.example');
	t.deepEqual(conf.nodes.find(({id}) => (id as string) === C)!.slots, [[10_923, 16_383]]);
});

test('an empty file is as good as none', (t) => {
	t.is(parseNodesConf(''), null);
});

test('a file of a version without bus ports, with unknown variables and blank lines is read', (t) => {
	const conf = parseNodesConf(
		`${A} :7000 myself,master - 0 0 0 connected\n\nvars currentEpoch 1 later 7 lastVoteEpoch 1\n`,
	);
	t.is(conf?.nodes[0]?.busPort, 17_000);
	t.is(conf?.nodes[0]?.host, '');
	t.is(conf?.lastVoteEpoch, 1);
});

test('an IPv6 address is split at the last colon', (t) => {
	const conf = parseNodesConf(`${A} fe80::1:7000@17000 myself,master - 0 0 0 connected\n`);
	t.is(conf?.nodes[0]?.host, 'fe80::1');
});

const MYSELF = `${A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected`;

const corrupt = test.macro({
	exec(t, text: string, line: number, problem: RegExp) {
		const error = t.throws(() => parseNodesConf(text), {instanceOf: NodesConfError});
		t.is(error.line, line);
		t.regex(error.message, problem);
		t.true(error.message.startsWith(`line ${line}: `));
	},
	title: (name) => `refused with its line: ${name ?? ''}`,
});

test(
	'too few fields',
	corrupt,
	`${MYSELF}\n${B} 127.0.0.1:1@2 master\n`,
	2,
	/at least 8 fields, there are 3/,
);
test('a line that was cut', corrupt, MYSELF, 1, /cut off/);
test(
	'no node id',
	corrupt,
	`${MYSELF}\nxyz 127.0.0.1:1@2 master - 0 0 0 connected\n`,
	2,
	/"xyz" is no node id/,
);
test('no address', corrupt, `${A} nowhere myself,master - 0 0 0 connected\n`, 1, /"nowhere" is no address/);
test('a port out of range', corrupt, `${A} h:70000@1 myself,master - 0 0 0 connected\n`, 1, /out of range/);
test('an unknown flag', corrupt, `${A} h:7@8 myself,boss - 0 0 0 connected\n`, 1, /"boss" is no flag/);
test('no epoch', corrupt, `${A} h:7@8 myself,master - 0 0 -1 connected\n`, 1, /"-1" is no config epoch/);
test('no slots', corrupt, `${MYSELF} 5-4\n`, 1, /"5-4" is no range of slots/);
test('a slot beyond the last', corrupt, `${MYSELF} 16384\n`, 1, /no range of slots/);
test('a broken open slot', corrupt, `${MYSELF} [5->-xyz]\n`, 1, /no open slot/);
test(
	'nobody is myself',
	corrupt,
	`${B} h:7@8 master - 0 0 0 connected\n`,
	2,
	/no node has the flag "myself"/,
);
test('two are myself', corrupt, `${MYSELF}\n${B} h:7@8 myself,master - 0 0 0 connected\n`, 2, /two nodes/);
test('a node twice', corrupt, `${MYSELF}\n${MYSELF}\n`, 2, /two lines/);
test(
	'a slot of two owners',
	corrupt,
	`${MYSELF} 1-5\n${B} h:7@8 master - 0 0 0 connected 5\n`,
	2,
	/slot 5 has two owners/,
);
test(
	'a primary that is not there',
	corrupt,
	`${MYSELF}\n${B} h:7@8 slave ${C} 0 0 0 connected\n`,
	2,
	/no line of its own/,
);
test('variables out of pairs', corrupt, `${MYSELF}\nvars currentEpoch\n`, 2, /no value/);
test('an epoch that is no number', corrupt, `${MYSELF}\nvars currentEpoch x\n`, 2, /"x" is no currentEpoch/);

test('any cut of a good file is refused or read, never anything else', (t) => {
	for (let length = 0; length < NODES_CONF.length; length++) {
		try {
			parseNodesConf(NODES_CONF.slice(0, length));
		} catch (error) {
			if (!(error instanceof NodesConfError)) throw error;
		}
	}
	t.pass();
});

test('keys in slots of nobody are taken over, keys in slots of others make these importing', (t) => {
	const text = NODES_CONF.replace('0-5460', '0-5459');
	const core = restoredCore(
		text,
		{},
		new Map([
			[0, 1],
			[5460, 2],
			[16_000, 3],
		]),
	);
	const effects = core.start(1_795_425_200_000);
	t.is(core.view.owner(5460)?.id as string, A);
	t.is(core.view.importingFrom.get(16_000)?.id as string, C);
	t.deepEqual(
		effects.logs.filter(({level}) => level === 'warning').map((line) => line.text),
		[
			'I have keys for unassigned slot 5460. Taking responsibility for it.',
			'I have keys for slot 16000, but the slot is assigned to another node. Setting it to importing state.',
		],
	);
});

test('the shard of a node that is not named after it survives a restart', (t) => {
	const shard = 'a'.repeat(40);
	const text = NODES_CONF.replace('lastVoteEpoch 0', `lastVoteEpoch 0 shardId ${shard}`);
	t.is(restoredCore(text).view.myself.shardId, shard);
	t.regex(restoredCore(text).nodesConf(), new RegExp(`lastVoteEpoch 0 shardId ${shard}\n$`));
});
