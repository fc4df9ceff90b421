/** From nodes that know nobody to the steps that make them a cluster. Pure. */

import {assert} from '../lib/assert.ts';
import {BUS_PORT_OFFSET} from './endpoint.ts';
import {
	meet,
	replicate,
	setConfigEpoch,
	type CallStep,
	type ExpectedNode,
	type Plan,
	type Step,
	type WaitStep,
} from './plan.ts';
import type {Allocation} from './slot-allocation.ts';
import type {NodeView} from './view.ts';

/** Our own nodes agree sooner than this, most servers much later. */
export const LATE_AFTER_MS = 50;
/** Above this the number of commands, the square of it, would weigh more than the rounds of gossip that they save. */
const FULL_MESH_NODE_COUNT = 64;

export interface CreateWish {
	readonly allocation: Allocation;
	/** The address of each node for CLUSTER MEET, which takes no host names. */
	readonly ips: readonly string[];
	readonly joinTimeoutMs: number;
	/** Whether the plan ends with the nodes' agreement, or already when they know where to find each other. */
	readonly untilAgreed: boolean;
}

export function planCreate(nodes: readonly NodeView[], wish: CreateWish): Plan {
	const {allocation, ips, joinTimeoutMs} = wish;
	const [first] = nodes;
	assert(first !== undefined, 'a cluster has a node');
	const expected = nodes.map(({self, endpoint}, i): ExpectedNode => {
		const primary = allocation.primaries.find(({node}) => node === i);
		return {id: self.id, endpoint, slots: primary === undefined ? [] : [primary.slots]};
	});
	const withSlots = expected.filter(({slots}) => slots.length > 0);
	const replicas = nodes.flatMap(({endpoint}, i): Step[] => {
		const primary = allocation.primaryOf[i] ?? null;
		return primary === null ? [] : [replicate(endpoint, nodes[primary]!.self.id)];
	});
	const wait: WaitStep = {
		kind: 'wait-for-agreement',
		nodes: expected,
		timeoutMs: joinTimeoutMs,
		ifLate: lateGreetings(nodes, ips),
	};
	return [
		{
			// Both at once: neither hangs on the other, and on each node they are carried out in this order.
			steps: [
				...withSlots.map(({endpoint, slots}): Step => ({kind: 'add-slots', node: endpoint, slots})),
				...nodes.map(({endpoint}, i) => setConfigEpoch(endpoint, i + 1)),
			],
			conclude: ['>>> Nodes configuration updated', '>>> Assign a different config epoch to each node'],
		},
		{
			announce: ['>>> Sending CLUSTER MEET messages to join the cluster'],
			steps: nodes.slice(1).map((node) => greeting(node, first, ips[0]!)),
		},
		...(wish.untilAgreed || replicas.length > 0 ? [{steps: [wait]}] : []),
		...(replicas.length > 0 ? [{steps: replicas}] : []),
	];
}

/**
 * Every node greets the first one, and gossip introduces them to each other: this takes real servers (7.0.15) of 3, 12, 24
 * nodes 2.0, 6.0, 26.7 s. When every node is told to greet every other one it takes 0.3, 0.3, 8.9 s. In both directions: with
 * one greeting a pair the two handshakes get in each other's way, and it takes longer than without.
 */
function lateGreetings(nodes: readonly NodeView[], ips: readonly string[]): WaitStep['ifLate'] {
	if (nodes.length > FULL_MESH_NODE_COUNT) return null;
	const steps = nodes.flatMap((node) =>
		nodes.flatMap((other, i) => (other === node ? [] : [greeting(node, other, ips[i]!)])),
	);
	return {afterMs: LATE_AFTER_MS, steps};
}

/** Makes the node greet the other one, which is at that address. */
export function greeting({endpoint}: NodeView, other: NodeView, ip: string): CallStep {
	return meet(endpoint, ip, other.endpoint.port, unusualBusPort(other));
}

function unusualBusPort({self, endpoint}: NodeView): number | null {
	return self.busPort === null || self.busPort === endpoint.port + BUS_PORT_OFFSET ? null : self.busPort;
}
