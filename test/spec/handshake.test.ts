/** Cluster Specification, "Nodes handshake", "Cluster topology". */

import test from 'ava';
import {NodeFlags} from '../../src/cluster/state.ts';
import {disagreement} from '../../src/sim/invariants.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {Simulation} from '../../src/sim/simulation.ts';

const knows = (node: SimNode, other: SimNode): boolean => node.core.view.nodes.has(other.core.view.myself.id);

const meet = (node: SimNode, other: SimNode): void => {
	node.submit({kind: 'meet', host: other.host, port: other.port, busPort: other.busPort});
};

test('a node accepts another that presents itself with a MEET message', (t) => {
	const sim = new Simulation({nodes: 2, seed: 1});
	meet(sim.node(1), sim.node(2));
	sim.run(20);
	t.true(knows(sim.node(1), sim.node(2)));
	t.true(knows(sim.node(2), sim.node(1)));
});

test('a node registers another when a node it trusts gossips about it', (t) => {
	const sim = new Simulation({nodes: 3, seed: 1});
	meet(sim.node(1), sim.node(2));
	meet(sim.node(2), sim.node(3));
	sim.run(20);
	t.true(knows(sim.node(1), sim.node(3)));
	t.true(knows(sim.node(3), sim.node(1)));
});

test('a chain of meetings makes a full mesh, whatever its order', (t) => {
	for (let seed = 1; seed <= 20; seed++) {
		const sim = new Simulation({nodes: 8, seed});
		sim.network.faults.maxDelayMs = 30;
		for (const from of sim.random.shuffle([1, 2, 3, 4, 5, 6, 7])) {
			meet(sim.node(from), sim.node(from + 1));
			sim.run(sim.random.below(40));
		}
		sim.run(4000);
		for (const node of sim.nodes) t.is(node.core.view.nodes.size, 8, `${node.name}, seed ${seed}`);
	}
});

test('a PING from an unknown node is answered but makes it no member', (t) => {
	const sim = new Simulation({nodes: 2, seed: 1});
	meet(sim.node(1), sim.node(2));
	sim.run(20);
	sim.node(2).submit({kind: 'forget', node: sim.node(1).core.view.myself.id});
	const pongsBefore = sim.node(2).core.view.messages.sent.pong;
	sim.run(20_000);
	t.true(sim.node(2).core.view.messages.sent.pong > pongsBefore);
	t.false(knows(sim.node(2), sim.node(1)));
});

test('two clusters do not mix because an address was used by the other before', (t) => {
	const sim = new Simulation({nodes: 4, seed: 1});
	meet(sim.node(1), sim.node(2));
	meet(sim.node(3), sim.node(4));
	sim.run(50);
	// The node at n2's address is another one now: a new id, no memory.
	sim.node(2).submit({kind: 'reset', hard: true});
	sim.run(40_000);
	const stale = [...sim.node(1).core.view.nodes.values()].filter(
		({flags}) => (flags & NodeFlags.NOADDR) !== 0,
	);
	t.is(stale.length, 1);
	t.is(sim.node(2).core.view.nodes.size, 1);
	t.is(sim.node(3).core.view.nodes.size, 2);
});

test('a node that meets itself knows one node', (t) => {
	const sim = new Simulation({nodes: 1, seed: 1});
	meet(sim.node(1), sim.node(1));
	sim.run(100);
	t.is(sim.node(1).core.view.nodes.size, 1);
});

test('every node opens a link to every other', (t) => {
	const sim = new Simulation({nodes: 5, seed: 1});
	sim.form();
	sim.run(8000);
	for (const {core} of sim.nodes) {
		for (const node of core.view.nodes.values()) {
			if (node === core.view.myself) continue;
			t.true(node.outbound?.isOpen);
			t.true(node.inbound?.isOpen);
		}
	}
});

for (const [manner, pairs] of [
	['one meets all', (n: number) => Array.from({length: n - 1}, (_, index) => [1, index + 2] as const)],
	['all meet one', (n: number) => Array.from({length: n - 1}, (_, index) => [index + 2, 1] as const)],
] as const) {
	for (const count of [2, 6, 50]) {
		test(`${count} fresh nodes agree within ten message delays when ${manner}`, (t) => {
			const sim = new Simulation({nodes: count, seed: count, hasDisk: false});
			for (const [index, node] of sim.nodes.entries()) {
				node.submit({kind: 'set-config-epoch', epoch: index + 1});
				const first = Math.round((index * 16_384) / count);
				node.submit({kind: 'add-slots', ranges: [[first, Math.round(((index + 1) * 16_384) / count) - 1]]});
			}
			for (const [from, to] of pairs(count)) meet(sim.node(from), sim.node(to));
			const tookMs = sim.runUntil(() => disagreement(sim.nodes) === null, 1000);
			t.true(tookMs !== null && tookMs <= 10, `took ${tookMs} ms`);
		});
	}
}
