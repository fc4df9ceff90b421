/** Simulated clusters of primaries with replicas. */

import type {ClusterConfig} from '../../src/cluster/config.ts';
import type {ClusterEvent, LogLine} from '../../src/cluster/effects.ts';
import type {NodeView} from '../../src/cluster/state.ts';
import type {SimNode} from '../../src/sim/sim-node.ts';
import {Simulation} from '../../src/sim/simulation.ts';

export const TIMEOUT_MS = 1000;

export interface Stage {
	readonly sim: Simulation;
	/** Since the cluster was formed. */
	readonly events: {readonly node: SimNode; readonly event: ClusterEvent; readonly at: number}[];
	readonly logs: (LogLine & {readonly node: SimNode})[];
}

/** `primaries` with an even share of the slots, then nodes that replicate those of the given numbers, all links up. */
export function replicated(
	primaries: number,
	replicasOf: readonly number[],
	config: Partial<ClusterConfig> = {},
	seed = 3,
): Stage {
	const events: Stage['events'] = [];
	const logs: Stage['logs'] = [];
	let sim: Simulation | null = null;
	const made = new Simulation({
		nodes: primaries + replicasOf.length,
		seed,
		config: {nodeTimeoutMs: TIMEOUT_MS, ...config},
		onStep: (node, effects) => {
			for (const event of effects.events) events.push({node, event, at: sim?.elapsedMs ?? 0});
			for (const line of effects.logs) logs.push({...line, node});
		},
	});
	sim = made;
	made.form(primaries);
	made.run(1000);
	for (const [index, number] of replicasOf.entries()) {
		made.node(primaries + index + 1).submit({kind: 'replicate', node: idOf(made.node(number))});
	}
	made.run(2000);
	events.length = 0;
	logs.length = 0;
	return {sim: made, events, logs};
}

export const idOf = ({core}: SimNode): string => core.view.myself.id;

export const sees = (node: SimNode, other: SimNode): NodeView =>
	node.core.view.nodes.get(other.core.view.myself.id)!;
