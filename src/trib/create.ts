/** `trib create`: empty nodes become a cluster. Lines, prompt and order of redis-cli 7.0, without its second of sleep. */

import {randomInt} from 'node:crypto';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import type {SlotRange} from '../slots/slot-ranges.ts';
import type {AntiAffinity} from './anti-affinity.ts';
import {checkAfter, type CheckReport} from './check.ts';
import {resolveAddress} from './client.ts';
import {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {loadCandidate, NodeError, requireEmpty, type Candidate} from './load-view.ts';
import type {CreateOptions, TribExitCode} from './messages.ts';
import {plannedPrimaryLines, plannedReplicaLines} from './node-lines.ts';
import {formatPlan, planReport, type StepReport} from './plan.ts';
import {planCreate} from './plan-create.ts';
import type {Printer} from './printer.ts';
import {runPlan} from './run-plan.ts';
import {allocate, LEAST_PRIMARIES, type Allocation} from './slot-allocation.ts';

const JOIN_TIMEOUT_MS = 60_000;

export interface CreateReport {
	readonly command: 'create';
	readonly ok: boolean;
	/** Whether the nodes were changed: neither a dry run nor declined. */
	readonly created: boolean;
	readonly nodes: readonly {
		readonly id: string;
		readonly address: string;
		readonly role: 'primary' | 'replica';
		readonly slots: readonly SlotRange[];
		readonly primary: string | null;
	}[];
	/** What was done, or would be, in order. */
	readonly steps: readonly StepReport[];
	/** Of the cluster that came out of it; null when nothing was created or no check was wanted. */
	readonly check: CheckReport | null;
}

/** @throws {NodeError} a node is of no use @throws {StepError} the work stopped half-way */
export async function runCreate(
	options: CreateOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: CreateReport | null}> {
	using connections = new Connections({credentials: options.credentials});
	const nodes = await loadCandidates(options, connections);
	const shape = shapeOf(options);
	if (typeof shape === 'string') {
		printer.error(shape);
		return {exitCode: options.primaries === undefined ? 1 : 2, report: null};
	}

	const hosts = nodes.map(({endpoint}) => endpoint.host);
	const allocation = allocate({hosts, ...shape, below: (bound) => randomInt(bound)});
	const ips = await Promise.all(nodes.map(({endpoint}) => resolveAddress(endpoint)));
	const plan = planCreate(nodes, {
		allocation,
		ips,
		joinTimeoutMs: options.joinTimeoutMs ?? JOIN_TIMEOUT_MS,
		untilAgreed: options.withoutCheck !== true,
	});
	printAllocation(nodes, allocation, printer);
	const report = (created: boolean, check: CheckReport | null): CreateReport => ({
		command: 'create',
		ok: check?.ok ?? true,
		created,
		nodes: plannedNodes(nodes, allocation),
		steps: planReport(plan),
		check,
	});
	if (options.dryRun === true) {
		for (const line of formatPlan(plan)) printer.line(line);
		return {exitCode: 0, report: report(false, null)};
	}
	if (options.yes !== true) {
		const answer = await printer.ask("Can I set the above configuration? (type 'yes' to accept): ");
		if (answer === null)
			printer.complaint('Nobody is there to answer: nothing was changed. Give --yes to accept.');
		if (answer?.trim() !== 'yes') return {exitCode: answer === null ? 1 : 0, report: report(false, null)};
	}
	await runPlan(plan, connections, printer);
	if (options.withoutCheck === true) return {exitCode: 0, report: report(true, null)};
	const check = await checkAfter(connections, nodes[0]!.endpoint, printer);
	return {exitCode: check.ok ? 0 : 1, report: report(true, check)};
}

/** Asks all nodes at once; of several that cannot be used the first one given is named. */
async function loadCandidates({nodes}: CreateOptions, connections: Connections): Promise<Candidate[]> {
	const answers = await Promise.allSettled(nodes.map((node) => loadUsable(connections, node)));
	const candidates: Candidate[] = [];
	const addressOf = new Map<string, string>();
	for (const answer of answers) {
		if (answer.status === 'rejected') throw answer.reason;
		const {self, endpoint} = answer.value;
		const before = addressOf.get(self.id);
		if (before !== undefined) {
			throw new NodeError(`[ERR] ${before} and ${formatEndpoint(endpoint)} are the same node.`);
		}
		addressOf.set(self.id, formatEndpoint(endpoint));
		candidates.push(answer.value);
	}
	return candidates;
}

async function loadUsable(
	connections: Connections,
	endpoint: CreateOptions['nodes'][number],
): Promise<Candidate> {
	const node = await loadCandidate(connections, endpoint);
	requireEmpty(node);
	if (node.slots.count > 0) {
		throw new NodeError(
			`[ERR] Node ${formatEndpoint(endpoint)} already serves slots. Call CLUSTER RESET on it first.`,
		);
	}
	return node;
}

/** How many primaries, and replicas for each; or the lines that say why that cannot be. */
function shapeOf(options: CreateOptions): {primaryCount: number; replicasPerPrimary: number} | string {
	const nodeCount = options.nodes.length;
	if (options.primaries === undefined) {
		const replicas = options.replicas ?? 0;
		const primaryCount = Math.floor(nodeCount / (replicas + 1));
		if (primaryCount >= LEAST_PRIMARIES) return {primaryCount, replicasPerPrimary: replicas};
		return [
			'*** ERROR: Invalid configuration for cluster creation.',
			`*** Redis Cluster requires at least ${LEAST_PRIMARIES} master nodes.`,
			`*** This is not possible with ${nodeCount} nodes and ${replicas} replicas per node.`,
			`*** At least ${LEAST_PRIMARIES * (replicas + 1)} nodes are required.`,
		].join('\n');
	}
	const primaryCount = options.primaries;
	const replicasPerPrimary = options.replicas ?? Math.floor(nodeCount / primaryCount) - 1;
	const needed = primaryCount * (Math.max(replicasPerPrimary, 0) + 1);
	if (primaryCount <= SLOT_COUNT && needed <= nodeCount) return {primaryCount, replicasPerPrimary};
	return [
		'*** ERROR: Invalid configuration for cluster creation.',
		`*** ${primaryCount} masters with ${Math.max(replicasPerPrimary, 0)} replicas each are not possible with ${nodeCount} nodes.`,
		`*** At least ${needed} nodes are required.`,
	].join('\n');
}

const ANTI_AFFINITY_LINES: Readonly<Record<AntiAffinity, string>> = {
	perfect: '[OK] Perfect anti-affinity obtained!',
	'replica-beside-primary': '[WARNING] Some slaves are in the same host as their master',
	'replicas-together': '[WARNING] Some slaves of the same master are in the same host',
};

function printAllocation(nodes: readonly Candidate[], allocation: Allocation, printer: Printer): void {
	const where = (node: number): string => formatEndpoint(nodes[node]!.endpoint);
	printer.info(`>>> Performing hash slots allocation on ${nodes.length} nodes...`);
	for (const [i, {slots}] of allocation.primaries.entries()) {
		printer.line(`Master[${i}] -> Slots ${slots[0]} - ${slots[1]}`);
	}
	let sawExtra = false;
	for (const {replica, primary, isExtra} of allocation.choices) {
		if (isExtra && !sawExtra) printer.line('Adding extra replicas...');
		sawExtra ||= isExtra;
		printer.line(`Adding replica ${where(replica)} to ${where(primary)}`);
	}
	if (allocation.antiAffinity !== null) {
		printer.info('>>> Trying to optimize slaves allocation for anti-affinity');
		const line = ANTI_AFFINITY_LINES[allocation.antiAffinity];
		if (allocation.antiAffinity === 'perfect') printer.ok(line);
		else printer.warning(line);
	}
	for (const [i, node] of nodes.entries()) {
		const primary = allocation.primaryOf[i] ?? null;
		const slots = allocation.primaries.find((chosen) => chosen.node === i)?.slots;
		const lines =
			primary === null
				? plannedPrimaryLines(node, slots === undefined ? [] : [slots])
				: plannedReplicaLines(node, nodes[primary]!.self.id);
		for (const line of lines) printer.line(line);
	}
}

function plannedNodes(nodes: readonly Candidate[], allocation: Allocation): CreateReport['nodes'] {
	return nodes.map(({self, endpoint}, i) => {
		const primary = allocation.primaryOf[i] ?? null;
		const slots = allocation.primaries.find((chosen) => chosen.node === i)?.slots;
		return {
			id: self.id,
			address: formatEndpoint(endpoint),
			role: primary === null ? 'primary' : 'replica',
			slots: slots === undefined ? [] : [slots],
			primary: primary === null ? null : nodes[primary]!.self.id,
		};
	});
}
