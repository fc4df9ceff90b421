/**
 * `trib fix`: closes open slots, covers slots that nobody serves, and brings the keys of a slot together. Lines and questions of
 * redis-cli 7.0. `--plan` and `--dry-run` tell what would be done, and which keys could be lost, and change nothing.
 */

import {setTimeout as pause} from 'node:timers/promises';
import {formatSlotRange, slotRanges, type SlotRange} from '../slots/slot-ranges.ts';
import {
	isProblem,
	keysElsewhere,
	printAgreement,
	printCoverage,
	printOpenSlots,
	printOwners,
	warnOfUnknownPrimaries,
} from './check.ts';
import {Connections} from './connections.ts';
import {formatRisk, keysAtRisk, slotsAtRisk, unreachableOwners, type KeysAtRisk} from './fix-risk.ts';
import {printSummary} from './info.ts';
import {findIssues, findMultipleOwners, type Issue} from './issues.ts';
import {countKeys} from './key-counts.ts';
import {loadView} from './load-view.ts';
import type {FixOptions} from './member-jobs.ts';
import type {TribExitCode} from './messages.ts';
import {MIGRATE_PIPELINE, MIGRATE_TIMEOUT_MS} from './migrate-keys.ts';
import {
	coverByGathering,
	coverEmptySlots,
	coverWithHolders,
	groupUncovered,
	repairOpenSlot,
	repairOwners,
	type KeyCounts,
} from './plan-fix.ts';
import type {Printer} from './printer.ts';
import {formatRepair, type Repair} from './repairs.ts';
import {runRepair} from './run-repair.ts';
import {address, type ClusterView} from './view.ts';

/** Beyond the time that a MIGRATE may take. */
const REPLY_PATIENCE_MS = 15_000;
/** Nodes hear of a repair by gossip. */
const SETTLE_TIMEOUT_MS = 10_000;
const SETTLE_PAUSE_MS = 100;

export interface FixReport {
	readonly command: 'fix';
	/** The cluster is in order now; for a plan: it was already. */
	readonly ok: boolean;
	/** What was found to do, in order. */
	readonly repairs: readonly RepairReport[];
	/** Problems that are left. */
	readonly issues: readonly Issue[];
}

export interface RepairReport {
	readonly problem: Repair['problem'];
	readonly slots: readonly SlotRange[];
	/** Address of the node that serves them afterwards. */
	readonly owner: string;
	readonly steps: readonly string[];
	/** Filled by a plan only. */
	readonly atRisk: readonly KeysAtRisk[];
	readonly outcome: 'planned' | 'done' | 'declined' | 'failed';
	readonly error: string | null;
}

export async function runFix(
	options: FixOptions,
	printer: Printer,
): Promise<{exitCode: TribExitCode; report: FixReport | null}> {
	const {credentials} = options;
	const replyTimeoutMs = (options.timeoutMs ?? MIGRATE_TIMEOUT_MS) + REPLY_PATIENCE_MS;
	using connections = new Connections({credentials});
	using byteConnections = new Connections({credentials, binary: true, replyTimeoutMs});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	const fix = new Fix(view, options, connections, byteConnections, printer);
	if (!(await fix.run())) return {exitCode: 1, report: null};

	const {repairs} = fix;
	const isPlan = options.dryRun === true;
	const issues = isPlan
		? findIssues(view)
		: await issuesLeft(
				options,
				connections,
				repairs.some(({outcome}) => outcome === 'done'),
			);
	const ok = !issues.some(isProblem) && repairs.every(({outcome}) => outcome === 'done');
	const isPartly = repairs.some(({outcome}) => outcome === 'done') || fix.isChanged;
	return {exitCode: ok ? 0 : isPartly ? 3 : 1, report: {command: 'fix', ok, repairs, issues}};
}

/** One run: what it found, and what became of it. */
class Fix {
	readonly repairs: RepairReport[] = [];
	/** A repair that failed had changed something before. */
	isChanged = false;
	readonly #view: ClusterView;
	readonly #options: FixOptions;
	readonly #connections: Connections;
	readonly #byteConnections: Connections;
	readonly #printer: Printer;

	constructor(
		view: ClusterView,
		options: FixOptions,
		connections: Connections,
		byteConnections: Connections,
		printer: Printer,
	) {
		this.#view = view;
		this.#options = options;
		this.#connections = connections;
		this.#byteConnections = byteConnections;
		this.#printer = printer;
	}

	/** false when it is not to go on. */
	async run(): Promise<boolean> {
		const view = this.#view;
		const printer = this.#printer;
		const issues = findIssues(view);
		warnOfUnknownPrimaries(issues, printer);
		printSummary(view, printer);
		printAgreement(view, issues, printer);

		const open = openSlots(issues);
		const uncovered = uncoveredSlots(issues);
		const counts = await countKeys(view, [...new Set([...open, ...uncovered])], this.#connections);
		const keysOf = (slot: number): KeyCounts => counts.get(slot) ?? new Map();
		printOpenSlots(issues, printer);
		if (open.length > 0 && this.#isDangerous('open slots')) return false;
		for (const slot of open) await this.#apply([repairOpenSlot(view, slot, keysOf(slot))]);

		printCoverage(issues, printer);
		const covered = new Set(open);
		const missing = uncovered.filter((slot) => !covered.has(slot));
		if (missing.length > 0 && !(await this.#cover(missing, keysOf))) return false;
		if (this.#options.searchMultipleOwners === true)
			await this.#bringTogether(new Set([...open, ...uncovered]));
		return true;
	}

	async #cover(slots: readonly number[], keysOf: (slot: number) => KeyCounts): Promise<boolean> {
		if (this.#isDangerous('slots coverage')) return false;
		const view = this.#view;
		this.#printer.info('>>> Fixing slots coverage...');
		const {none, one, several} = groupUncovered(slots, keysOf);
		await this.#offer(
			none,
			'The following uncovered slots have no keys across the cluster:',
			'Fix these slots by covering with a random node?',
			coverEmptySlots(view, none),
		);
		await this.#offer(
			one,
			'The following uncovered slots have keys in just one node:',
			'Fix these slots by covering with those nodes?',
			coverWithHolders(view, one, keysOf),
		);
		await this.#offer(
			several,
			'The following uncovered slots have keys in multiple nodes:',
			'Fix these slots by moving keys into a single node?',
			several.map((slot) => coverByGathering(view, slot, keysOf(slot))),
		);
		return true;
	}

	async #bringTogether(mended: ReadonlySet<number>): Promise<void> {
		const elsewhere = await keysElsewhere(this.#view, this.#connections);
		const issues = findMultipleOwners(this.#view, elsewhere).filter(
			(issue) => issue.kind !== 'multiple-owners' || !mended.has(issue.slot),
		);
		printOwners(issues, this.#printer);
		const slots = issues.flatMap((issue) => (issue.kind === 'multiple-owners' ? [issue.slot] : []));
		const counts = await countKeys(this.#view, slots, this.#connections);
		for (const slot of slots) await this.#apply([repairOwners(this.#view, slot, counts.get(slot)!)]);
	}

	/** Shows the slots and does the repairs if that is wanted. */
	async #offer(
		slots: readonly number[],
		heading: string,
		question: string,
		repairs: readonly Repair[],
	): Promise<void> {
		if (slots.length === 0) return;
		this.#printer.line(heading);
		this.#printer.line(
			slotRanges(slots)
				.map((range) => `[${formatSlotRange(range)}]`)
				.join(','),
		);
		if (this.#options.dryRun !== true && this.#options.yes !== true) {
			const answer = await this.#printer.ask(`${question} (type 'yes' to accept): `);
			if (answer === null) {
				this.#printer.complaint(
					'Nobody is there to answer: these slots stay as they are. Give --yes to accept.',
				);
			}
			if (answer?.trim() !== 'yes') {
				this.repairs.push(...repairs.map((repair) => reportOf(repair, 'declined')));
				return;
			}
		}
		await this.#apply(repairs);
	}

	async #apply(repairs: readonly Repair[]): Promise<void> {
		for (const repair of repairs) {
			if (this.#options.dryRun === true) await this.#tell(repair);
			else await this.#do(repair);
		}
	}

	async #tell(repair: Repair): Promise<void> {
		for (const line of formatRepair(repair)) this.#printer.line(line);
		const atRisk = await keysAtRisk(repair, this.#byteConnections);
		for (const line of atRisk.flatMap(formatRisk)) this.#printer.warning(line);
		for (const line of slotsAtRisk(this.#view, repair.slots)) this.#printer.warning(line);
		this.repairs.push({...reportOf(repair, 'planned'), atRisk});
	}

	async #do(repair: Repair): Promise<void> {
		const settings = {
			credentials: this.#options.credentials,
			timeoutMs: this.#options.timeoutMs ?? MIGRATE_TIMEOUT_MS,
			pipeline: this.#options.pipeline ?? MIGRATE_PIPELINE,
			replace: this.#options.replace === true,
		};
		const {error, isChanged} = await runRepair(repair, this.#byteConnections, settings, this.#printer);
		this.isChanged ||= isChanged;
		this.repairs.push({...reportOf(repair, error === null ? 'done' : 'failed'), error});
	}

	/** A primary that does not answer may come back with the keys of its slots. */
	#isDangerous(what: string): boolean {
		const count = unreachableOwners(this.#view).length;
		if (count === 0 || this.#options.withUnreachablePrimaries === true) return false;
		// A plan changes nothing: it says what would be lost.
		if (this.#options.dryRun === true) {
			this.#printer.warning(
				`*** ${count} masters with slots do not answer: without --fix-with-unreachable-masters nothing is done.`,
			);
			return false;
		}
		this.#printer.warning(
			`*** Fixing ${what} with ${count} unreachable masters is dangerous: redis-cli will assume that slots about ` +
				'masters that are not reachable are not covered, and will try to reassign them to the reachable nodes. This can ' +
				'cause data loss and is rarely what you want to do. If you really want to proceed use the ' +
				'--cluster-fix-with-unreachable-masters option.',
		);
		return true;
	}
}

function reportOf(repair: Repair, outcome: RepairReport['outcome']): RepairReport {
	return {
		problem: repair.problem,
		slots: slotRanges(repair.slots),
		owner: address(repair.owner),
		steps: formatRepair(repair),
		atRisk: [],
		outcome,
		error: null,
	};
}

function openSlots(issues: readonly Issue[]): number[] {
	return [
		...new Set(
			issues.flatMap((issue) =>
				issue.kind === 'migrating' || issue.kind === 'importing' ? issue.slots : [],
			),
		),
	];
}

function uncoveredSlots(issues: readonly Issue[]): number[] {
	const ranges = issues.flatMap((issue) => (issue.kind === 'uncovered' ? issue.slots : []));
	return ranges.flatMap(([start, end]) => Array.from({length: end - start + 1}, (_, i) => start + i));
}

/** What is still wrong, when all had the time to hear of what was done. */
async function issuesLeft(
	options: FixOptions,
	connections: Connections,
	didRepair: boolean,
): Promise<Issue[]> {
	const deadline = performance.now() + (didRepair ? SETTLE_TIMEOUT_MS : 0);
	for (;;) {
		const issues = findIssues(await loadView(connections, options.node, () => undefined));
		if (!issues.some(isProblem) || performance.now() > deadline) return issues;
		await pause(SETTLE_PAUSE_MS);
	}
}
