/** `trib info`: keys, slots and replicas of every primary. Lines of redis-cli 7.0. */

import {SLOT_COUNT} from '../slots/key-slot.ts';
import {Connections} from './connections.ts';
import {loadView} from './load-view.ts';
import type {InfoOptions, TribExitCode} from './messages.ts';
import {nodeReport, summaryLine, type NodeReport} from './node-lines.ts';
import type {Printer} from './printer.ts';
import {address, isPrimary, type ClusterView} from './view.ts';

export interface InfoReport {
	readonly command: 'info';
	readonly ok: boolean;
	readonly nodes: readonly NodeReport[];
	/** Keys of all primaries. */
	readonly keyCount: number;
	readonly primaryCount: number;
}

export async function runInfo(
	options: InfoOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: InfoReport}> {
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const ok = printSummary(view, printer);
	const primaries = view.nodes.filter(isPrimary);
	const keyCount = primaries.reduce((sum, node) => sum + (node.keyCount ?? 0), 0);
	const nodes = view.nodes.map(nodeReport);
	const report = {command: 'info', ok, nodes, keyCount, primaryCount: primaries.length} as const;
	return {exitCode: ok ? 0 : 1, report};
}

/** Prints the lines; false when a primary did not tell its number of keys, and then they end there. */
export function printSummary(view: ClusterView, printer: Printer): boolean {
	const primaries = view.nodes.filter(isPrimary);
	let keyCount = 0;
	for (const node of primaries) {
		if (node.keyCount === null) {
			printer.error(`Node ${address(node)} did not tell its number of keys (DBSIZE)`);
			return false;
		}
		printer.line(summaryLine(view, node, node.keyCount));
		keyCount += node.keyCount;
	}
	printer.ok(`[OK] ${keyCount} keys in ${primaries.length} masters.`);
	printer.line(`${(keyCount / SLOT_COUNT).toFixed(2)} keys per slot on average.`);
	return true;
}
