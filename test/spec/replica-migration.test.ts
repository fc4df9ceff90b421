/** Cluster Specification, "Replica migration"; S72, S73. */

import test from 'ava';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {idOf, replicated} from '../helpers/sim-replicas.ts';

const primaryOf = ({core}: SimNode): string | undefined => core.view.myself.primary?.id;

test('an orphaned primary gets a replica of the primary that has most, after five seconds: that with the smallest id', (t) => {
	const {sim, logs} = replicated(3, [1, 2, 3, 3]);
	sim.node(4).kill();
	sim.run(6000);
	t.is(primaryOf(sim.node(6)), idOf(sim.node(3)));
	sim.run(2000);
	t.is(primaryOf(sim.node(6)), idOf(sim.node(1)));
	t.is(primaryOf(sim.node(7)), idOf(sim.node(3)));
	t.deepEqual(
		logs.filter(({text}) => text.startsWith('Migrating')).map(({node, text}) => [node.name, text]),
		[['n6', `Migrating to orphaned master ${idOf(sim.node(1))}`]],
	);
	t.true(sim.node(6).data.isPrimaryLinkUp());
});

test('a failed replica is nobody who could move', (t) => {
	const {sim} = replicated(3, [1, 3, 3, 3]);
	sim.node(5).kill();
	sim.node(4).kill();
	sim.run(10_000);
	t.is(primaryOf(sim.node(6)), idOf(sim.node(1)));
	t.is(primaryOf(sim.node(7)), idOf(sim.node(3)));
});

test('a primary keeps as many working replicas as the barrier says', (t) => {
	const {sim} = replicated(3, [1, 3, 3], {migrationBarrier: 2});
	sim.node(4).kill();
	sim.run(20_000);
	t.is(primaryOf(sim.node(5)), idOf(sim.node(3)));
	t.is(primaryOf(sim.node(6)), idOf(sim.node(3)));
});

test('with cluster-allow-replica-migration no a replica stays', (t) => {
	const {sim} = replicated(3, [1, 3, 3], {allowReplicaMigration: false});
	sim.node(4).kill();
	sim.run(20_000);
	t.is(primaryOf(sim.node(5)), idOf(sim.node(3)));
});

test('a primary that never had a replica gets none, unless it took over from one that had', (t) => {
	const {sim} = replicated(3, [3, 3, 3]);
	sim.run(20_000);
	t.deepEqual(
		[4, 5, 6].map((number) => primaryOf(sim.node(number))),
		Array.from({length: 3}, () => idOf(sim.node(3))),
	);

	const other = replicated(3, [1, 3, 3]).sim;
	other.node(1).kill();
	other.run(20_000);
	t.is(primaryOf(other.node(4)), undefined, 'n4 is a primary');
	t.is(primaryOf(other.node(5)), idOf(other.node(4)));
});

test('a primary whose replica was taken away by an operator is not orphaned', (t) => {
	const {sim} = replicated(3, [1, 3, 3]);
	sim.node(4).submit({kind: 'replicate', node: idOf(sim.node(3))});
	sim.run(20_000);
	for (const number of [4, 5, 6]) t.is(primaryOf(sim.node(number)), idOf(sim.node(3)));
});

test('a replica of a replica replicates that one’s primary', (t) => {
	const {sim} = replicated(3, [1, 1]);
	const [four, five] = [sim.node(4), sim.node(5)];
	// n5 hears nothing of the failover but from n1.
	for (const number of [2, 3, 4]) sim.network.cut('n5', `n${number}`);
	four.submit({kind: 'failover', mode: 'default'});
	sim.run(300);
	t.is(primaryOf(sim.node(1)), idOf(four));
	t.is(primaryOf(five), idOf(four));
});

for (const allowReplicaMigration of [true, false]) {
	test(`a failover is followed with cluster-allow-replica-migration ${allowReplicaMigration ? 'yes' : 'no'}`, (t) => {
		const {sim} = replicated(3, [1, 1], {allowReplicaMigration});
		sim.node(4).submit({kind: 'failover', mode: 'default'});
		sim.run(500);
		t.is(primaryOf(sim.node(1)), idOf(sim.node(4)));
		t.is(primaryOf(sim.node(5)), idOf(sim.node(4)));
	});
}
