/** The routing table of the Cluster Specification (S10-S18), line by line. */

import test from 'ava';
import type {ClusterConfig} from '../../src/cluster/config.ts';
import type {ClusterCore} from '../../src/cluster/core.ts';
import {RouteFlags, Verdict} from '../../src/cluster/routing.ts';
import {A, B, NODES_CONF, NOW, restoredCore} from '../helpers/restored-core.ts';

const {WRITE, READONLY_CLIENT, ASKING, MIGRATE, SHARDED_PUBSUB} = RouteFlags;
const {SERVE, MOVED, ASK, TRYAGAIN, UNBOUND, DOWN, DOWN_READS_ONLY, CHECK_KEYS} = Verdict;

/** A core whose cluster is up: its writable delay is over. */
const up = (text = NODES_CONF, config: Partial<ClusterConfig> = {}): ClusterCore => {
	const core = restoredCore(text, config);
	core.tick(NOW + 3000);
	return core;
};

// Slot 5 migrates to B, slot 6000 is imported from B, myself is A.
const OPEN = NODES_CONF.replace('[5->-', `[6000-<-${B}] [5->-`);

const routed = test.macro({
	exec(t, make: () => ClusterCore, slot: number, flags: number, expected: Verdict) {
		t.is(make().route(slot, flags), expected);
	},
	title: (name) => `route: ${name ?? ''}`,
});

test('own slot', routed, () => up(), 100, WRITE, SERVE);
test('slot of another', routed, () => up(), 6000, 0, MOVED);
test('slot of another, ASKING without import', routed, () => up(), 6000, ASKING, MOVED);
test(
	'slot of nobody',
	routed,
	() => up(NODES_CONF.replace('0-5460', '0-99'), {requireFullCoverage: false}),
	200,
	0,
	UNBOUND,
);
test('slot of nobody while down', routed, () => up(NODES_CONF.replace('0-5460', '0-99')), 200, 0, UNBOUND);
test('down', routed, restoredCore, 100, 0, DOWN);
test('down, slot of another', routed, restoredCore, 6000, 0, DOWN);

const readsWhenDown = (): ClusterCore => restoredCore(undefined, {allowReadsWhenDown: true});
test('down, reads allowed, a read', routed, readsWhenDown, 100, 0, SERVE);
test('down, reads allowed, a write', routed, readsWhenDown, 100, WRITE, DOWN_READS_ONLY);
test('down, reads allowed, a read of another', routed, readsWhenDown, 6000, 0, MOVED);
test('down, sharded Pub/Sub allowed', routed, restoredCore, 100, SHARDED_PUBSUB, SERVE);
test(
	'down, sharded Pub/Sub not allowed',
	routed,
	() => restoredCore(undefined, {allowShardedPubsubWhenDown: false}),
	100,
	SHARDED_PUBSUB,
	DOWN,
);

test('migrating slot', routed, () => up(OPEN), 5, 0, CHECK_KEYS);
test('beside a migrating slot', routed, () => up(OPEN), 6, 0, SERVE);
test('migrating slot, MIGRATE', routed, () => up(OPEN), 5, MIGRATE | WRITE, SERVE);
test('migrating slot, sharded Pub/Sub', routed, () => up(OPEN), 5, SHARDED_PUBSUB, SERVE);
test('importing slot without ASKING', routed, () => up(OPEN), 6000, 0, MOVED);
test('importing slot with ASKING', routed, () => up(OPEN), 6000, ASKING, CHECK_KEYS);
test('importing slot, MIGRATE', routed, () => up(OPEN), 6000, MIGRATE, SERVE);

// The same cluster seen by the replica of B.
const REPLICA = NODES_CONF.replace('myself,master', 'master')
	.replace(' slave ', ' myself,slave ')
	.replace(/ \[.*\]/, '');
test('replica, its primary’s slot', routed, () => up(REPLICA), 6000, 0, MOVED);
test('replica, READONLY, a read', routed, () => up(REPLICA), 6000, READONLY_CLIENT, SERVE);
test('replica, READONLY, a write', routed, () => up(REPLICA), 6000, READONLY_CLIENT | WRITE, MOVED);
test('replica, READONLY, another primary’s slot', routed, () => up(REPLICA), 100, READONLY_CLIENT, MOVED);
test('replica, sharded Pub/Sub', routed, () => up(REPLICA), 6000, SHARDED_PUBSUB, SERVE);

const counted = test.macro({
	exec(t, slot: number, flags: number, keys: readonly [present: number, missing: number], expected: Verdict) {
		const [present, missing] = keys;
		t.is(up(OPEN).routeOpenSlot(slot, flags, present, missing, present + missing > 1), expected);
	},
	title: (name) => `open slot: ${name ?? ''}`,
});

test('migrating, all keys here', counted, 5, WRITE, [2, 0], SERVE);
test('migrating, all keys gone', counted, 5, WRITE, [0, 2], ASK);
test('migrating, one key gone', counted, 5, 0, [0, 1], ASK);
test('migrating, some gone', counted, 5, 0, [1, 1], TRYAGAIN);
test('importing, one key missing', counted, 6000, ASKING, [0, 1], SERVE);
test('importing, some missing', counted, 6000, ASKING, [1, 1], TRYAGAIN);
test('importing, all of several missing', counted, 6000, ASKING, [0, 2], TRYAGAIN);
test('importing, all here', counted, 6000, ASKING, [2, 0], SERVE);

test('the lines of redirections', (t) => {
	const core = up(OPEN);
	t.is(core.redirection(MOVED, 6000), 'MOVED 6000 127.0.0.1:21722');
	t.is(core.redirection(ASK, 5), 'ASK 5 127.0.0.1:21722');
	t.is(core.redirection(TRYAGAIN, 5), 'TRYAGAIN Multiple keys request during rehashing of slot');
	t.is(core.redirection(UNBOUND, 5), 'CLUSTERDOWN Hash slot not served');
	t.is(core.redirection(DOWN, 5), 'CLUSTERDOWN The cluster is down');
	t.is(
		core.redirection(DOWN_READS_ONLY, 5),
		'CLUSTERDOWN The cluster is down and only accepts read commands',
	);
	t.throws(() => core.redirection(SERVE, 5), {instanceOf: RangeError});
	t.is(core.view.myself.id as string, A);
});
