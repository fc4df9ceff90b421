/**
 * `trib import`: the keys of a server that is no cluster node, into the cluster, each to the primary of its slot. The source sends
 * them itself (MIGRATE). Lines of redis-cli 7.0.
 */

import {RespError, type Reply} from '../resp/reply-parser.ts';
import {keySlot} from '../slots/key-slot.ts';
import {checkView} from './check.ts';
import {AuthenticationError, ConnectionError, type NodeConnection} from './client.ts';
import {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {loadView, NodeError} from './load-view.ts';
import type {ImportOptions} from './member-jobs.ts';
import type {Endpoint, TribExitCode} from './messages.ts';
import {isKeys, migrate, MIGRATE_TIMEOUT_MS} from './migrate-keys.ts';
import type {Printer} from './printer.ts';
import {formatBytes} from './raw-reply.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

const SCAN_COUNT = 1_000;
/** Beyond the time that a MIGRATE may take. */
const REPLY_PATIENCE_MS = 15_000;
/** Keys that the report names. */
const NAMED_FAILURE_COUNT = 100;

export interface ImportReport {
	readonly command: 'import';
	readonly ok: boolean;
	readonly from: string;
	/** Keys that the source had when it was asked. */
	readonly foundCount: number;
	readonly importedCount: number;
	readonly failedCount: number;
	/** The first keys that failed. */
	readonly failures: readonly {readonly key: string; readonly node: string; readonly error: string}[];
}

/** @throws {NodeError} the source or the cluster is of no use */
export async function runImport(
	options: ImportOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: ImportReport | null}> {
	const {credentials, from} = options;
	const timeoutMs = options.timeoutMs ?? MIGRATE_TIMEOUT_MS;
	using connections = new Connections({credentials});
	using byteConnections = new Connections({credentials, binary: true});
	using sources = new Connections({
		credentials: options.fromCredentials,
		binary: true,
		replyTimeoutMs: timeoutMs + REPLY_PATIENCE_MS,
	});
	printer.info(`>>> Importing data from ${formatEndpoint(from)} to cluster ${formatEndpoint(options.node)}`);
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	if (!checkView(view, printer).ok) return {exitCode: 1, report: null};
	const source = await openSource(sources, from);
	const foundCount = await source.call('DBSIZE');
	if (typeof foundCount !== 'number') throw replyError(from, foundCount);
	printer.warning(`*** Importing ${foundCount} keys from DB 0`);

	const tally = {importedCount: 0, failedCount: 0, failures: [] as ImportReport['failures'][number][]};
	const owners = ownersOf(view);
	const settings = {credentials, timeoutMs, copy: options.copy === true};
	if (options.dryRun !== true) {
		for await (const key of scan(source, options.copy === true)) {
			const owner = owners[keySlot(key)]!;
			printer.raw(`Migrating ${formatBytes(key)} to ${address(owner)}: `);
			const target = await byteConnections.to(owner.endpoint);
			const reply = await migrate(source, target, [key], settings, options.replace === true);
			if (reply instanceof RespError) {
				printer.error(`Source ${formatEndpoint(from)} replied with error:\n${reply.message}`);
				tally.failedCount++;
				if (tally.failures.length < NAMED_FAILURE_COUNT) {
					tally.failures.push({key: formatBytes(key), node: address(owner), error: reply.message});
				}
			} else {
				printer.line('OK');
				tally.importedCount++;
			}
			printer.progress(tally.importedCount + tally.failedCount, foundCount, 'keys');
		}
	}
	const ok = tally.failedCount === 0;
	return {
		exitCode: ok ? 0 : tally.importedCount > 0 ? 3 : 1,
		report: {command: 'import', ok, from: formatEndpoint(from), foundCount, ...tally},
	};
}

/** @throws {NodeError} */
async function openSource(sources: Connections, from: Endpoint): Promise<NodeConnection> {
	try {
		const source = await sources.to(from);
		const info = await source.call('INFO', 'cluster');
		if (info instanceof RespError) throw replyError(from, info);
		const text = info instanceof Uint8Array ? formatBytes(info) : '';
		if (/^cluster_enabled:1\r?$/m.test(text)) {
			throw new NodeError('[ERR] The source node should not be a cluster node.');
		}
		return source;
	} catch (error) {
		if (error instanceof AuthenticationError) throw replyError(from, new RespError(error.message));
		if (!(error instanceof ConnectionError)) throw error;
		throw new NodeError(`Could not connect to Redis at ${formatEndpoint(from)}: ${error.message}.`, true);
	}
}

function replyError(node: Endpoint, reply: Reply): NodeError {
	const why = reply instanceof RespError ? reply.message : 'a reply that was not understood';
	return new NodeError(`Node ${formatEndpoint(node)} replied with error:\n${why}`);
}

/**
 * Every key that is there from the beginning to the end. SCAN may give one twice: that matters where it is copied, as it is in
 * the cluster then.
 */
async function* scan(source: NodeConnection, once: boolean): AsyncGenerator<Uint8Array> {
	const seen = new Set<string>();
	let cursor = '0';
	do {
		const reply = await source.call('SCAN', cursor, 'COUNT', String(SCAN_COUNT));
		const [next, keys] = Array.isArray(reply) ? reply : [];
		if (!(next instanceof Uint8Array) || keys === undefined || !isKeys(keys)) {
			throw replyError(source.endpoint, reply);
		}
		cursor = formatBytes(next);
		for (const key of keys) {
			const name = once ? Buffer.from(key).toString('latin1') : '';
			if (seen.has(name)) continue;
			if (once) seen.add(name);
			yield key;
		}
	} while (cursor !== '0');
}

/** Who serves each slot. The check before has seen that somebody does. */
function ownersOf(view: ClusterView): NodeView[] {
	const owners: NodeView[] = [];
	for (const node of view.nodes.filter(isPrimary)) {
		for (const slot of node.slots) owners[slot] = node;
	}
	return owners;
}
