/** Cluster Specification, "Hash slots configuration propagation", "Configuration epoch", "Live reconfiguration". */

import test from 'ava';
import {disagreement} from '../../src/sim/invariants.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {Simulation} from '../../src/sim/simulation.ts';

const formed = (nodes: number): Simulation => {
	const sim = new Simulation({nodes, seed: 1, config: {nodeTimeoutMs: 1000}});
	sim.form();
	sim.run(1500);
	return sim;
};

const ownerSeenBy = (node: SimNode, slot: number): string | undefined => node.core.view.owner(slot)?.id;
const idOf = (node: SimNode): string => node.core.view.myself.id;

test('rule 1: a slot without an owner goes to the primary that claims it', (t) => {
	const sim = new Simulation({nodes: 3, seed: 1});
	for (const number of [2, 3]) {
		const {host, port, busPort} = sim.node(number);
		sim.node(1).submit({kind: 'meet', host, port, busPort});
	}
	sim.run(50);
	sim.node(2).submit({kind: 'add-slots', ranges: [[7, 9]]});
	sim.run(3);
	for (const node of sim.nodes) t.is(ownerSeenBy(node, 8), idOf(sim.node(2)));
});

test('rule 2: the claim with the higher configEpoch wins', (t) => {
	const sim = formed(3);
	// n3 takes slot 0 of n1 by force; its epoch is higher.
	sim.node(3).submit({kind: 'delete-slots', ranges: [[0, 0]]});
	sim.node(3).submit({kind: 'add-slots', ranges: [[0, 0]]});
	sim.run(10);
	for (const node of sim.nodes) t.is(ownerSeenBy(node, 0), idOf(sim.node(3)));
});

test('a claim with a lower configEpoch does not last', (t) => {
	const sim = formed(3);
	const slot = 16_383;
	sim.node(1).submit({kind: 'delete-slots', ranges: [[slot, slot]]});
	sim.node(1).submit({kind: 'add-slots', ranges: [[slot, slot]]});
	t.is(ownerSeenBy(sim.node(1), slot), idOf(sim.node(1)));
	sim.run(3000);
	for (const node of sim.nodes) t.is(ownerSeenBy(node, slot), idOf(sim.node(3)));
});

test('the target of a slot move takes an epoch higher than any it knows', (t) => {
	const sim = formed(3);
	sim.node(1).submit({kind: 'set-slot-importing', slot: 16_000, from: idOf(sim.node(3))});
	sim.node(1).submit({kind: 'set-slot-node', slot: 16_000, owner: idOf(sim.node(1))});
	t.is(sim.node(1).core.view.myself.configEpoch, 4);
	sim.run(10);
	for (const node of sim.nodes) {
		t.is(ownerSeenBy(node, 16_000), idOf(sim.node(1)));
		t.is(node.core.view.currentEpoch, 4);
	}
});

test('currentEpoch is the highest epoch that anybody has seen', (t) => {
	const sim = formed(4);
	t.deepEqual(sim.node(2).submit({kind: 'bump-epoch'}), {ok: true, reply: 'BUMPED 5'});
	t.deepEqual(sim.node(2).submit({kind: 'bump-epoch'}), {ok: true, reply: 'STILL 5'});
	sim.run(10);
	for (const {core} of sim.nodes) t.is(core.view.currentEpoch, 5);
});

test('primaries with the same configEpoch end up with different ones, however many they are', (t) => {
	const sim = new Simulation({nodes: 9, seed: 3});
	const share = Math.floor(16_384 / 9);
	for (const [index, node] of sim.nodes.entries()) {
		node.submit({
			kind: 'add-slots',
			ranges: [[index * share, index === 8 ? 16_383 : (index + 1) * share - 1]],
		});
		if (index > 0)
			sim.node(1).submit({kind: 'meet', host: node.host, port: node.port, busPort: node.busPort});
	}
	sim.run(5000);
	t.is(disagreement(sim.nodes), null);
	t.is(new Set(sim.nodes.map(({core}) => core.view.myself.configEpoch)).size, 9);
});

test('a slot this node imports is not taken from it by gossip', (t) => {
	const sim = formed(3);
	const [one, two, three] = sim.nodes;
	two!.submit({kind: 'set-slot-importing', slot: 0, from: idOf(one!)});
	three!.submit({kind: 'delete-slots', ranges: [[0, 0]]});
	three!.submit({kind: 'add-slots', ranges: [[0, 0]]});
	sim.run(10);
	t.is(ownerSeenBy(one!, 0), idOf(three!));
	t.is(ownerSeenBy(two!, 0), idOf(one!));
});

test('the keys of slots that were lost to a newer claim are given up', (t) => {
	const sim = formed(3);
	sim.node(1).data.keys.set(0, 5).set(1, 1);
	sim.node(3).submit({kind: 'delete-slots', ranges: [[0, 0]]});
	sim.node(3).submit({kind: 'add-slots', ranges: [[0, 0]]});
	sim.run(10);
	t.deepEqual([...sim.node(1).data.keys], [[1, 1]]);
});
