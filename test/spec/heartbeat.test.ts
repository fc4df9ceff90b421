/** Cluster Specification, "Heartbeat and gossip messages", "Heartbeat packet content". */

import test from 'ava';
import type {BusMessage} from '../../src/cluster/messages.ts';
import {readBusMessage} from '../../src/cluster/read-message.ts';
import {Simulation} from '../../src/sim/simulation.ts';

const formed = (nodes: number, nodeTimeoutMs = 15_000): {sim: Simulation; sent: BusMessage[]} => {
	const sent: BusMessage[] = [];
	const sim = new Simulation({
		nodes,
		seed: 1,
		config: {nodeTimeoutMs},
		onStep: (_node, effects) => sent.push(...effects.sends.map(({message}) => message)),
	});
	sim.form();
	sim.run(2000);
	return {sim, sent};
};

test('every node is pinged at least once in half the node timeout', (t) => {
	const {sim} = formed(12, 4000);
	for (let second = 0; second < 10; second++) {
		sim.run(1000);
		for (const {core} of sim.nodes) {
			for (const node of core.view.nodes.values()) {
				if (node === core.view.myself) continue;
				// A tick and a round trip may come on top.
				t.true(sim.now - node.pongReceivedAt <= 2000 + 110);
			}
		}
	}
});

test('a node pings a random node every second', (t) => {
	const {sim, sent} = formed(6, 60_000);
	sent.length = 0;
	sim.run(10_000);
	const pings = sent.filter(({type}) => type === 'ping').length;
	t.true(pings >= 6 * 9 && pings <= 6 * 11, `${pings} pings of six nodes in ten seconds`);
});

test('each ping is answered by one pong', (t) => {
	const {sim, sent} = formed(4);
	sent.length = 0;
	sim.run(30_050);
	const count = (type: string): number => sent.filter((message) => message.type === type).length;
	t.true(Math.abs(count('ping') - count('pong')) <= 4);
});

test('a packet speaks of at least three nodes and of a tenth of those known', (t) => {
	const {sim, sent} = formed(50);
	sent.length = 0;
	sim.run(3000);
	for (const message of sent) if (message.type === 'ping') t.is(message.gossip.length, 5);

	const small = formed(6);
	small.sent.length = 0;
	small.sim.run(3000);
	for (const message of small.sent) if (message.type === 'ping') t.is(message.gossip.length, 3);
});

test('a packet speaks neither of its sender nor of its receiver nor twice of anybody', (t) => {
	const sim = new Simulation({
		nodes: 7,
		seed: 2,
		onStep: (node, effects) => {
			for (const {link, message} of effects.sends) {
				if (!('gossip' in message)) continue;
				const receiver = node.core.view.links.get(link)?.node?.id;
				const about = message.gossip.map((entry) => entry.node);
				t.false(about.includes(node.core.view.myself.id));
				t.is(new Set(about).size, about.length);
				if (receiver !== undefined && message.type === 'ping') t.false(about.includes(receiver));
			}
		},
	});
	sim.form();
	sim.run(5000);
});

test('the header carries epochs, slots and the state of the sender', (t) => {
	const {sim, sent} = formed(3);
	sent.length = 0;
	sim.run(1100);
	const header = sent.find((message) => message.header.sender === sim.node(2).core.view.myself.id)!.header;
	t.is(header.currentEpoch, 3);
	t.is(header.configEpoch, 2);
	t.is(header.primary, null);
	t.true(header.ok);
	t.is(header.port, sim.node(2).port);
	t.is(header.slots, sim.node(2).core.view.slotsOf(sim.node(2).core.view.myself));
});

test('all that nodes send is a message to the reader of frames', (t) => {
	const {sim, sent} = formed(4, 1000);
	sim.node(4).kill();
	sim.run(5000);
	sim.node(1).submit({kind: 'bump-epoch'});
	sim.node(4).restart();
	sim.run(5000);
	t.deepEqual([...new Set(sent.map(({type}) => type))].toSorted(), ['fail', 'meet', 'ping', 'pong']);
	for (const message of sent) t.is(readBusMessage(message), message);
});
