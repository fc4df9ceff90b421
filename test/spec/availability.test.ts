/** Cluster Specification, "Availability", "Write safety"; S70. */

import test from 'ava';
import {NodeFlags} from '../../src/cluster/state.ts';
import {Simulation} from '../../src/sim/simulation.ts';

const formed = (nodes: number, nodeTimeoutMs = 1000, primaries = nodes): Simulation => {
	const sim = new Simulation({nodes, seed: 2, config: {nodeTimeoutMs}});
	sim.form(primaries);
	sim.run(3000);
	return sim;
};

const states = (sim: Simulation): boolean[] => sim.aliveNodes.map(({core}) => core.view.isOk);

test('a cluster without one of its slots is down', (t) => {
	const sim = formed(3);
	sim.node(2).submit({kind: 'delete-slots', ranges: [[6000, 6000]]});
	t.false(sim.node(2).core.view.isOk);
});

test('with partial coverage allowed it serves the other slots', (t) => {
	const sim = formed(3);
	for (const node of sim.nodes) node.reconfigure({requireFullCoverage: false});
	sim.node(3).kill();
	sim.run(5000);
	t.deepEqual(states(sim), [true, true]);
});

test('the minority side of a partition is down after the node timeout, whatever slots it still sees', (t) => {
	const sim = formed(5);
	for (const node of sim.nodes) node.reconfigure({requireFullCoverage: false});
	sim.partition([sim.nodes.slice(0, 2), sim.nodes.slice(2)]);
	sim.run(900);
	t.deepEqual(states(sim), [true, true, true, true, true]);
	sim.run(1000);
	t.deepEqual(states(sim), [false, false, true, true, true]);
});

for (const [nodeTimeoutMs, delayMs] of [
	[200, 500],
	[1000, 1000],
	[15_000, 5000],
] as const) {
	test(`with a node timeout of ${nodeTimeoutMs} ms a primary waits ${delayMs} ms after it rejoined the majority`, (t) => {
		const sim = formed(3, nodeTimeoutMs);
		sim.partition([sim.nodes.slice(0, 1), sim.nodes.slice(1)]);
		t.not(
			sim.runUntil(() => !sim.node(1).core.view.isOk, 3 * nodeTimeoutMs),
			null,
		);
		sim.network.heal();
		const reachedAfter = sim.runUntil(
			() =>
				[...sim.node(1).core.view.nodes.values()].filter(({flags}) => (flags & NodeFlags.PFAIL) === 0)
					.length > 1,
			20_000,
		);
		t.not(reachedAfter, null);
		const waitedMs = sim.runUntil(() => sim.node(1).core.view.isOk, 10_000)!;
		t.true(waitedMs >= delayMs - 100 && waitedMs <= delayMs + 300, `waited ${waitedMs} ms`);
	});
}

test('a fresh node serves as soon as it knows the cluster, a restarted primary after two seconds', (t) => {
	const sim = new Simulation({nodes: 3, seed: 2});
	sim.form();
	t.true(sim.runUntil(() => states(sim).every(Boolean), 1000)! < 20);
	sim.node(1).kill();
	sim.node(1).restart();
	const waitedMs = sim.runUntil(() => sim.node(1).core.view.isOk, 5000)!;
	t.true(waitedMs >= 2000 && waitedMs <= 2100, `waited ${waitedMs} ms`);
});

test('a node that loses the others alone does not come back by waiting', (t) => {
	const sim = formed(3);
	sim.partition([sim.nodes.slice(0, 1), sim.nodes.slice(1)]);
	sim.run(60_000);
	t.false(sim.node(1).core.view.isOk);
});
