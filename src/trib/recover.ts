/**
 * `trib reshard --resume` and `--abort`: the end of a job whose manager was killed. The journal says what was wanted; how far it
 * came is asked of the nodes. Resume completes everything. Abort closes what is open and forgets the rest: a slot none of whose
 * keys have moved goes back, any other goes forward, because on the way forward no key is ever in the wrong place.
 */

import {RespError} from '../resp/reply-parser.ts';
import {cancelTasks, waitForTasks, type AtomicMethod, type MigrationTask} from './atomic-migration.ts';
import type {Connections} from './connections.ts';
import type {Journal} from './journal.ts';
import {loadView} from './load-view.ts';
import type {ReshardOptions} from './messages.ts';
import {MoveError} from './move-slot.ts';
import type {SlotMove} from './moves.ts';
import type {Printer} from './printer.ts';
import {problemOf, slotEnd} from './run-moves.ts';
import {carryOut, nothingMoved, openJournal, showPlan, type JobResult, type MoveCommand} from './slot-job.ts';
import {isPrimary, type ClusterView, type NodeView} from './view.ts';

/** @throws {ConnectionError} @throws {NodeError} */
export async function recover(
	recovery: 'resume' | 'abort',
	firstView: ClusterView,
	connections: Connections,
	options: ReshardOptions,
	printer: Printer,
): Promise<JobResult> {
	const journal = await openJournal(firstView, options);
	if (journal === null) {
		printer.error(
			`[ERR] No interrupted job of this cluster is known here (${options.journalDir ?? 'no journals are kept'}).`,
		);
		return {exitCode: 1, report: null};
	}
	const {content} = journal;
	let view = firstView;
	try {
		if (content.method !== 'classic' && options.dryRun !== true) {
			// Servers go on without us. What they are at must end before anything can be said of the rest.
			await endTasks(recovery, content.method, journal, view, connections);
			view = await loadView(connections, options.node, (line) => printer.complaint(line));
		}
		const left = movesLeft(content.moves, view);
		const count = content.moves.length;
		printer.info(
			`>>> The ${content.command} of ${content.startedAt}: ${left.length} of ${count} slots are left to move.`,
		);
		const command = commandOf(content.command);
		if (options.dryRun === true) {
			return await showPlan(command, left, view, connections, options, printer);
		}
		const wanted = recovery === 'resume' ? left : await closeOpen(left, view, connections, printer);
		return await carryOut(command, wanted, view, connections, options, printer, {
			journal,
			method: content.method,
		});
	} catch (error) {
		printer.error(problemOf(error));
		printer.line('The journal is kept: run the command again when that is mended, or shoal trib fix.');
		return {exitCode: 1, report: nothingMoved(commandOf(content.command), content.method, content.moves)};
	}
}

function commandOf(text: string): MoveCommand {
	return text === 'rebalance' || text === 'move-slot' ? text : 'reshard';
}

/** Waits for, or ends, the atomic migrations of this job that still go on. */
async function endTasks(
	recovery: 'resume' | 'abort',
	method: AtomicMethod,
	{content}: Journal,
	view: ClusterView,
	connections: Connections,
): Promise<void> {
	const slots = new Set(content.moves.map(({slot}) => slot));
	const concerns = (task: MigrationTask): boolean =>
		task.slots.some(([start, end]) => {
			for (let slot = start; slot <= end; slot++) if (slots.has(slot)) return true;
			return false;
		});
	const asked = new Set(content.moves.map(({source, target}) => (method === 'import' ? target : source)));
	const end = recovery === 'resume' ? waitForTasks : cancelTasks;
	await Promise.all(
		view.nodes
			.filter((node) => asked.has(node.self.id))
			.map((node) => end(connections, method, slotEnd(node), concerns)),
	);
}

/**
 * The moves that are not complete, each from the node that serves its slot now: a failover may have put a replica in the place
 * of either end. @throws {MoveError} a slot has no owner or several, or an end is gone: nothing can be done without guessing
 */
export function movesLeft(moves: readonly SlotMove[], view: ClusterView): SlotMove[] {
	const primaries = view.nodes.filter(isPrimary);
	const left: SlotMove[] = [];
	for (const {slot, source, target} of moves) {
		const to = primaryOf(view, target);
		if (to === null)
			throw new MoveError(`[ERR] Node ${target}, which slot ${slot} was to go to, cannot be reached.`);
		const others = primaries.filter((node) => node !== to && node.slots.has(slot));
		const migrating = primaries.find((node) => node !== to && node.self.migrating.has(slot));
		if (others.length > 1) {
			throw new MoveError(`[ERR] Slot ${slot} has several owners. Run shoal trib fix first.`);
		}
		const owns = to.slots.has(slot);
		if (owns && others.length === 0 && migrating === undefined && !to.self.importing.has(slot)) continue;
		const from = others[0] ?? migrating ?? (owns ? primaryOf(view, source) : null);
		if (from === null || from === to) {
			throw new MoveError(
				`[ERR] Nobody serves slot ${slot}, or who does cannot be reached. Run shoal trib fix first.`,
			);
		}
		left.push({slot, source: from.self.id, target: to.self.id});
	}
	return left;
}

/** The node, or who leads its shard now. */
function primaryOf(view: ClusterView, id: string): NodeView | null {
	const node = view.nodes.find(({self}) => self.id === id);
	if (node === undefined) return null;
	if (isPrimary(node)) return node;
	return view.nodes.find(({self}) => self.id === node.self.primaryId) ?? null;
}

/** Closes the open slots that have lost no key to the target. @returns those that have to go forward */
async function closeOpen(
	left: readonly SlotMove[],
	view: ClusterView,
	connections: Connections,
	printer: Printer,
): Promise<SlotMove[]> {
	const nodes = new Map(view.nodes.map((node) => [node.self.id, node]));
	const forward: SlotMove[] = [];
	for (const move of left) {
		const [source, target] = [nodes.get(move.source)!, nodes.get(move.target)!];
		const isOpen = source.self.migrating.has(move.slot) || target.self.importing.has(move.slot);
		const owns = target.slots.has(move.slot);
		if (!isOpen && !owns) continue;
		if (owns || !(await closeEmpty(move.slot, source, target, connections))) forward.push(move);
		else printer.line(`Slot ${move.slot} stays with ${move.source}.`);
	}
	return forward;
}

/** false when the target holds keys of the slot. */
async function closeEmpty(
	slot: number,
	source: NodeView,
	target: NodeView,
	connections: Connections,
): Promise<boolean> {
	const [from, to] = await Promise.all([connections.to(source.endpoint), connections.to(target.endpoint)]);
	const holdsNone = async (): Promise<boolean> =>
		(await to.call('CLUSTER', 'COUNTKEYSINSLOT', String(slot))) === 0;
	if (!(await holdsNone())) return false;
	// The target first: it sends clients back that an ASK brought, so that none can leave a key there after the look.
	const imported = await to.call('CLUSTER', 'SETSLOT', String(slot), 'STABLE');
	if (!(await holdsNone())) return false;
	const migrated = await from.call('CLUSTER', 'SETSLOT', String(slot), 'STABLE');
	return !(imported instanceof RespError) && !(migrated instanceof RespError);
}
