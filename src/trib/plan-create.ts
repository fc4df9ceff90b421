/** From nodes that know nobody to the steps that make them a cluster. Pure. */

import {BUS_PORT_OFFSET} from './endpoint.ts';
import {meet, replicate, setConfigEpoch, type ExpectedNode, type Plan, type Step} from './plan.ts';
import type {Allocation} from './slot-allocation.ts';
import type {NodeView} from './view.ts';

/** Up to so many nodes everyone is told of everyone; see `meetings`. */
const FULL_MESH_NODE_COUNT = 64;

/**
 * @param ips the address of each node for CLUSTER MEET, which takes no host names
 */
export function planCreate(
	nodes: readonly NodeView[],
	allocation: Allocation,
	ips: readonly string[],
	joinTimeoutMs: number,
): Plan {
	const expected = nodes.map(({self, endpoint}, i): ExpectedNode => {
		const primary = allocation.primaries.find(({node}) => node === i);
		return {id: self.id, endpoint, slots: primary === undefined ? [] : [primary.slots]};
	});
	const withSlots = expected.filter(({slots}) => slots.length > 0);
	const replicas = nodes.flatMap(({endpoint}, i): Step[] => {
		const primary = allocation.primaryOf[i] ?? null;
		return primary === null ? [] : [replicate(endpoint, nodes[primary]!.self.id)];
	});
	return [
		{
			steps: withSlots.map(({endpoint, slots}) => ({kind: 'add-slots', node: endpoint, slots})),
			conclude: '>>> Nodes configuration updated',
		},
		{
			announce: '>>> Assign a different config epoch to each node',
			steps: nodes.map(({endpoint}, i) => setConfigEpoch(endpoint, i + 1)),
		},
		{
			announce: '>>> Sending CLUSTER MEET messages to join the cluster',
			steps: meetings(nodes, ips),
		},
		{steps: [{kind: 'wait-for-agreement', nodes: expected, timeoutMs: joinTimeoutMs}]},
		...(replicas.length > 0 ? [{steps: replicas}] : []),
	];
}

/**
 * Every node greets every other one, in both directions. redis-cli has all greet the first node and leaves the rest to gossip,
 * which needs seconds: real servers (7.0.15) of 3, 12, 24 nodes agree after 0.3, 0.3, 8.9 s this way, and after 2.0, 6.0,
 * 26.7 s that way. Greeting in one direction only is slower than either, as the two handshakes of a pair then get in each
 * other's way. Beyond a size the number of commands, its square, would weigh more than the rounds of gossip.
 */
function meetings(nodes: readonly NodeView[], ips: readonly string[]): Step[] {
	const isFullMesh = nodes.length <= FULL_MESH_NODE_COUNT;
	return nodes.flatMap(({endpoint}, i) =>
		nodes.flatMap((node, j) => {
			if (i === j || (!isFullMesh && j > 0)) return [];
			return [meet(endpoint, ips[j]!, node.endpoint.port, unusualBusPort(node))];
		}),
	);
}

function unusualBusPort({self, endpoint}: NodeView): number | null {
	return self.busPort === null || self.busPort === endpoint.port + BUS_PORT_OFFSET ? null : self.busPort;
}
