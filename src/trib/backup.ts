/**
 * `trib backup`: an RDB file of every primary and the shape of the cluster (`nodes.json`), in a directory of its own. Names, shape
 * and lines of redis-cli 7.0.
 */

import {mkdir, open, readdir, rename} from 'node:fs/promises';
import {join} from 'node:path';
import {slotRanges} from '../slots/slot-ranges.ts';
import {checkView, type CheckReport} from './check.ts';
import {ConnectionError, connectionComplaint} from './client.ts';
import {Connections} from './connections.ts';
import {loadView, NodeError} from './load-view.ts';
import type {BackupOptions} from './member-jobs.ts';
import type {TribExitCode} from './messages.ts';
import type {Printer} from './printer.ts';
import {downloadRdb} from './rdb-download.ts';
import {address, isPrimary, type ClusterView, type NodeView} from './view.ts';

/** Real servers wait five seconds for more replicas before they begin. */
const PARALLEL_COUNT = 8;

export interface BackupReport {
	readonly command: 'backup';
	/** All files are there. Whether the cluster is in order stands in `check`. */
	readonly ok: boolean;
	readonly directory: string;
	readonly files: readonly {
		readonly node: string;
		readonly file: string;
		/** null in a dry run, and where it failed. */
		readonly byteCount: number | null;
		readonly error: string | null;
	}[];
	readonly check: CheckReport;
}

/** @throws {NodeError} when the directory cannot be used */
export async function runBackup(
	options: BackupOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: BackupReport}> {
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const check = checkView(view, printer);
	const {directory} = options;
	const primaries = view.nodes.filter(isPrimary);
	if (options.dryRun === true) {
		const files = primaries.map((node) => ({
			node: address(node),
			file: fileName(node),
			byteCount: null,
			error: null,
		}));
		for (const {node, file} of files) printer.line(`${node} -> ${join(directory, file)}`);
		return {exitCode: 0, report: {command: 'backup', ok: true, directory, files, check}};
	}
	await makeDirectory(directory);

	const files: BackupReport['files'][number][] = [];
	for (let at = 0; at < primaries.length; at += PARALLEL_COUNT) {
		const batch = primaries.slice(at, at + PARALLEL_COUNT);
		for (const node of batch) printer.info(`>>> Node ${address(node)} -> Saving RDB...`);
		files.push(...(await Promise.all(batch.map((node) => save(node, options, printer)))));
	}
	const shape = join(directory, 'nodes.json');
	printer.line(`Saving cluster configuration to: ${shape}`);
	await writeWhole(shape, shapeOf(view, check));
	await syncDirectory(directory);
	const isWhole = files.every(({error}) => error === null);
	if (!isWhole) {
		printer.error('[ERR] Failed to back cluster!');
	} else {
		if (!check.ok) {
			printer.warning(
				"*** Cluster seems to have some problems, please be aware of it if you're going to restore this backup.",
			);
		}
		printer.ok(`[OK] Backup created into: ${directory}`);
	}
	const isPartly = files.some(({error}) => error === null);
	const exitCode = isWhole ? 0 : isPartly ? 3 : 1;
	return {exitCode, report: {command: 'backup', ok: isWhole, directory, files, check}};
}

function fileName({self, endpoint}: NodeView): string {
	// An IPv6 address has colons, which are no good in names of files everywhere.
	return `redis-node-${endpoint.host.replaceAll(':', '_')}-${endpoint.port}-${self.id}.rdb`;
}

/** A new directory, or an empty one: a backup is never mixed with another one. @throws {NodeError} */
async function makeDirectory(directory: string): Promise<void> {
	try {
		await mkdir(directory, {recursive: true, mode: 0o700});
		if ((await readdir(directory)).length === 0) return;
	} catch (error) {
		throw new NodeError(`[ERR] ${error instanceof Error ? error.message : String(error)}`);
	}
	throw new NodeError(`[ERR] ${directory} is not empty. Name a new directory for the backup.`);
}

async function save(
	node: NodeView,
	{directory, credentials}: BackupOptions,
	printer: Printer,
): Promise<BackupReport['files'][number]> {
	const result = {node: address(node), file: fileName(node)};
	try {
		const byteCount = await downloadRdb(node.endpoint, credentials, join(directory, result.file));
		return {...result, byteCount, error: null};
	} catch (error) {
		if (!(error instanceof Error)) throw error;
		const why = error instanceof ConnectionError ? connectionComplaint(error) : error.message;
		printer.complaint(why);
		return {...result, byteCount: null, error: why};
	}
}

/** The members as redis-cli writes them, an object each. */
function shapeOf(view: ClusterView, check: CheckReport): string {
	const errorCount = check.issues.length;
	const nodes = view.nodes.map(({self, endpoint, slots}) => ({
		name: self.id,
		host: endpoint.host,
		port: endpoint.port,
		replicate: self.primaryId,
		slots: slotRanges(slots),
		slots_count: slots.count,
		flags: self.flags.filter((flag) => flag !== 'myself').join(','),
		current_epoch: self.configEpoch,
		...(errorCount > 0 ? {cluster_errors: errorCount} : {}),
		...(self.migrating.size > 0 ? {migrating: Object.fromEntries(self.migrating)} : {}),
		...(self.importing.size > 0 ? {importing: Object.fromEntries(self.importing)} : {}),
	}));
	return `${JSON.stringify(nodes, null, 2)}\n`;
}

async function writeWhole(file: string, text: string): Promise<void> {
	const handle = await open(`${file}.part`, 'wx', 0o600);
	try {
		await handle.writeFile(text);
		await handle.sync();
	} finally {
		await handle.close();
	}
	await rename(`${file}.part`, file);
}

/** Makes the names last, too. */
async function syncDirectory(directory: string): Promise<void> {
	const handle = await open(directory, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
