/**
 * Waits for the join of a new cluster. redis-cli sleeps a second before it looks the first time; here the nodes are asked
 * at once and then after pauses that grow from a millisecond, and only those that did not agree yet.
 */

import {setTimeout as pause} from 'node:timers/promises';
import {RespError} from '../resp/reply-parser.ts';
import {Agreement, formatGap, missingLinks, type Gap} from './agreement.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint, parseNodeAddress} from './endpoint.ts';
import {parseNodesText, type NodeLine} from './nodes-text.ts';
import type {CallStep, ExpectedNode, WaitStep} from './plan.ts';
import type {Printer} from './printer.ts';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 25;
const PAUSE_GROWTH = 1.5;
/** A second entry for a known node goes within a tenth of a second, or with its time-out: nobody waits for that. */
const HANDSHAKE_PATIENCE_MS = 1_000;
/** A dot a second, as redis-cli. */
const DOT_INTERVAL_MS = 1_000;
/** After so long redis-cli names the bus ports that may be closed. */
const WARNING_INTERVAL_MS = 20_000;
const WARNING_INTERVAL_PER_NODE_MS = 150;
/** A time-out names so many nodes and counts the others. */
const NAMED_GAP_COUNT = 8;

/**
 * @param send sends the commands of `ifLate`
 * @returns null when all agree, or the line that says who does not. @throws {ConnectionError}
 */
export async function waitForAgreement(
	{nodes, timeoutMs, ifLate, isQuiet = false}: WaitStep,
	connections: Connections,
	printer: Printer,
	send: (step: CallStep) => Promise<unknown>,
): Promise<string | null> {
	const agreement = new Agreement(nodes);
	const startedAt = performance.now();
	const warningIntervalMs = WARNING_INTERVAL_MS + nodes.length * WARNING_INTERVAL_PER_NODE_MS;
	let waiting: readonly ExpectedNode[] = nodes;
	let pauseMs = FIRST_PAUSE_MS;
	let dotCount = 0;
	let nextWarningMs = warningIntervalMs;
	let isLate = false;

	if (!isQuiet) printer.line('Waiting for the cluster to join');
	for (;;) {
		const askedAt = performance.now();
		const answers = await Promise.all(waiting.map((node) => askLines(node, connections)));
		const now = performance.now();
		const elapsedMs = now - startedAt;
		const gaps = answers.map((lines, i) => {
			const gap = agreement.gap(waiting[i]!, lines);
			return gap?.isHandshaking === true && elapsedMs > HANDSHAKE_PATIENCE_MS ? null : gap;
		});
		while (dotCount < Math.floor(elapsedMs / DOT_INTERVAL_MS)) {
			if (!isQuiet) printer.raw('.');
			dotCount++;
		}
		const open = gaps.filter((gap) => gap !== null);
		if (open.length === 0) {
			if (!isQuiet) printer.raw('\n');
			return null;
		}
		if (elapsedMs > timeoutMs) {
			if (!isQuiet) printer.raw('\n');
			return timeoutLine(open, timeoutMs);
		}
		if (elapsedMs > nextWarningMs) {
			warnOfMissingLinks(
				new Map(waiting.map((node, i) => [formatEndpoint(node.endpoint), answers[i]!])),
				printer,
			);
			nextWarningMs += warningIntervalMs;
		}
		if (ifLate !== null && !isLate && elapsedMs > ifLate.afterMs) {
			isLate = true;
			await Promise.all(ifLate.steps.map(send));
		}
		waiting = waiting.filter((_, i) => gaps[i] !== null);
		// Large clusters answer slowly: asking must not keep them from their work.
		await pause(Math.max(pauseMs, now - askedAt));
		pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS);
	}
}

async function askLines({endpoint}: ExpectedNode, connections: Connections): Promise<NodeLine[]> {
	const connection = await connections.to(endpoint);
	const reply = await connection.call('CLUSTER', 'NODES');
	return reply instanceof RespError || typeof reply !== 'string' ? [] : parseNodesText(reply);
}

function timeoutLine(gaps: readonly Gap[], timeoutMs: number): string {
	const named = gaps.slice(0, NAMED_GAP_COUNT).map((gap) => `    ${formatGap(gap)}`);
	const rest = gaps.length - named.length;
	const more = rest > 0 ? [`    and ${rest} more`] : [];
	const head = `[ERR] The nodes did not agree within ${timeoutMs / 1000} seconds:`;
	return [head, ...named, ...more].join('\n');
}

/** To the letter of redis-cli. */
function warnOfMissingLinks(views: ReadonlyMap<string, readonly NodeLine[]>, printer: Printer): void {
	const missing = missingLinks(views);
	if (missing.size === 0) return;
	printer.raw('\n');
	printer.error(`Warning: ${missing.size} node(s) may be unreachable`);
	for (const [to, froms] of missing) {
		const target = parseNodeAddress(to);
		const isBusPortKnown = target !== null && target.busPort !== null && target.busPort !== 0;
		printer.error(
			isBusPortKnown
				? ` - The port ${target.busPort} of node ${target.host} may be unreachable from:`
				: ` - Node ${to} may be unreachable from:`,
		);
		for (const from of froms) printer.error(`   ${from}`);
		printer.error(
			'Cluster bus ports must be reachable by every node.\n' +
				'Remember that cluster bus ports are different from standard instance ports.',
		);
	}
}
