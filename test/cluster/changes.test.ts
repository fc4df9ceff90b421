/** What operators may ask, and the lines they get when they may not (S30-S40). */

import test from 'ava';
import type {ClusterChange} from '../../src/cluster/changes.ts';
import {Simulation} from '../../src/sim/simulation.ts';
import {A, B, C, NODES_CONF, NOW, REPLICA_OF_B, restoredCore} from '../helpers/restored-core.ts';

/** Seen by A, a primary of 0-5460. */
const onPrimary = test.macro({
	exec(t, change: ClusterChange, expected: string, keys: ReadonlyMap<number, number> = new Map()) {
		const core = restoredCore(undefined, {}, keys);
		const before = core.nodesConf();
		const {outcome, effects} = core.submit(change, NOW);
		t.is(outcome.ok ? outcome.reply : outcome.error, expected);
		if (outcome.ok) return;
		t.is(core.nodesConf(), before, 'a refused change changes nothing');
		t.is(effects.config, 'unchanged');
		t.deepEqual([effects.sends, effects.events], [[], []]);
	},
	title: (name, change: ClusterChange, expected) => `${name ?? change.kind}: ${expected}`,
});

const add = (...ranges: [number, number][]): ClusterChange => ({kind: 'add-slots', ranges});
const del = (...ranges: [number, number][]): ClusterChange => ({kind: 'delete-slots', ranges});

test(onPrimary, add([0, 0]), 'ERR Slot 0 is already busy');
test(onPrimary, del([0, 10]), 'OK');
test('delete-slots of others', onPrimary, del([6000, 6001]), 'OK');
test('twice', onPrimary, del([1, 5], [5, 6]), 'ERR Slot 5 specified multiple times');
test(onPrimary, {kind: 'flush-slots'}, 'OK');
test(
	onPrimary,
	{kind: 'flush-slots'},
	'ERR DB must be empty to perform CLUSTER FLUSHSLOTS.',
	new Map([[1, 1]]),
);

test(onPrimary, {kind: 'set-slot-migrating', slot: 6000, to: B}, "ERR I'm not the owner of hash slot 6000");
test(onPrimary, {kind: 'set-slot-migrating', slot: 0, to: 'x'}, "ERR I don't know about node x");
test(onPrimary, {kind: 'set-slot-migrating', slot: 0, to: REPLICA_OF_B}, 'ERR Target node is not a master');
test(onPrimary, {kind: 'set-slot-migrating', slot: 0, to: C}, 'OK');
test(onPrimary, {kind: 'set-slot-importing', slot: 0, from: B}, "ERR I'm already the owner of hash slot 0");
test(onPrimary, {kind: 'set-slot-importing', slot: 6000, from: 'x'}, "ERR I don't know about node x");
test(
	onPrimary,
	{kind: 'set-slot-importing', slot: 6000, from: REPLICA_OF_B},
	'ERR Target node is not a master',
);
test(onPrimary, {kind: 'set-slot-node', slot: 0, owner: 'x'}, 'ERR Unknown node x');
test(onPrimary, {kind: 'set-slot-node', slot: 0, owner: REPLICA_OF_B}, 'ERR Target node is not a master');
test(
	onPrimary,
	{kind: 'set-slot-node', slot: 0, owner: B},
	"ERR Can't assign hashslot 0 to a different node while I still hold keys for this hash slot.",
	new Map([[0, 1]]),
);

test(onPrimary, {kind: 'forget', node: 'x'}, 'ERR Unknown node x');
test(onPrimary, {kind: 'forget', node: A}, "ERR I tried hard but I can't forget myself...");
test(onPrimary, {kind: 'forget', node: C}, 'OK');
test(
	onPrimary,
	{kind: 'set-config-epoch', epoch: 5},
	'ERR The user can assign a config epoch only when the node does not know any other node.',
);
test(onPrimary, {kind: 'set-config-epoch', epoch: -1}, 'ERR Invalid config epoch specified: -1');
test(onPrimary, {kind: 'bump-epoch'}, 'BUMPED 4');
test(
	onPrimary,
	{kind: 'reset', hard: true},
	"ERR CLUSTER RESET can't be called with master nodes containing keys",
	new Map([[1, 1]]),
);
test(
	onPrimary,
	{kind: 'meet', host: 'localhost', port: 7000, busPort: 17_000},
	'ERR Invalid node address specified: localhost:7000',
);
test(
	onPrimary,
	{kind: 'meet', host: '127.0.0.1', port: 60_000, busPort: 70_000},
	'ERR Invalid node address specified: 127.0.0.1:60000',
);

test(onPrimary, {kind: 'replicate', node: 'x'}, 'ERR Unknown node x');
test(onPrimary, {kind: 'replicate', node: A}, "ERR Can't replicate myself");
test(onPrimary, {kind: 'replicate', node: REPLICA_OF_B}, 'ERR I can only replicate a master, not a replica.');
test(
	'with slots',
	onPrimary,
	{kind: 'replicate', node: B},
	'ERR To set a master the node must be empty and without assigned slots.',
);
for (const mode of ['default', 'force', 'takeover'] as const) {
	test(mode, onPrimary, {kind: 'failover', mode}, 'ERR You should send CLUSTER FAILOVER to a replica');
}

const WITHOUT_SLOTS = NODES_CONF.replace(/ 0-5460.*/, '');
const ON_REPLICA = NODES_CONF.replace('myself,master', 'master')
	.replace(' slave ', ' myself,slave ')
	.replace(/ \[.*\]/, '');

test('a node that replicates another is in its shard, says so to everybody, and follows its data', (t) => {
	const core = restoredCore(WITHOUT_SLOTS);
	const {connects} = core.start(NOW);
	for (const {link} of connects) core.linkOpened(link, NOW);
	const {outcome, effects} = core.submit({kind: 'replicate', node: B}, NOW);
	t.deepEqual(outcome, {ok: true, reply: 'OK'});
	t.deepEqual(effects.role, {kind: 'follow', host: '127.0.0.1', port: 21_722, node: B as never});
	t.deepEqual(
		effects.sends.map(({message}) => [message.type, message.header.primary as string]),
		Array.from({length: 3}, () => ['pong', B]),
	);
	t.regex(core.nodesConf(), new RegExp(`myself,slave ${B} 0 \\d+ 2 connected\n`));
	t.is(
		core.submit({kind: 'replicate', node: C}, NOW).effects.role?.kind,
		'follow',
		'from primary to primary',
	);
	t.is(core.submit({kind: 'replicate', node: C}, NOW).effects.role, null, 'the same again changes nothing');
});

test('a node with keys does not replicate another', (t) => {
	const core = restoredCore(WITHOUT_SLOTS, {}, new Map([[1, 1]]));
	t.deepEqual(core.submit({kind: 'replicate', node: B}, NOW).outcome, {
		ok: false,
		error: 'ERR To set a master the node must be empty and without assigned slots.',
	});
});

test('a restored replica is told whom to follow when it starts, and again when that one has another address', (t) => {
	const core = restoredCore(ON_REPLICA);
	const {role, connects} = core.start(NOW);
	t.deepEqual(role, {kind: 'follow', host: '127.0.0.1', port: 21_722, node: B as never});
	t.is(core.tick(NOW + 100).role, null);
	const link = core.linkAccepted('127.0.0.1', '127.0.0.1', NOW);
	const primary = core.view.nodes.get(B as never)!;
	const header = {
		sender: primary.id,
		flags: primary.flags,
		currentEpoch: 3,
		configEpoch: 2,
		replicationOffset: 0,
		slots: core.view.slotsOf(primary),
		primary: null,
		host: '127.0.0.1',
		port: 21_799,
		busPort: 31_799,
		hostname: '',
		shardId: B,
		ok: true,
		pausedFor: null,
	};
	const moved = core.receive(link, {type: 'ping', header, gossip: []}, NOW + 200);
	t.deepEqual(moved.role, {kind: 'follow', host: '127.0.0.1', port: 21_799, node: B as never});
	t.is(core.view.myself.shardId, B);
	t.true(connects.length > 0);
});

test('a restored primary is told nothing: it leads', (t) => {
	t.is(restoredCore().start(NOW).role, null);
});

test('cluster-replica-no-failover is said from the start, whatever nodes.conf says', (t) => {
	const core = restoredCore(ON_REPLICA, {replicaNoFailover: true});
	core.start(NOW);
	t.regex(core.nodesConf(), / myself,slave,nofailover /);
	const other = restoredCore(core.nodesConf());
	other.start(NOW);
	t.regex(other.nodesConf(), / myself,slave /);
});

test('a replica whose primary is not known cannot fail over', (t) => {
	const core = restoredCore(ON_REPLICA.replace(`myself,slave ${B}`, 'myself,slave -'));
	t.deepEqual(core.submit({kind: 'failover', mode: 'takeover'}, NOW).outcome, {
		ok: false,
		error: "ERR I'm a replica but my master is unknown to me",
	});
});

test('a replica whose primary is not linked needs force', (t) => {
	const core = restoredCore(ON_REPLICA);
	core.start(NOW);
	t.deepEqual(core.submit({kind: 'failover', mode: 'default'}, NOW).outcome, {
		ok: false,
		error: 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE',
	});
	t.true(core.submit({kind: 'failover', mode: 'force'}, NOW).outcome.ok);
});

test('a takeover is durable before anything of it leaves', (t) => {
	const core = restoredCore(ON_REPLICA);
	core.start(NOW);
	const {effects} = core.submit({kind: 'failover', mode: 'takeover'}, NOW);
	t.is(effects.config, 'durable');
	t.true(effects.slotTableDirty);
	t.deepEqual(effects.role, {kind: 'lead'});
	t.is(core.view.myself.slotCount, 5462);
});

test('a replica that is reset leads and is empty', (t) => {
	const core = restoredCore(ON_REPLICA);
	core.start(NOW);
	const {effects} = core.submit({kind: 'reset', hard: true}, NOW);
	t.deepEqual(effects.role, {kind: 'lead'});
	t.true(effects.events.some((event) => event.kind === 'reset' && event.hard));
});

test('a replica refuses SETSLOT and FORGET of its primary, and may be reset', (t) => {
	const core = restoredCore(ON_REPLICA, {}, new Map([[1, 1]]));
	t.deepEqual(core.submit({kind: 'set-slot-stable', slot: 5}, NOW).outcome, {
		ok: false,
		error: 'ERR Please use SETSLOT only with masters.',
	});
	t.deepEqual(core.submit({kind: 'forget', node: B}, NOW).outcome, {
		ok: false,
		error: "ERR Can't forget my master!",
	});
	const {outcome, effects} = core.submit({kind: 'reset', hard: false}, NOW);
	t.true(outcome.ok);
	t.is(core.view.myself.primary, null);
	t.is(core.view.nodes.size, 1);
	t.deepEqual(effects.events.at(-1), {kind: 'reset', hard: false});
});

test('an epoch that a node gives itself is durable before anything leaves', (t) => {
	const core = restoredCore();
	t.is(core.submit({kind: 'bump-epoch'}, NOW).effects.config, 'durable');
	t.is(core.submit(del([0, 0]), NOW).effects.config, 'write');
	t.is(core.submit({kind: 'save-config'}, NOW).effects.config, 'durable');
});

test('changed slots are announced to everybody in the same step, by one message', (t) => {
	const sim = new Simulation({nodes: 4, seed: 1});
	sim.form(3);
	sim.run(100);
	const {core} = sim.node(1);
	const {effects} = core.submit(del([0, 0]), sim.now);
	t.true(effects.slotTableDirty);
	t.is(effects.sends.length, 3);
	t.is(new Set(effects.sends.map(({message}) => message)).size, 1);
	t.is(effects.sends[0]?.message.type, 'pong');
});
