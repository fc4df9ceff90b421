/**
 * `trib del-node`: a node without slots leaves the cluster. Lines of redis-cli 7.0. Unlike there, the replicas of the node are
 * spread over the other primaries, and a node that does not answer can be removed, too.
 */

import {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {loadView, NodeError} from './load-view.ts';
import type {DelNodeOptions} from './member-jobs.ts';
import type {Endpoint, TribExitCode} from './messages.ts';
import {findNode, findUnreachable, primaryWithFewestReplicas} from './members.ts';
import {formatPlan, planReport, replicate, type CallStep, type Plan, type StepReport} from './plan.ts';
import type {Printer} from './printer.ts';
import {runPlan} from './run-plan.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

export interface DelNodeReport {
	readonly command: 'del-node';
	readonly ok: boolean;
	/** Whether the node was removed: false for a dry run. */
	readonly removed: boolean;
	readonly node: {readonly id: string; readonly address: string; readonly answers: boolean};
	/** Replicas of the node and the primaries they follow from now on, by address. */
	readonly moved: readonly {readonly replica: string; readonly primary: string}[];
	/** Members that did not answer and so were not told. */
	readonly untold: readonly string[];
	readonly steps: readonly StepReport[];
}

/** The node that leaves, as far as it is known. */
interface Leaver {
	readonly id: string;
	readonly address: string;
	/** null when it does not answer. */
	readonly endpoint: Endpoint | null;
}

/** @throws {NodeError} the node cannot be removed @throws {StepError} the work stopped half-way */
export async function runDelNode(
	options: DelNodeOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: DelNodeReport | null}> {
	using connections = new Connections({credentials: options.credentials});
	printer.info(`>>> Removing node ${options.target} from cluster ${formatEndpoint(options.node)}`);
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const leaver = findLeaver(view, options);
	const moved = newPrimaries(view, leaver.id);
	const plan = planDelNode(view, leaver, moved, options.shutdown === true);
	const untold = view.unreachable.filter(({id}) => id !== leaver.id).map((line) => formatEndpoint(line));
	const report = (removed: boolean): DelNodeReport => ({
		command: 'del-node',
		ok: true,
		removed,
		node: {id: leaver.id, address: leaver.address, answers: leaver.endpoint !== null},
		moved: moved.map(({replica, primary}) => ({replica: address(replica), primary: address(primary)})),
		untold,
		steps: planReport(plan),
	});
	if (options.dryRun === true) {
		for (const line of formatPlan(plan)) printer.line(line);
		return {exitCode: 0, report: report(false)};
	}
	await runPlan(plan, connections, printer);
	for (const node of untold) {
		printer.warning(
			`[WARNING] ${node} did not answer: when it comes back it still knows the node and may tell the others of it.`,
		);
	}
	return {exitCode: 0, report: report(true)};
}

/** @throws {NodeError} */
function findLeaver(view: ClusterView, options: DelNodeOptions): Leaver {
	const node = findNode(view, options.target);
	if (node !== null) {
		if (node.slots.count > 0) throw notEmpty(address(node));
		return {id: node.self.id, address: address(node), endpoint: node.endpoint};
	}
	const line = findUnreachable(view, options.target);
	if (line === null) throw new NodeError(`[ERR] No such node ID ${options.target}`);
	const where = formatEndpoint(line);
	if (options.force !== true) {
		throw new NodeError(`[ERR] Node ${where} does not answer. Give --force to make the others forget it.`);
	}
	const isOwner = view.nodes.some(({lines}) =>
		lines.some(({id, slots}) => id === line.id && slots.length > 0),
	);
	if (isOwner) {
		throw new NodeError(
			`[ERR] Node ${where} does not answer, and its slots are served by nobody else. ` +
				'Bring it back, or give its slots away with fix --fix-with-unreachable-masters: its keys are lost then.',
		);
	}
	return {id: line.id, address: where, endpoint: null};
}

function notEmpty(where: string): NodeError {
	return new NodeError(`[ERR] Node ${where} is not empty! Reshard data away and try again.`);
}

interface Move {
	readonly replica: NodeView;
	readonly primary: NodeView;
}

/** Whom the replicas of the node follow from now on: those with the fewest replicas among the primaries with slots. */
function newPrimaries(view: ClusterView, leaverId: string): Move[] {
	const others = view.nodes.filter((node) => isPrimary(node) && node.self.id !== leaverId);
	const serving = others.filter(({slots}) => slots.count > 0);
	const extra = new Map<string, number>();
	return view.nodes.flatMap((replica) => {
		if (replica.self.primaryId !== leaverId || replica.self.id === leaverId) return [];
		const primary = primaryWithFewestReplicas(view, serving.length > 0 ? serving : others, extra);
		if (primary === null) {
			throw new NodeError(`[ERR] There is no other master for the replica ${address(replica)}.`);
		}
		extra.set(primary.self.id, (extra.get(primary.self.id) ?? 0) + 1);
		return [{replica, primary}];
	});
}

function planDelNode(view: ClusterView, leaver: Leaver, moves: readonly Move[], shutdown: boolean): Plan {
	const stayers = view.nodes.filter(({self}) => self.id !== leaver.id);
	return [
		{
			announce: [
				'>>> Sending CLUSTER FORGET messages to the cluster...',
				...moves.map(({replica, primary}) => `>>> ${address(replica)} as replica of ${address(primary)}`),
			],
			// Before they are told to forget: nobody forgets its own primary.
			steps: moves.map(({replica, primary}) => replicate(replica.endpoint, primary.self.id)),
		},
		{steps: stayers.filter(({lines}) => lines.some(({id}) => id === leaver.id)).map(forget(leaver.id))},
		...(leaver.endpoint === null ? [] : [farewell(leaver.endpoint, shutdown)]),
	];
}

function forget(id: string): (node: NodeView) => CallStep {
	return ({endpoint}) => ({kind: 'call', node: endpoint, words: ['CLUSTER', 'FORGET', id]});
}

function farewell(node: Endpoint, shutdown: boolean): Plan[number] {
	return shutdown
		? {
				announce: ['>>> SHUTDOWN the node.'],
				steps: [{kind: 'call', node, words: ['SHUTDOWN'], endsNode: true}],
			}
		: {
				announce: ['>>> Sending CLUSTER RESET SOFT to the deleted node.'],
				steps: [{kind: 'call', node, words: ['CLUSTER', 'RESET', 'SOFT']}],
			};
}
