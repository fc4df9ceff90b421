/** One slot moved the classic way, where the nodes do not play along. */

import test from 'ava';
import {Connections} from '../../src/trib/connections.ts';
import {MoveError, moveSlot, type SlotEnd} from '../../src/trib/move-slot.ts';
import {hasRedisServer} from '../helpers/redis-server.ts';
import {RealCluster} from './real-cluster.ts';

const real = hasRedisServer() ? test.serial : test.serial.skip;

const endOf = ({ids, nodes}: RealCluster, i: number): SlotEnd => ({id: ids[i]!, endpoint: nodes[i]!});

real(
	'a target that is silent for longer than the time-out is tried again, and nothing is lost',
	async (t) => {
		await using cluster = await RealCluster.start(3);
		using connections = new Connections({});
		const keys = await cluster.fill(0, 1, 8);
		let batches = 0;
		const moved = await moveSlot(connections, endOf(cluster, 0), endOf(cluster, 1), 0, {
			timeoutMs: 100,
			pipeline: 4,
			others: cluster.ids.map((_, i) => endOf(cluster, i)),
			beforeBatch: () => {
				if (++batches === 2) void cluster.connections[1]!.call('DEBUG', 'SLEEP', '0.5');
				return Promise.resolve();
			},
		});
		t.is(moved, 8);
		t.is(await cluster.keyCount(), 8);
		t.deepEqual(await cluster.wrong(keys), []);
	},
);

real('a slot that neither end serves is left as it was', async (t) => {
	await using cluster = await RealCluster.start(3);
	using connections = new Connections({});
	const error = await t.throwsAsync(moveSlot(connections, endOf(cluster, 0), endOf(cluster, 1), 16_000), {
		instanceOf: MoveError,
	});
	t.regex(error.message, /^Node \S+ replied with error:\nERR I'm not the owner of hash slot 16000$/);
	const text = String(await cluster.connections[1]!.call('CLUSTER', 'NODES'));
	t.false(text.includes('['), text);
});

real('moving what has been moved already is no mistake', async (t) => {
	await using cluster = await RealCluster.start(3);
	using connections = new Connections({});
	const keys = await cluster.fill(0, 1, 2);
	const move = (): Promise<number> => moveSlot(connections, endOf(cluster, 0), endOf(cluster, 1), 0);
	t.is(await move(), 2);
	t.is(await move(), 0);
	t.deepEqual(await cluster.wrong(keys), []);
});
