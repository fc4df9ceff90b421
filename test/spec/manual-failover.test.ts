/** Cluster Specification, "Manual failover"; S37, S71. */

import test from 'ava';
import {isPrimary} from '../../src/cluster/state.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {headerOf} from '../helpers/sim-header.ts';
import {idOf, replicated, sees} from '../helpers/sim-replicas.ts';

const leads = ({core}: SimNode): boolean => isPrimary(core.view.myself);

test('no write of the primary is lost, and the roles are changed within a few message delays', (t) => {
	const {sim} = replicated(3, [1]);
	const [one, four] = [sim.node(1), sim.node(4)];
	one.data.write(1000);
	four.submit({kind: 'failover', mode: 'default'});
	const tookMs = sim.runUntil(() => leads(four) && !leads(one), 1000)!;
	t.true(tookMs < 30, `${tookMs} ms`);
	t.is(four.data.replicationOffset(), 1000);
	sim.run(200);
	t.true(one.data.isPrimaryLinkUp());
	t.false(one.data.isPaused);
});

test('the primary takes no write from the moment it is asked until it is a replica', (t) => {
	const {sim} = replicated(3, [1]);
	const [one, four] = [sim.node(1), sim.node(4)];
	four.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(10);
	t.false(one.data.write(10));
	t.true(four.core.view.awaitsOffset);
	four.data.stream = 'runs';
	t.not(
		sim.runUntil(() => !leads(one), 1000),
		null,
	);
	t.is(four.data.replicationOffset(), 10);
	t.false(four.core.view.awaitsOffset);
});

test('it does not wait for a tick when the data is complete', (t) => {
	const {sim, events} = replicated(3, [1]);
	const [one, four] = [sim.node(1), sim.node(4)];
	four.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(300);
	four.data.stream = 'runs';
	t.not(
		sim.runUntil(() => four.data.replicationOffset() === 10, 100),
		null,
	);
	t.true(events.some(({event}) => event.kind === 'election-started'));
});

test('it ends after five seconds on both sides, and writes go on', (t) => {
	const {sim, logs} = replicated(3, [1]);
	const [one, four] = [sim.node(1), sim.node(4)];
	four.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(4900);
	t.true(one.data.isPaused);
	sim.run(300);
	t.false(one.data.isPaused);
	t.false(four.core.view.awaitsOffset);
	t.deepEqual(
		logs.filter(({text}) => text === 'Manual failover timed out.').map(({node}) => node.name),
		['n4', 'n1'],
	);
	four.data.stream = 'runs';
	sim.run(2000);
	t.true(leads(one));
});

test('the offset that a primary told for another replica’s failover does not count', (t) => {
	const {sim} = replicated(3, [1, 1]);
	const [one, four, five] = [sim.node(1), sim.node(4), sim.node(5)];
	four.data.stream = 'held';
	five.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(10);
	t.true(four.core.view.awaitsOffset);
	sim.network.cutOneWay('n5', 'n1');
	five.submit({kind: 'failover', mode: 'default'});
	const pausedFor = four.core.view.myself.id;
	const header = headerOf(one, {pausedFor, replicationOffset: 0});
	five.received(sees(five, one).inbound!.id, {type: 'pong', header, gossip: []});
	t.false(five.core.view.awaitsOffset);
	t.false(leads(five));
});

test('asked for again, it starts anew', (t) => {
	const {sim, logs} = replicated(3, [1]);
	const [one, four] = [sim.node(1), sim.node(4)];
	four.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(3000);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(3000);
	t.true(one.data.isPaused);
	four.data.stream = 'runs';
	sim.run(50);
	t.true(leads(four));
	t.false(logs.some(({text}) => text === 'Manual failover timed out.'));
});

test('forced, it needs the majority but not the primary, whatever the age of the data', (t) => {
	const {sim} = replicated(3, [1], {replicaValidityFactor: 1, replicaPingPeriodMs: 0});
	const four = sim.node(4);
	four.data.stream = 'cut';
	sim.run(10_000);
	sim.node(1).kill();
	sim.run(10_000);
	t.false(leads(four));
	t.deepEqual(four.submit({kind: 'failover', mode: 'default'}), {
		ok: false,
		error: 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE',
	});
	t.true(four.submit({kind: 'failover', mode: 'force'}).ok);
	sim.run(20);
	t.true(leads(four));
});

test('a takeover needs nobody, and its epoch is the highest that this node knows', (t) => {
	const {sim, events} = replicated(3, [1]);
	const four = sim.node(4);
	sim.partition([[four], sim.nodes.slice(0, 3)]);
	sim.run(3000);
	const before = four.core.view.currentEpoch;
	t.true(four.submit({kind: 'failover', mode: 'takeover'}).ok);
	t.true(leads(four));
	t.is(four.core.view.myself.configEpoch, before + 1);
	t.deepEqual(events.find(({event}) => event.kind === 'promoted')?.event, {
		kind: 'promoted',
		epoch: before + 1,
		elected: false,
	});
	sim.network.heal();
	sim.run(3000);
	t.is(sim.node(1).core.view.myself.primary?.id as string, idOf(four));
});

test('a takeover by a replica that restarted does not share its primary’s epoch', (t) => {
	const {sim} = replicated(3, [3]);
	const four = sim.node(4);
	four.kill();
	four.restart();
	sim.run(1000);
	four.submit({kind: 'failover', mode: 'takeover'});
	t.true(four.core.view.myself.configEpoch > sees(four, sim.node(3)).configEpoch);
});

test('a primary that is reset or replaced while it waits lets the writes go on', (t) => {
	const {sim} = replicated(3, [1, 1]);
	const [one, four, five] = [sim.node(1), sim.node(4), sim.node(5)];
	four.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(10);
	t.true(one.data.isPaused);
	five.submit({kind: 'failover', mode: 'takeover'});
	sim.run(20);
	t.false(leads(one));
	t.false(one.data.isPaused);
});

test('a replica that leaves while the primary waits for it ends the pause', (t) => {
	const {sim} = replicated(3, [1]);
	const [one, four] = [sim.node(1), sim.node(4)];
	four.data.stream = 'held';
	one.data.write(10);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(10);
	one.submit({kind: 'forget', node: idOf(four)});
	t.false(one.data.isPaused);
	t.true(leads(one));
});
