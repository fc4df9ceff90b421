/** `trib add-node`: an empty node becomes a member. Lines and order of redis-cli 7.0; it waits until all nodes know it. */

import {RespError, type Reply} from '../resp/reply-parser.ts';
import {checkView} from './check.ts';
import {ConnectionError, resolveAddress} from './client.ts';
import {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {loadCandidate, loadView, NodeError, requireEmpty, type Candidate} from './load-view.ts';
import type {AddNodeOptions} from './member-jobs.ts';
import type {TribExitCode} from './messages.ts';
import {findNode, primaryWithFewestReplicas} from './members.ts';
import {formatPlan, planReport, replicate, type Plan, type StepReport} from './plan.ts';
import {greeting, LATE_AFTER_MS} from './plan-create.ts';
import type {Printer} from './printer.ts';
import {runPlan} from './run-plan.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

const JOIN_TIMEOUT_MS = 60_000;

export interface AddNodeReport {
	readonly command: 'add-node';
	readonly ok: boolean;
	/** Whether the node was added: false for a dry run. */
	readonly added: boolean;
	readonly node: {
		readonly id: string;
		readonly address: string;
		/** Id of its primary; null when it is a primary. */
		readonly primary: string | null;
	};
	readonly steps: readonly StepReport[];
}

/** @throws {NodeError} the node is of no use @throws {StepError} the work stopped half-way */
export async function runAddNode(
	options: AddNodeOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: AddNodeReport | null}> {
	using connections = new Connections({credentials: options.credentials});
	using byteConnections = new Connections({credentials: options.credentials, binary: true});
	printer.info(
		`>>> Adding node ${formatEndpoint(options.newNode)} to cluster ${formatEndpoint(options.node)}`,
	);
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	if (!checkView(view, printer).ok) return {exitCode: 1, report: null};

	const primary = choosePrimary(view, options, printer);
	const node = await loadNewcomer(connections, options.newNode, printer);
	const functions = primary === null ? await copyOfFunctions(byteConnections, view, node, printer) : null;
	const ip = await resolveAddress(view.nodes[0]!.endpoint);
	const plan = planAddNode(view, node, {
		primary,
		functions,
		ip,
		newIp: await resolveAddress(node.endpoint),
		joinTimeoutMs: options.joinTimeoutMs ?? JOIN_TIMEOUT_MS,
	});
	const report = (added: boolean): AddNodeReport => ({
		command: 'add-node',
		ok: true,
		added,
		node: {id: node.self.id, address: address(node), primary: primary?.self.id ?? null},
		steps: planReport(plan),
	});
	if (options.dryRun === true) {
		for (const line of formatPlan(plan)) printer.line(line);
		return {exitCode: 0, report: report(false)};
	}
	await runPlan(plan, connections, printer);
	printer.ok('[OK] New node added correctly.');
	return {exitCode: 0, report: report(true)};
}

interface AddNodeWish {
	readonly primary: NodeView | null;
	/** What FUNCTION DUMP gave; null to leave functions alone. */
	readonly functions: Uint8Array | null;
	/** Addresses for CLUSTER MEET: of the cluster's first node, and of the new one. */
	readonly ip: string;
	readonly newIp: string;
	readonly joinTimeoutMs: number;
}

/** Pure. */
export function planAddNode(view: ClusterView, node: NodeView, wish: AddNodeWish): Plan {
	const {primary, functions} = wish;
	const [first] = view.nodes;
	const where = address(node);
	const members = [...view.nodes, node];
	return [
		...(functions === null
			? []
			: [
					{
						announce: [`>>> Send FUNCTION RESTORE to ${where}`],
						steps: [
							{
								kind: 'call',
								node: node.endpoint,
								words: ['FUNCTION', 'RESTORE', functions],
							} as const,
						],
					},
				]),
		{
			announce: [`>>> Send CLUSTER MEET to node ${where} to make it join the cluster.`],
			steps: [greeting(node, first!, wish.ip)],
		},
		{
			steps: [
				{
					kind: 'wait-for-agreement',
					nodes: members.map(({self, endpoint}) => ({id: self.id, endpoint, slots: self.slots})),
					timeoutMs: wish.joinTimeoutMs,
					// Rather than by gossip, which takes seconds to reach the last node of a large cluster.
					ifLate: {
						afterMs: LATE_AFTER_MS,
						steps: view.nodes.slice(1).map((other) => greeting(other, node, wish.newIp)),
					},
					// redis-cli waits for replicas only.
					isQuiet: primary === null,
				},
			],
		},
		...(primary === null
			? []
			: [
					{
						announce: [`>>> Configure node as replica of ${address(primary)}.`],
						steps: [replicate(node.endpoint, primary.self.id)],
					},
				]),
	];
}

/** null when the node shall be a primary. @throws {NodeError} */
function choosePrimary(view: ClusterView, options: AddNodeOptions, printer: Printer): NodeView | null {
	if (options.primary !== undefined) {
		const named = findNode(view, options.primary);
		if (named === null) throw new NodeError(`[ERR] No such master ID ${options.primary}`);
		if (!isPrimary(named)) throw new NodeError(`[ERR] Node ${address(named)} is not a master.`);
		return named;
	}
	if (options.asReplica !== true) return null;
	const chosen = primaryWithFewestReplicas(view);
	if (chosen === null) throw new NodeError('[ERR] The cluster has no master that answers.');
	printer.line(`Automatically selected master ${address(chosen)}`);
	return chosen;
}

async function loadNewcomer(
	connections: Connections,
	endpoint: AddNodeOptions['newNode'],
	printer: Printer,
): Promise<Candidate> {
	try {
		await connections.to(endpoint);
	} catch (error) {
		if (error instanceof ConnectionError) {
			printer.error(`[ERR] Sorry, can't connect to node ${formatEndpoint(endpoint)}`);
		}
		throw error;
	}
	const node = await loadCandidate(connections, endpoint);
	requireEmpty(node);
	return node;
}

/** The cluster's functions for a node that has none; null where servers know no functions. @throws {NodeError} */
async function copyOfFunctions(
	connections: Connections,
	view: ClusterView,
	node: NodeView,
	printer: Printer,
): Promise<Uint8Array | null> {
	printer.info('>>> Getting functions from cluster');
	const cluster = await connections.to(view.nodes[0]!.endpoint);
	const dump = await cluster.call('FUNCTION', 'DUMP');
	if (!(dump instanceof Uint8Array)) {
		printer.info(
			'>>> Failed retrieving Functions from the cluster, skip this step as Redis version do not support ' +
				`function command (error = '${reasonOf(dump)}')`,
		);
		return null;
	}
	const where = address(node);
	printer.info(`>>> Send FUNCTION LIST to ${where} to verify there is no functions in it`);
	const list = await (await connections.to(node.endpoint)).call('FUNCTION', 'LIST');
	if (!Array.isArray(list)) {
		throw new NodeError(`>>> Failed on CLUSTER LIST (error = '${reasonOf(list)}')`);
	}
	if (list.length === 0) return dump;
	throw new NodeError(
		'>>> New node already contains functions and can not be added to the cluster. Use FUNCTION FLUSH and try again.',
	);
}

function reasonOf(reply: Reply): string {
	return reply instanceof RespError ? reply.message : 'NULL reply';
}
