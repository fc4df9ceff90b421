/** `trib rebalance`: each primary gets its share, by its weight, of the slots, the keys or the memory. Lines of redis-trib. */

import {checkView} from './check.ts';
import {Connections} from './connections.ts';
import {loadView} from './load-view.ts';
import {measureSlots} from './measure-slots.ts';
import type {RebalanceOptions} from './messages.ts';
import type {SlotLoad, SlotMove} from './moves.ts';
import {planByLoad, planBySlots, type RebalancePlan, type WeightedNode} from './plan-rebalance.ts';
import type {Printer} from './printer.ts';
import {carryOut, nothingMoved, primaryByName, refuse, showPlan, type JobResult} from './slot-job.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

const THRESHOLD_PERCENT = 2;

/** @throws {NodeError} the first node is of no use, or no journal can be kept */
export async function runRebalance(options: RebalanceOptions, printer: Printer): Promise<JobResult> {
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const primaries = view.nodes.filter(isPrimary);
	const weightOf = new Map<string, number>();
	if (options.autoWeights === true) await weighByMemory(primaries, weightOf, connections, printer);
	for (const {node: name, weight} of options.weights ?? []) {
		const node = primaryByName(view, name);
		if (node === null) {
			printer.error(`*** No such master node ${name}`);
			return {exitCode: 2, report: null};
		}
		weightOf.set(node.self.id, weight);
	}
	const nodes = primaries
		.filter(({slots}) => slots.count > 0 || options.useEmpty === true)
		.map(({self, slots}): WeightedNode => ({id: self.id, slots, weight: weightOf.get(self.id) ?? 1}));
	const totalWeight = nodes.reduce((sum, {weight}) => sum + weight, 0);
	if (totalWeight === 0) {
		printer.error('*** All nodes have weight 0: nobody could take the slots.');
		return {exitCode: 2, report: null};
	}
	if (!checkView(view, printer, false)) return await refuse('rebalancing', view, options, printer);

	const thresholdPercent = options.thresholdPercent ?? THRESHOLD_PERCENT;
	const plan = await planFor(nodes, primaries, thresholdPercent, options, connections);
	if (!plan.isNeeded) {
		printer.warning(
			`*** No rebalancing needed! All nodes are within the ${thresholdPercent.toFixed(2)}% threshold.`,
		);
		return {exitCode: 0, report: nothingMoved('rebalance')};
	}
	printer.info(`>>> Rebalancing across ${nodes.length} nodes. Total weight = ${totalWeight.toFixed(2)}`);
	const moves = plan.transfers.flatMap(({source, target, slots}) =>
		slots.map((slot): SlotMove => ({slot, source, target})),
	);
	if (options.simulate === true) {
		simulate(plan, view, printer);
		return {exitCode: 0, report: nothingMoved('rebalance', 'classic', moves)};
	}
	if (options.dryRun === true) {
		const what = options.by === 'memory' ? 'bytes' : (options.by ?? 'slots');
		for (const node of primaries) {
			const balance = plan.balances.get(node.self.id);
			if (balance !== undefined) printer.line(`${address(node)} balance is ${Math.round(balance)} ${what}`);
		}
		return await showPlan('rebalance', moves, view, connections, options, printer);
	}
	return await carryOut('rebalance', moves, view, connections, options, printer);
}

async function planFor(
	nodes: readonly WeightedNode[],
	primaries: readonly NodeView[],
	thresholdPercent: number,
	{by = 'slots'}: RebalanceOptions,
	connections: Connections,
): Promise<RebalancePlan> {
	if (by === 'slots') return planBySlots(nodes, thresholdPercent);
	const loads = await Promise.all(
		primaries.map(({endpoint, slots}) => measureSlots(connections, endpoint, [...slots], by === 'memory')),
	);
	const bySlot = new Map<number, SlotLoad>(loads.flatMap((each) => [...each]));
	const loadOf = (slot: number): number => bySlot.get(slot)?.[by === 'memory' ? 'bytes' : 'keyCount'] ?? 0;
	return planByLoad(nodes, loadOf, thresholdPercent);
}

/** A node that may hold twice as much gets twice as much. Without a limit somewhere there is no proportion, and all weigh 1. */
async function weighByMemory(
	primaries: readonly NodeView[],
	weightOf: Map<string, number>,
	connections: Connections,
	printer: Printer,
): Promise<void> {
	const limits = await Promise.all(
		primaries.map(async ({endpoint}) => {
			const info = await (await connections.to(endpoint)).call('INFO', 'memory');
			return Number(/^maxmemory:(\d+)/m.exec(typeof info === 'string' ? info : '')?.[1] ?? 0);
		}),
	);
	const least = Math.min(...limits);
	if (least === 0) {
		printer.warning('*** Not every node has a maxmemory to weigh it by: all weigh 1.');
		return;
	}
	for (const [i, node] of primaries.entries()) weightOf.set(node.self.id, limits[i]! / least);
}

function simulate(plan: RebalancePlan, view: ClusterView, printer: Printer): void {
	const addressOf = new Map(view.nodes.map((node) => [node.self.id, address(node)]));
	for (const {source, target, slots} of plan.transfers) {
		printer.line(`Moving ${slots.length} slots from ${addressOf.get(source)} to ${addressOf.get(target)}`);
		printer.line('#'.repeat(slots.length));
	}
}
