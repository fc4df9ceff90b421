/**
 * The cluster core at work: how long simulated clusters take for a second of their life, what one packet costs, and how
 * fast routes are found. Run: node build/bench/gossip.js
 */

import {Bench} from 'tinybench';
import {defaultClusterConfig} from '../src/cluster/config.ts';
import {ClusterCore} from '../src/cluster/core.ts';
import type {BusMessage} from '../src/cluster/messages.ts';
import {parseNodesConf} from '../src/cluster/nodes-conf.ts';
import {readBusMessage} from '../src/cluster/read-message.ts';
import {RouteFlags} from '../src/cluster/routing.ts';
import {Prng} from '../src/lib/prng.ts';
import {Simulation} from '../src/sim/simulation.ts';
import {SLOT_COUNT} from '../src/slots/key-slot.ts';

/** Operations a run: tinybench times runs, and one operation is shorter than its clock. */
const RUN = 1000;

for (const nodes of [6, 50, 200]) {
	const bootAt = performance.now();
	const sim = new Simulation({nodes, seed: 1, hasDisk: false});
	sim.form();
	sim.run(1000);
	const lifeAt = performance.now();
	const before = sim.network.deliveredCount;
	sim.run(10_000);
	const ratio = 10_000 / (performance.now() - lifeAt);
	const messages = (sim.network.deliveredCount - before) / 10;
	console.log(
		`${nodes} nodes: formed in ${Math.round(lifeAt - bootAt)} ms of CPU, then ${ratio.toFixed(0)} times real time, ` +
			`${messages.toFixed(0)} messages/s`,
	);
}

/** A formed cluster, a packet that n2 sent to n1, and n1 to receive it. */
let packet: BusMessage | null = null;
const sim = new Simulation({
	nodes: 100,
	seed: 1,
	onStep: (node, effects) => {
		if (node.number === 2)
			packet = effects.sends.find(({message}) => message.type === 'ping')?.message ?? packet;
	},
});
sim.form();
sim.run(5000);
const {core} = sim.node(1);
const now = sim.now;
const link = [...core.view.links.values()].find((known) => known.node?.id === packet?.header.sender)!.id;
const ping = packet!;
// As it comes from another thread: equal bytes, not the same object.
const foreign = structuredClone(ping) as BusMessage;
const text = core.nodesConf();
let sink = 0;

const bench = new Bench({time: 500});
bench.add('receive a ping of 100 nodes, answer it', () => {
	for (let i = 0; i < RUN; i++) sink += core.receive(link, ping, now).sends.length;
});
bench.add('the same, decoded from a frame', () => {
	for (let i = 0; i < RUN; i++) {
		sink += core.receive(
			link,
			{...foreign, header: {...foreign.header, slots: foreign.header.slots.slice()}},
			now,
		).sends.length;
	}
});
bench.add('readBusMessage', () => {
	for (let i = 0; i < RUN; i++) sink += readBusMessage(foreign) === null ? 0 : 1;
});
bench.add('tick of 100 nodes', () => {
	for (let i = 0; i < RUN; i++) sink += core.tick(now).sends.length;
});
bench.add('route', () => {
	for (let i = 0; i < RUN; i++) sink += core.route((i * 7) & (SLOT_COUNT - 1), RouteFlags.WRITE);
});
bench.add('nodes.conf written', () => {
	for (let i = 0; i < RUN; i++) sink += core.nodesConf().length;
});
bench.add('nodes.conf read, core made', () => {
	for (let i = 0; i < RUN; i++) {
		sink += new ClusterCore({
			host: '127.0.0.1',
			port: 7001,
			busPort: 17_001,
			config: defaultClusterConfig(),
			random: new Prng(1),
			data: {
				keyCount: () => 0,
				slotKeyCount: () => 0,
				replicationOffset: () => 0,
				isPrimaryLinkUp: () => false,
				dataAgeMs: () => Infinity,
			},
			now,
			restored: parseNodesConf(text),
		}).view.size;
	}
});
await bench.run();
for (const {name, result} of bench.tasks) {
	if (!('latency' in result)) continue;
	console.log(`${name.padEnd(40)} ${((result.latency.p50 * 1e6) / RUN).toFixed(0).padStart(9)} ns`);
}
if (sink === 0) console.log('nothing happened');
