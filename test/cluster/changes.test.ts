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

test('a replica refuses SETSLOT and FORGET of its primary, and may be reset', (t) => {
	const text = NODES_CONF.replace('myself,master', 'master')
		.replace(' slave ', ' myself,slave ')
		.replace(/ \[.*\]/, '');
	const core = restoredCore(text, {}, new Map([[1, 1]]));
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
