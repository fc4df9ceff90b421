/** `trib set-timeout`: the node timeout of every node, now and in its configuration file. Lines of redis-cli 7.0. */

import {RespError} from '../resp/reply-parser.ts';
import {ConnectionError} from './client.ts';
import {Connections} from './connections.ts';
import {loadView} from './load-view.ts';
import type {SetTimeoutOptions} from './member-jobs.ts';
import type {TribExitCode} from './messages.ts';
import type {Printer} from './printer.ts';
import {address, type NodeView} from './view.ts';

/** Below this a busy node would be held for dead. */
const LEAST_TIMEOUT_MS = 100;

export interface SetTimeoutReport {
	readonly command: 'set-timeout';
	readonly ok: boolean;
	readonly timeoutMs: number;
	/** `error` is null where it was done. */
	readonly nodes: readonly {readonly address: string; readonly error: string | null}[];
}

export async function runSetTimeout(
	options: SetTimeoutOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: SetTimeoutReport | null}> {
	if (options.timeoutMs < LEAST_TIMEOUT_MS) {
		printer.complaint('Setting a node timeout of less than 100 milliseconds is a bad idea.');
		return {exitCode: 1, report: null};
	}
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	printer.info('>>> Reconfiguring node timeout in every cluster node...');
	if (options.dryRun === true) {
		for (const node of view.nodes) {
			for (const words of commands(options.timeoutMs)) printer.line(`${address(node)}> ${words.join(' ')}`);
		}
		return {exitCode: 0, report: report(options, view.nodes, [])};
	}
	const errors = await Promise.all(view.nodes.map((node) => setTimeoutOf(node, options, connections)));
	for (const [i, error] of errors.entries()) {
		const where = address(view.nodes[i]!);
		if (error === null) printer.warning(`*** New timeout set for ${where}`);
		else printer.error(`ERR setting node-timeout for ${where}: ${error}`);
	}
	const failedCount = errors.filter((error) => error !== null).length;
	const okCount = errors.length - failedCount;
	printer.info(`>>> New node timeout set. ${okCount} OK, ${failedCount} ERR.`);
	const exitCode = failedCount === 0 ? 0 : okCount > 0 ? 3 : 1;
	return {exitCode, report: report(options, view.nodes, errors)};
}

function report(
	{timeoutMs}: SetTimeoutOptions,
	nodes: readonly NodeView[],
	errors: readonly (string | null)[],
): SetTimeoutReport {
	return {
		command: 'set-timeout',
		ok: errors.every((error) => error === null),
		timeoutMs,
		nodes: nodes.map((node, i) => ({address: address(node), error: errors[i] ?? null})),
	};
}

function commands(timeoutMs: number): string[][] {
	return [
		['CONFIG', 'SET', 'cluster-node-timeout', String(timeoutMs)],
		['CONFIG', 'REWRITE'],
	];
}

/** null, or why it failed. */
async function setTimeoutOf(
	{endpoint}: NodeView,
	{timeoutMs}: SetTimeoutOptions,
	connections: Connections,
): Promise<string | null> {
	try {
		const connection = await connections.to(endpoint);
		for (const words of commands(timeoutMs)) {
			const reply = await connection.call(...words);
			if (reply instanceof RespError) return reply.message;
		}
		return null;
	} catch (error) {
		if (error instanceof ConnectionError) return error.message;
		throw error;
	}
}
