/** Carries out one repair of `trib fix`. */

import {RespError} from '../resp/reply-parser.ts';
import {ConnectionError, connectionComplaint} from './client.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {migrateKeys, type MigrateSettings} from './migrate-keys.ts';
import type {Printer} from './printer.ts';
import {sayTo, type Act, type Repair} from './repairs.ts';

export interface RepairOutcome {
	/** null when all was done. It was printed. */
	readonly error: string | null;
	/** Whether a node was changed. */
	readonly isChanged: boolean;
	readonly movedKeyCount: number;
}

/** Stops at the first act that fails: what was done stays, and nothing is lost. @param connections with binary replies */
export async function runRepair(
	{acts}: Repair,
	connections: Connections,
	settings: MigrateSettings,
	printer: Printer,
): Promise<RepairOutcome> {
	let isChanged = false;
	let movedKeyCount = 0;
	for (const act of acts) {
		if (act.do === 'say') {
			sayTo(printer, act);
			continue;
		}
		try {
			const {error, keyCount} = await run(act, connections, settings, printer);
			movedKeyCount += keyCount;
			if (error !== null) return {error, isChanged: isChanged || keyCount > 0, movedKeyCount};
			isChanged = true;
		} catch (error) {
			if (!(error instanceof ConnectionError)) throw error;
			const complaint = connectionComplaint(error);
			printer.complaint(complaint);
			return {error: complaint, isChanged, movedKeyCount};
		}
	}
	return {error: null, isChanged, movedKeyCount};
}

async function run(
	act: Exclude<Act, {do: 'say'}>,
	connections: Connections,
	settings: MigrateSettings,
	printer: Printer,
): Promise<{readonly error: string | null; readonly keyCount: number}> {
	if (act.do === 'move-keys') {
		const [from, to] = await Promise.all([act.from, act.to].map((node) => connections.to(node.endpoint)));
		return migrateKeys(act.slot, from!, to!, settings, printer);
	}
	const connection = await connections.to(act.node.endpoint);
	const replies = await Promise.all(act.commands.map((words) => connection.call(...words)));
	const refused = replies.find((reply) => reply instanceof RespError);
	if (!(refused instanceof RespError)) return {error: null, keyCount: 0};
	printer.error(`Node ${formatEndpoint(act.node.endpoint)} replied with error:\n${refused.message}\n`);
	return {error: refused.message, keyCount: 0};
}
