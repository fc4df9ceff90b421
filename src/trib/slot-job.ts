/**
 * What all jobs that move slots have in common: look at the cluster, refuse one that is not in order, show the plan of a dry
 * run, keep the journal, and say at the end what was done, what was not, and what to run next.
 */

import {setTimeout as pause} from 'node:timers/promises';
import {slotRanges, type SlotRange} from '../slots/slot-ranges.ts';
import {atomicMethodOf} from './atomic-migration.ts';
import type {Connections} from './connections.ts';
import {formatEndpoint} from './endpoint.ts';
import {Journal, type MoveMethod} from './journal.ts';
import {NodeError} from './load-view.ts';
import {measureSlots} from './measure-slots.ts';
import type {MoveOptions, TribExitCode} from './messages.ts';
import {formatBytes, formatSlots, groupMoves, loadOf, type SlotLoad, type SlotMove} from './moves.ts';
import {isReplica, parseNodesText, type NodeLine} from './nodes-text.ts';
import type {Printer} from './printer.ts';
import {runMoves, slotEnd, type MoveOutcome} from './run-moves.ts';
import {address, isPrimary, slotSignature, type ClusterView, type NodeView} from './view.ts';

export type MoveCommand = 'reshard' | 'rebalance' | 'move-slot';

export interface MoveReport {
	readonly command: MoveCommand;
	readonly ok: boolean;
	readonly method: MoveMethod;
	readonly moves: readonly {
		readonly source: string;
		readonly target: string;
		readonly slots: readonly SlotRange[];
		readonly slotCount: number;
		/** What the slots hold; null when that was not measured. Bytes are an estimate where slots hold many keys. */
		readonly keyCount: number | null;
		readonly bytes: number | null;
	}[];
	/** Of a dry run: every slot with its keys and bytes. */
	readonly slots?: readonly (SlotMove & SlotLoad)[];
	readonly movedSlots: readonly SlotRange[];
	readonly openSlots: readonly SlotRange[];
	readonly movedKeyCount: number;
	/** Path of the journal where the job has to be completed, else null. */
	readonly journal: string | null;
}

export interface JobResult {
	readonly exitCode: TribExitCode;
	readonly report: MoveReport | null;
}

/** The cluster's nodes come to agree within this, or something is wrong. */
const SETTLE_PATIENCE_MS = 10_000;
const SETTLE_PAUSE_MS = 20;

/** The primary that a person means by an id, the beginning of an id, or an address. */
export function primaryByName(view: ClusterView, name: string): NodeView | null {
	const primaries = view.nodes.filter(isPrimary);
	const exact = primaries.find((node) => node.self.id === name.toLowerCase() || address(node) === name);
	if (exact !== undefined) return exact;
	const found = name === '' ? [] : primaries.filter(({self}) => self.id.startsWith(name.toLowerCase()));
	return found.length === 1 ? found[0]! : null;
}

/** A journal of the cluster that was left open, for the line that tells of it. */
export async function openJournal(view: ClusterView, options: MoveOptions): Promise<Journal | null> {
	if (options.journalDir === undefined) return null;
	return Journal.find(options.journalDir, new Set(view.nodes.map(({self}) => self.id)));
}

/** `*** Please fix your cluster problems before resharding`, and how. */
export async function refuse(
	doing: string,
	view: ClusterView,
	options: MoveOptions,
	printer: Printer,
): Promise<JobResult> {
	printer.error(`*** Please fix your cluster problems before ${doing}`);
	const journal = await openJournal(view, options);
	const where = formatEndpoint(options.node);
	if (journal !== null) {
		printer.complaint(
			`A ${journal.content.command} that began at ${journal.content.startedAt} did not end. ` +
				`Complete it with: shoal trib reshard --resume ${where}, or end it with --abort.`,
		);
	}
	return {exitCode: 1, report: null};
}

/** By which method slots shall move: atomically where all primaries can and nothing was asked for that only MIGRATE does. */
export async function methodFor(
	view: ClusterView,
	connections: Connections,
	options: MoveOptions,
): Promise<MoveMethod> {
	if (options.classic === true || options.keysPerSecond !== undefined) return 'classic';
	return (await atomicMethodOf(connections, view.nodes.filter(isPrimary).map(slotEnd))) ?? 'classic';
}

/** What the slots of the moves hold. */
export async function loadsOf(
	moves: readonly SlotMove[],
	view: ClusterView,
	connections: Connections,
): Promise<Map<number, SlotLoad>> {
	const loads = await Promise.all(
		view.nodes
			.map((node) => ({node, slots: moves.filter(({source}) => source === node.self.id)}))
			.filter(({slots}) => slots.length > 0)
			.map(({node, slots}) =>
				measureSlots(
					connections,
					node.endpoint,
					slots.map(({slot}) => slot),
					true,
				),
			),
	);
	return new Map(loads.flatMap((each) => [...each]));
}

/** A dry run: what would be moved, and what that weighs. */
export async function showPlan(
	command: MoveCommand,
	moves: readonly SlotMove[],
	view: ClusterView,
	connections: Connections,
	options: MoveOptions,
	printer: Printer,
): Promise<JobResult> {
	const method = await methodFor(view, connections, options);
	const loads = await loadsOf(moves, view, connections);
	const addressOf = new Map(view.nodes.map((node) => [node.self.id, address(node)]));
	for (const {slot, source, target} of moves) {
		const {keyCount, bytes} = loads.get(slot) ?? {keyCount: 0, bytes: 0};
		printer.line(
			`slot ${slot}: ${addressOf.get(source) ?? source} -> ${addressOf.get(target) ?? target}, ${keyCount} keys, ${formatBytes(bytes)}`,
		);
	}
	const {keyCount, bytes} = loadOf(moves, loads);
	const how = method === 'classic' ? 'with MIGRATE' : 'atomically';
	printer.line(
		`${moves.length} slots with ${keyCount} keys, about ${formatBytes(bytes)}, would move ${how}.`,
	);
	const report = reportOf(command, method, moves, loads, null);
	const slots = moves.map((move) => ({...move, ...(loads.get(move.slot) ?? {keyCount: 0, bytes: 0})}));
	return {exitCode: 0, report: {...report, slots}};
}

/** The result of a job that has nothing to move or was declined. */
export function nothingMoved(
	command: MoveCommand,
	method: MoveMethod = 'classic',
	moves: readonly SlotMove[] = [],
): MoveReport {
	return reportOf(command, method, moves, null, null);
}

/** Moves the slots under a journal. @param resumed the journal that is gone on with @throws {NodeError} no journal could be kept */
export async function carryOut(
	command: MoveCommand,
	moves: readonly SlotMove[],
	view: ClusterView,
	connections: Connections,
	options: MoveOptions,
	printer: Printer,
	resumed: {readonly journal: Journal; readonly method: MoveMethod} | null = null,
): Promise<JobResult> {
	const method = resumed?.method ?? (await methodFor(view, connections, options));
	const isMeasured = method !== 'classic' || printer.showsProgress || options.json === true;
	const loads = isMeasured ? await loadsOf(moves, view, connections) : null;
	const journal = resumed?.journal ?? (await beginJournal(command, method, moves, view, options));
	// Two nodes with the same epoch settle that by a new one for either, and its word on a slot that it gives away just then
	// would win over who has taken it.
	await untilSettled(view, connections);
	const outcome = await runMoves(moves, connections, printer, {
		view,
		method,
		options,
		journal,
		loads: loads ?? new Map<number, SlotLoad>(),
		style: command === 'rebalance' ? 'marks' : 'lines',
	});
	const agree = await untilSettled(view, connections);
	const isTouched = outcome.movedSlots.length > 0 || outcome.openSlots.length > 0;
	const isLeft = outcome.problem !== null && (isTouched || resumed !== null);
	if (!isLeft) await journal?.remove();
	if (outcome.problem !== null) {
		tellProblem(outcome.problem, outcome, moves.length, method, isLeft ? journal : null, options, printer);
	}
	if (!agree) {
		const where = formatEndpoint(options.node);
		printer.error(`[ERR] Nodes don't agree about configuration! See shoal trib check ${where}`);
	}
	const report = reportOf(command, method, moves, loads, outcome, isLeft ? journal : null);
	if (outcome.problem !== null) return {exitCode: isTouched ? 3 : 1, report};
	return {exitCode: agree ? 0 : 1, report};
}

async function beginJournal(
	command: MoveCommand,
	method: MoveMethod,
	moves: readonly SlotMove[],
	view: ClusterView,
	options: MoveOptions,
): Promise<Journal | null> {
	if (options.journalDir === undefined) return null;
	// The cluster is in order, so that what an older one told of has been brought to its end.
	await (await openJournal(view, options))?.remove();
	const nodes = view.nodes.map(({self}) => self.id);
	try {
		return await Journal.create(options.journalDir, {
			command,
			startedAt: new Date().toISOString(),
			method,
			nodes,
			moves,
		});
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new NodeError(
			`[ERR] The journal cannot be written, and nothing was changed: ${why}. Make room in ${options.journalDir} or let it be written.`,
		);
	}
}

function tellProblem(
	problem: string,
	{movedSlots, openSlots}: MoveOutcome,
	total: number,
	method: MoveMethod,
	journal: Journal | null,
	options: MoveOptions,
	printer: Printer,
): void {
	printer.error(problem);
	const open =
		openSlots.length === 0
			? ''
			: ` Slot${openSlots.length > 1 ? 's' : ''} ${formatSlots(openSlots)} ${method === 'classic' ? 'may be half moved' : 'may still be moving'}.`;
	printer.error(`*** ${movedSlots.length} of ${total} slots were moved.${open}`);
	const where = formatEndpoint(options.node);
	if (journal !== null) {
		printer.line(
			`To complete it run: shoal trib reshard --resume ${where}\nTo end it here run: shoal trib reshard --abort ${where}`,
		);
	} else if (openSlots.length > 0) printer.line(`To complete it run: shoal trib fix ${where}`);
}

function reportOf(
	command: MoveCommand,
	method: MoveMethod,
	moves: readonly SlotMove[],
	loads: ReadonlyMap<number, SlotLoad> | null,
	outcome: MoveOutcome | null,
	journal: Journal | null = null,
): MoveReport {
	const groups = groupMoves(moves).map((group) => {
		const own = moves.filter(({source, target}) => source === group.source && target === group.target);
		const load = loads === null ? {keyCount: null, bytes: null} : loadOf(own, loads);
		return {...group, slotCount: own.length, ...load};
	});
	return {
		command,
		ok: outcome === null || outcome.problem === null,
		method,
		moves: groups,
		movedSlots: rangesOf(outcome?.movedSlots ?? []),
		openSlots: rangesOf(outcome?.openSlots ?? []),
		movedKeyCount: outcome?.keyCount ?? 0,
		journal: journal?.path ?? null,
	};
}

function rangesOf(slots: readonly number[]): readonly SlotRange[] {
	return slotRanges(slots.toSorted((a, b) => a - b));
}

/**
 * Replicas and other nodes hear of new owners by gossip: who runs `check` next shall not see them disagree. And no two primaries
 * have the same epoch. False when it does not come to that.
 */
async function untilSettled({nodes}: ClusterView, connections: Connections): Promise<boolean> {
	const startedAt = performance.now();
	while (performance.now() - startedAt < SETTLE_PATIENCE_MS) {
		const answers = await Promise.allSettled(
			nodes.map(async ({endpoint}) => {
				const reply = await (await connections.to(endpoint)).call('CLUSTER', 'NODES');
				const lines = typeof reply === 'string' ? parseNodesText(reply) : [];
				return {signature: slotSignature(lines), areEpochsDistinct: haveDistinctEpochs(lines)};
			}),
		);
		// A node that went away is not waited for.
		const seen = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
		const signatures = new Set(seen.map(({signature}) => signature));
		if (signatures.size <= 1 && seen.every(({areEpochsDistinct}) => areEpochsDistinct)) return true;
		await pause(SETTLE_PAUSE_MS);
	}
	return false;
}

/** Nodes that never got an epoch do not count: their word is the weakest. */
function haveDistinctEpochs(lines: readonly NodeLine[]): boolean {
	const epochs = lines
		.filter((line) => !isReplica(line) && line.slots.length > 0 && line.configEpoch > 0)
		.map(({configEpoch}) => configEpoch);
	return new Set(epochs).size === epochs.length;
}
