/** `trib call`: one command to every node. Lines of redis-cli 7.0. */

import {RespError, type Reply} from '../resp/reply-parser.ts';
import {ConnectionError} from './client.ts';
import {Connections} from './connections.ts';
import {loadView} from './load-view.ts';
import type {CallOptions} from './member-jobs.ts';
import type {TribExitCode} from './messages.ts';
import type {Printer} from './printer.ts';
import {formatRawReply} from './raw-reply.ts';
import {address, isPrimary, type NodeView} from './view.ts';

export interface CallReport {
	readonly command: 'call';
	/** Every node that was asked answered, and none with an error. */
	readonly ok: boolean;
	readonly words: readonly string[];
	readonly nodes: readonly {
		readonly address: string;
		/** As `redis-cli --raw` prints it; null where there was none. */
		readonly reply: string | null;
		readonly isError: boolean;
	}[];
}

/** What a node answered; undefined when it did not, and in a dry run. */
interface Answer {
	readonly node: NodeView;
	readonly reply: Reply | undefined;
}

export async function runCall(
	options: CallOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: CallReport}> {
	using connections = new Connections({credentials: options.credentials});
	using byteConnections = new Connections({credentials: options.credentials, binary: true});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const nodes = view.nodes.filter(
		(node) => options.only === undefined || isPrimary(node) === (options.only === 'primaries'),
	);
	printer.info(`>>> Calling ${options.words.join(' ')}`);
	const answers: Answer[] = await Promise.all(
		nodes.map(async (node) => ({
			node,
			reply: options.dryRun === true ? undefined : await ask(byteConnections, node, options.words),
		})),
	);
	for (const {node, reply} of answers) {
		if (options.dryRun === true) printer.line(`${address(node)}> ${options.words.join(' ')}`);
		else if (reply === undefined) printer.line(`${address(node)}: Failed!`);
		else printer.line(`${address(node)}: ${formatRawReply(reply)}`);
	}
	const ok =
		options.dryRun === true ||
		answers.every(({reply}) => reply !== undefined && !(reply instanceof RespError));
	return {
		exitCode: ok ? 0 : 1,
		report: {
			command: 'call',
			ok,
			words: options.words,
			nodes: answers.map(({node, reply}) => ({
				address: address(node),
				reply: reply === undefined ? null : formatRawReply(reply).trimEnd(),
				isError: reply instanceof RespError,
			})),
		},
	};
}

async function ask(
	connections: Connections,
	node: NodeView,
	words: readonly string[],
): Promise<Reply | undefined> {
	try {
		return await (await connections.to(node.endpoint)).call(...words);
	} catch (error) {
		if (error instanceof ConnectionError) return undefined;
		throw error;
	}
}
