/** `trib check`: is this cluster in order? Lines and order of redis-cli 7.0. */

import {RespError} from '../resp/reply-parser.ts';
import {SLOT_COUNT} from '../slots/key-slot.ts';
import {ConnectionError} from './client.ts';
import {Connections} from './connections.ts';
import {printSummary} from './info.ts';
import {findIssues, findMultipleOwners, type Issue} from './issues.ts';
import {loadView} from './load-view.ts';
import type {CheckOptions, TribExitCode} from './messages.ts';
import {nodeLines, nodeReport, type NodeReport} from './node-lines.ts';
import type {Printer} from './printer.ts';
import {address, isPrimary, type ClusterView} from './view.ts';

export interface CheckReport {
	readonly command: 'check';
	readonly ok: boolean;
	readonly nodes: readonly NodeReport[];
	readonly issues: readonly Issue[];
}

/** So many questions are on their way to one node at a time. */
const COUNT_BATCH = 1_024;

export async function runCheck(
	options: CheckOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: CheckReport}> {
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const issues = findIssues(view);
	if (options.searchMultipleOwners === true) {
		issues.push(...findMultipleOwners(view, await keysElsewhere(view, connections)));
	}
	warnOfUnknownPrimaries(issues, printer);
	printSummary(view, printer);
	printCheck(view, issues, options.searchMultipleOwners === true, printer);
	const report = checkReport(view, issues);
	return {exitCode: report.ok ? 0 : 1, report};
}

/** The check that follows a creation. */
export async function checkAfter(
	connections: Connections,
	node: CheckOptions['node'],
	printer: Printer,
): Promise<CheckReport> {
	const view = await loadView(connections, node, (line) => printer.complaint(line));
	return checkView(view, printer);
}

/** The check that comes before a change. */
export function checkView(view: ClusterView, printer: Printer): CheckReport {
	const issues = findIssues(view);
	warnOfUnknownPrimaries(issues, printer);
	printCheck(view, issues, false, printer);
	return checkReport(view, issues);
}

/**
 * Prints the check of a view that a job has loaded, as it comes before slots are moved. @returns whether all is in order
 * @param withNodes whether the nodes are listed
 */
export function checkView(view: ClusterView, printer: Printer, withNodes: boolean): boolean {
	const issues = findIssues(view);
	warnOfUnknownPrimaries(issues, printer);
	printCheck(view, issues, false, printer, withNodes);
	return !issues.some(isProblem);
}

function checkReport(view: ClusterView, issues: readonly Issue[]): CheckReport {
	return {
		command: 'check',
		ok: !issues.some(isProblem),
		nodes: view.nodes.map(nodeReport),
		issues,
	};
}

/** redis-cli passes over nodes that do not answer as long as the others cover all slots; so does the exit code. */
export function isProblem({kind}: Issue): boolean {
	return kind !== 'unreachable' && kind !== 'unknown-primary';
}

export function warnOfUnknownPrimaries(issues: readonly Issue[], printer: Printer): void {
	for (const issue of issues) {
		if (issue.kind !== 'unknown-primary') continue;
		printer.warning(`*** WARNING: ${issue.address} claims to be slave of unknown node ID ${issue.primary}.`);
	}
}

function printCheck(
	view: ClusterView,
	issues: readonly Issue[],
	withOwners: boolean,
	printer: Printer,
	withNodes = true,
): void {
	printAgreement(view, issues, printer);
	printOpenSlots(issues, printer);
	printCoverage(issues, printer);
	if (withOwners) printOwners(issues, printer);
}

/** The nodes, and whether they agree. */
export function printAgreement(view: ClusterView, issues: readonly Issue[], printer: Printer): void {
	const [first] = view.nodes;
	if (first !== undefined) printer.info(`>>> Performing Cluster Check (using node ${address(first)})`);
	for (const node of withNodes ? view.nodes : []) {
		for (const line of nodeLines(view, node)) printer.line(line);
	}
	if (issues.some(({kind}) => kind === 'disagreement')) {
		printer.error("[ERR] Nodes don't agree about configuration!");
	} else {
		printer.ok('[OK] All nodes agree about slots configuration.');
	}
}

export function printOpenSlots(issues: readonly Issue[], printer: Printer): void {
	printer.info('>>> Check for open slots...');
	const open = new Set<number>();
	for (const issue of issues) {
		if (issue.kind !== 'migrating' && issue.kind !== 'importing') continue;
		printer.error(
			`[WARNING] Node ${issue.address} has slots in ${issue.kind} state ${issue.slots.join(',')}.`,
		);
		for (const slot of issue.slots) open.add(slot);
	}
	if (open.size > 0) printer.error(`[WARNING] The following slots are open: ${[...open].join(',')}.`);
}

export function printCoverage(issues: readonly Issue[], printer: Printer): void {
	printer.info('>>> Check slots coverage...');
	if (issues.some(({kind}) => kind === 'uncovered')) {
		// With an empty line after it, as redis-cli prints it.
		printer.error(`[ERR] Not all ${SLOT_COUNT} slots are covered by nodes.\n`);
	} else {
		printer.ok(`[OK] All ${SLOT_COUNT} slots covered.`);
	}
}

export function printOwners(issues: readonly Issue[], printer: Printer): void {
	printer.info('>>> Check for multiple slot owners...');
	let found = false;
	for (const issue of issues) {
		if (issue.kind !== 'multiple-owners') continue;
		found = true;
		printer.error(`[WARNING] Slot ${issue.slot} has ${issue.owners.length} owners:`);
		for (const owner of issue.owners) printer.error(`    ${owner}`);
	}
	if (!found) printer.ok('[OK] No multiple owners found.');
}

/** The slots in which each primary holds keys although it does not serve them. A node without keys is not asked. */
export async function keysElsewhere(
	view: ClusterView,
	connections: Connections,
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
	const found = new Map<string, Set<number>>();
	const search = async (node: ClusterView['nodes'][number]): Promise<void> => {
		const connection = await connections.to(node.endpoint);
		const slots = Array.from({length: SLOT_COUNT}, (_, slot) => slot).filter((slot) => !node.slots.has(slot));
		const held = new Set<number>();
		for (let at = 0; at < slots.length; at += COUNT_BATCH) {
			const batch = slots.slice(at, at + COUNT_BATCH);
			const counts = await Promise.all(
				batch.map((slot) => connection.call('CLUSTER', 'COUNTKEYSINSLOT', String(slot))),
			);
			for (const [i, count] of counts.entries()) {
				if (!(count instanceof RespError) && typeof count === 'number' && count > 0) held.add(batch[i]!);
			}
		}
		found.set(node.self.id, held);
	};
	const withKeys = view.nodes.filter((node) => isPrimary(node) && node.keyCount !== 0);
	const outcomes = await Promise.allSettled(withKeys.map(search));
	for (const outcome of outcomes) {
		// A node that went away meanwhile holds nothing that could be found.
		if (outcome.status === 'rejected' && !(outcome.reason instanceof ConnectionError)) throw outcome.reason;
	}
	return found;
}
