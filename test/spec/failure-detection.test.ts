/** Cluster Specification, "Failure detection". */

import test from 'ava';
import type {ClusterEvent} from '../../src/cluster/effects.ts';
import type {Header} from '../../src/cluster/messages.ts';
import {hasFlag, NodeFlags, type NodeView} from '../../src/cluster/state.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {Simulation} from '../../src/sim/simulation.ts';
import {headerOf} from '../helpers/sim-header.ts';

const TIMEOUT_MS = 1000;

interface Stage {
	readonly sim: Simulation;
	readonly events: {readonly node: SimNode; readonly event: ClusterEvent; readonly at: number}[];
}

const formed = (nodes: number, primaries = nodes): Stage => {
	const events: Stage['events'] = [];
	let sim: Simulation | null = null;
	const made = new Simulation({
		nodes,
		seed: 5,
		config: {nodeTimeoutMs: TIMEOUT_MS},
		onStep: (node, effects) => {
			for (const event of effects.events) events.push({node, event, at: sim?.elapsedMs ?? 0});
		},
	});
	sim = made;
	made.form(primaries);
	made.run(3000);
	events.length = 0;
	return {sim: made, events};
};

const sees = (node: SimNode, other: SimNode): NodeView =>
	node.core.view.nodes.get(other.core.view.myself.id)!;

test('a node flags another with PFAIL when it was not reached for longer than the node timeout', (t) => {
	const {sim, events} = formed(3);
	sim.node(3).kill();
	const killedAt = sim.elapsedMs;
	sim.run(4 * TIMEOUT_MS);
	const failing = events.filter(({event}) => event.kind === 'node-failing');
	t.is(failing.length, 2);
	for (const {at} of failing) t.true(at - killedAt > TIMEOUT_MS && at - killedAt < 1.5 * TIMEOUT_MS + 250);
});

test('a closed link alone makes nobody fail', (t) => {
	const {sim, events} = formed(3);
	const [one] = sim.nodes;
	for (let round = 0; round < 20; round++) {
		for (const link of one!.core.view.links.values()) sim.network.close(one!, link.id);
		for (const link of one!.core.view.links.keys()) one!.failed(link);
		sim.run(200);
	}
	t.deepEqual(events, []);
});

test('PFAIL becomes FAIL when the majority of primaries reported it, and everybody is told', (t) => {
	const {sim, events} = formed(5);
	sim.node(5).kill();
	sim.run(2 * TIMEOUT_MS);
	t.is(events.filter(({event}) => event.kind === 'node-failed').length, 4);
	for (const node of sim.aliveNodes) t.true(hasFlag(sees(node, sim.node(5)), NodeFlags.FAIL));
	t.false(hasFlag(sees(sim.node(1), sim.node(5)), NodeFlags.PFAIL));
});

test('the minority never holds anybody for failed', (t) => {
	const {sim} = formed(5);
	sim.partition([sim.nodes.slice(0, 2), sim.nodes.slice(2)]);
	sim.run(10 * TIMEOUT_MS);
	for (const node of sim.nodes.slice(0, 2)) {
		for (const other of sim.nodes.slice(2)) {
			t.true(hasFlag(sees(node, other), NodeFlags.PFAIL));
			t.false(hasFlag(sees(node, other), NodeFlags.FAIL));
		}
	}
});

test('the word of primaries without slots does not count', (t) => {
	// Three with slots, four without: of those with slots only n1 cannot reach n3.
	const {sim} = formed(7, 3);
	for (const number of [1, 4, 5, 6, 7]) sim.network.cut(sim.node(number).name, 'n3');
	sim.run(10 * TIMEOUT_MS);
	for (const node of sim.nodes)
		if (node.number !== 3) t.false(hasFlag(sees(node, sim.node(3)), NodeFlags.FAIL));
});

test('a report is forgotten after two node timeouts', (t) => {
	const {sim} = formed(3);
	const [, , reporter] = sim.nodes;
	sim.network.cut('n3', 'n2');
	sim.run(2 * TIMEOUT_MS);
	t.is(sees(sim.node(1), sim.node(2)).failureReports.size, 1);
	reporter!.kill();
	sim.run(TIMEOUT_MS);
	// n2 dies too, well after n3's report has aged: n1 is alone with its opinion.
	sim.run(3 * TIMEOUT_MS);
	sim.node(2).kill();
	sim.run(5 * TIMEOUT_MS);
	t.false(hasFlag(sees(sim.node(1), sim.node(2)), NodeFlags.FAIL));
});

test('FAIL of a node without slots is cleared as soon as it is reachable', (t) => {
	const {sim} = formed(4, 3);
	sim.node(4).kill();
	sim.run(3 * TIMEOUT_MS);
	t.true(hasFlag(sees(sim.node(1), sim.node(4)), NodeFlags.FAIL));
	sim.node(4).restart();
	sim.run(400);
	t.false(hasFlag(sees(sim.node(1), sim.node(4)), NodeFlags.FAIL));
});

test('FAIL of a primary with slots stays for two node timeouts although it is reachable', (t) => {
	const {sim, events} = formed(4);
	sim.node(4).kill();
	t.not(
		sim.runUntil(() => hasFlag(sees(sim.node(1), sim.node(4)), NodeFlags.FAIL), 5000),
		null,
	);
	const failedAt = sim.elapsedMs;
	sim.node(4).restart();
	sim.run(1500);
	t.true(hasFlag(sees(sim.node(1), sim.node(4)), NodeFlags.FAIL));
	sim.run(3000);
	t.false(hasFlag(sees(sim.node(1), sim.node(4)), NodeFlags.FAIL));
	const cleared = events.find(({node, event}) => node.number === 1 && event.kind === 'node-cleared');
	t.true(cleared!.at - failedAt >= 2 * TIMEOUT_MS);
});

test('a FAIL message about this node itself, or from a stranger, is ignored', (t) => {
	const {sim} = formed(3);
	const [one, two] = sim.nodes;
	const link = [...one!.core.view.links.values()].find(({direction}) => direction === 'from')!.id;
	const header = headerOf(two!, {sender: 'f'.repeat(40) as Header['sender']});
	one!.received(link, {type: 'fail', header, about: two!.core.view.myself.id});
	t.false(hasFlag(sees(one!, two!), NodeFlags.FAIL));
	one!.received(link, {type: 'fail', header: headerOf(two!), about: one!.core.view.myself.id});
	t.false(hasFlag(one!.core.view.myself, NodeFlags.FAIL));
});
