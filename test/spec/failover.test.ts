/** Cluster Specification, "Replica election and promotion", "Replica rank"; S64, S65, S67. */

import test from 'ava';
import {hasFlag, isPrimary, NodeFlags} from '../../src/cluster/state.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {headerOf} from '../helpers/sim-header.ts';
import {idOf, replicated, sees, type Stage, TIMEOUT_MS} from '../helpers/sim-replicas.ts';

const leads = ({core}: SimNode): boolean => isPrimary(core.view.myself);

const timeOf = ({events}: Stage, node: SimNode, kind: string): number =>
	events.find((each) => each.node === node && each.event.kind === kind)!.at;

const delayOf = ({logs}: Stage, node: SimNode): number =>
	Number(
		logs
			.filter((line) => line.node === node)
			.map(({text}) => /delayed for (\d+)/.exec(text)?.[1])
			.find(Boolean),
	);

test('a replica starts its election 500 to 1000 ms after it learnt of the failure', (t) => {
	for (let seed = 1; seed <= 20; seed++) {
		const stage = replicated(3, [1], {}, seed);
		const {sim} = stage;
		const replica = sim.node(4);
		sim.node(1).kill();
		t.not(
			sim.runUntil(() => leads(replica), 10_000),
			null,
		);
		const waitedMs = timeOf(stage, replica, 'election-started') - timeOf(stage, replica, 'node-failed');
		t.true(waitedMs >= 500 && waitedMs <= 1100, `${waitedMs} ms`);
	}
});

test('each replica with newer data delays the election by a second', (t) => {
	const stage = replicated(3, [1, 1, 1]);
	const {sim} = stage;
	const [four, five, six] = [sim.node(4), sim.node(5), sim.node(6)];
	four.data.stream = 'held';
	sim.node(1).data.write(10);
	sim.run(100);
	five.data.stream = 'held';
	sim.node(1).data.write(10);
	sim.run(1000);
	sim.node(1).kill();
	sim.runUntil(() => leads(six), 10_000);
	t.true(leads(six));
	t.deepEqual(
		[four, five, six].map((node) => Math.floor((delayOf(stage, node) - 500) / 1000)),
		[2, 1, 0],
	);
});

test('a rank that turns out higher while the replica waits adds its delay', (t) => {
	const {sim, logs} = replicated(3, [1, 1]);
	const [four, five] = [sim.node(4), sim.node(5)];
	sim.node(1).kill();
	t.not(
		sim.runUntil(
			() => logs.some(({node, text}) => node === four && text.startsWith('Start of election')),
			10_000,
		),
		null,
	);
	sim.run(10);
	const link = sees(four, five).inbound!.id;
	four.received(link, {type: 'pong', header: headerOf(five, {replicationOffset: 999}), gossip: []});
	sim.run(150);
	t.true(logs.some(({text}) => text === 'Replica rank updated to #1, added 1000 milliseconds of delay.'));
	t.not(
		sim.runUntil(() => leads(five), 10_000),
		null,
	);
	t.false(leads(four));
});

test('replicas that are not to fail over are not counted for the rank', (t) => {
	const stage = replicated(3, [1, 1]);
	const {sim} = stage;
	sim.node(5).reconfigure({replicaNoFailover: true});
	sim.node(4).data.stream = 'held';
	sim.node(1).data.write(10);
	sim.run(2000);
	sim.node(1).kill();
	sim.runUntil(() => leads(sim.node(4)), 10_000);
	t.true(leads(sim.node(4)));
	t.true(delayOf(stage, sim.node(4)) < 1000);
});

test('siblings are told the offset as soon as the failure is known', (t) => {
	const {sim} = replicated(3, [1, 1]);
	const [four, five] = [sim.node(4), sim.node(5)];
	sim.node(1).data.write(77);
	sim.run(20);
	sim.node(1).kill();
	t.not(
		sim.runUntil(() => hasFlag(sees(four, sim.node(1)), NodeFlags.FAIL), 10_000),
		null,
	);
	sim.run(5);
	t.is(sees(four, five).replicationOffset, 77);
	t.is(sees(five, four).replicationOffset, 77);
});

test('a primary without slots is not replaced', (t) => {
	const {sim} = replicated(3, []);
	const empty = sim.addNode();
	sim.node(1).submit({kind: 'meet', host: empty.host, port: empty.port, busPort: empty.busPort});
	const replica = sim.addNode();
	sim.node(1).submit({kind: 'meet', host: replica.host, port: replica.port, busPort: replica.busPort});
	sim.run(1000);
	replica.submit({kind: 'replicate', node: idOf(empty)});
	sim.run(1000);
	empty.kill();
	sim.run(10 * TIMEOUT_MS);
	t.true(hasFlag(sees(replica, empty), NodeFlags.FAIL));
	t.false(leads(replica));
});

test('the winner has the epoch of its election, the highest of all, durable before anybody hears of it', (t) => {
	const {sim, events} = replicated(3, [1]);
	const replica = sim.node(4);
	sim.node(1).kill();
	t.not(
		sim.runUntil(() => leads(replica), 10_000),
		null,
	);
	const {view} = replica.core;
	const promoted = events.find(({event}) => event.kind === 'promoted')!.event;
	t.deepEqual(promoted, {kind: 'promoted', epoch: view.myself.configEpoch, elected: true});
	t.is(view.myself.configEpoch, view.currentEpoch);
	t.is(view.myself.slotCount, 5461);
	replica.kill();
	t.regex(replica.disk, new RegExp(`myself,master - \\d+ \\d+ ${view.myself.configEpoch} connected 0-5460`));
});

test('who asked for votes and dies does not ask for that epoch again', (t) => {
	const {sim, events} = replicated(3, [1]);
	const replica = sim.node(4);
	for (const number of [2, 3]) sim.network.cutOneWay(`n${number}`, 'n4');
	sim.node(1).kill();
	// The failure is told to the replica by hand: nothing else reaches it.
	const link = sees(replica, sim.node(2)).inbound!.id;
	replica.received(link, {
		type: 'fail',
		header: headerOf(sim.node(2)),
		about: sim.node(1).core.view.myself.id,
	});
	t.not(
		sim.runUntil(() => events.some(({event}) => event.kind === 'election-started'), 10_000),
		null,
	);
	const epoch = replica.core.view.currentEpoch;
	replica.kill();
	replica.restart();
	t.is(replica.core.view.currentEpoch, epoch);
});

test('an attempt without a majority is given up and tried again in a newer epoch', (t) => {
	const {sim, events} = replicated(5, [1]);
	const replica = sim.node(6);
	sim.node(1).kill();
	t.not(
		sim.runUntil(() => events.some(({event}) => event.kind === 'node-failed'), 10_000),
		null,
	);
	sim.run(100);
	// Two of five voters hear it, three would be needed.
	for (const number of [3, 4, 5]) sim.network.cutOneWay('n6', `n${number}`);
	sim.run(3000);
	t.false(leads(replica));
	sim.network.heal();
	t.not(
		sim.runUntil(() => leads(replica), 20_000),
		null,
	);
	const epochs = events.flatMap(({event}) => (event.kind === 'election-started' ? [event.epoch] : []));
	t.is(epochs.length, 2);
	t.true(epochs[1]! > epochs[0]!);
	const times = events.filter(({event}) => event.kind === 'election-started').map(({at}) => at);
	t.true(times[1]! - times[0]! >= 4000, 'after max(4 node timeouts, 4 s)');
});

test('votes for another epoch, and of those who may not vote, do not count', (t) => {
	const {sim, events} = replicated(5, [1, 2]);
	const replica = sim.node(6);
	sim.node(1).kill();
	t.not(
		sim.runUntil(() => events.some(({event}) => event.kind === 'node-failed'), 10_000),
		null,
	);
	sim.run(100);
	for (const number of [2, 3, 4, 5]) sim.network.cutOneWay('n6', `n${number}`);
	t.not(
		sim.runUntil(() => events.some(({event}) => event.kind === 'election-started'), 10_000),
		null,
	);
	const {currentEpoch} = replica.core.view;
	const vote = (by: number, epoch: number): void => {
		const voter = sim.node(by);
		const {inbound, outbound} = sees(replica, voter);
		replica.received((inbound ?? outbound)!.id, {
			type: 'auth-ack',
			header: headerOf(voter, {currentEpoch: epoch}),
		});
	};
	for (const by of [2, 3, 4, 5]) vote(by, currentEpoch - 1);
	for (const by of [7, 7, 2, 2, 3, 3]) vote(by, currentEpoch);
	t.false(leads(replica), 'a replica and two voters, each heard twice, are no majority of five');
	vote(4, currentEpoch);
	t.true(leads(replica));
});

test('the replicas of the failed primary follow the winner, and the primary itself when it is back', (t) => {
	const {sim} = replicated(3, [1, 1]);
	const [one, four, five] = [sim.node(1), sim.node(4), sim.node(5)];
	one.kill();
	t.not(
		sim.runUntil(() => leads(four) || leads(five), 10_000),
		null,
	);
	const [winner, other] = leads(four) ? [four, five] : [five, four];
	sim.run(100);
	t.is(other.core.view.myself.primary?.id as string, idOf(winner));
	one.restart();
	sim.run(1000);
	t.is(one.core.view.myself.primary?.id as string, idOf(winner));
	t.is(one.core.view.myself.slotCount, 0);
	t.true(one.data.isPrimaryLinkUp());
	t.is(
		new Set(
			sim.nodes
				.slice(3)
				.concat(one)
				.map(({core}) => core.view.myself.shardId),
		).size,
		1,
	);
});

test('a failover needs no longer than failure detection, the delay and two ticks', (t) => {
	for (const nodeTimeoutMs of [500, 1000, 5000]) {
		const times: number[] = [];
		for (let seed = 1; seed <= 9; seed++) {
			const {sim} = replicated(3, [1, 2, 3], {nodeTimeoutMs}, seed);
			sim.node(1).kill();
			times.push(sim.runUntil(() => leads(sim.node(4)), 30_000)!);
		}
		times.sort((a, b) => a - b);
		t.log(`node timeout ${nodeTimeoutMs} ms: median ${times[4]} ms, ${times[0]} to ${times[8]}`);
		// A ping is due after half the node timeout, and has the node timeout to be answered.
		t.true(times[8]! <= 1.5 * nodeTimeoutMs + 1000 + 400, String(times));
	}
});
