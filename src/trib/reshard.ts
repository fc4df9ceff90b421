/** `trib reshard` and `trib move-slot`: slots go to a node. Prompts, lines and proportions of redis-trib. */

import {SLOT_COUNT} from '../slots/key-slot.ts';
import {checkView} from './check.ts';
import {Connections} from './connections.ts';
import {loadView} from './load-view.ts';
import type {MoveSlotOptions, ReshardOptions} from './messages.ts';
import type {SlotMove} from './moves.ts';
import {nodeLines} from './node-lines.ts';
import {planReshard} from './plan-reshard.ts';
import type {Printer} from './printer.ts';
import {recover} from './recover.ts';
import {carryOut, nothingMoved, primaryByName, refuse, showPlan, type JobResult} from './slot-job.ts';
import {isPrimary, type ClusterView, type NodeView} from './view.ts';

/** Nobody is there to answer a question. */
class NobodyError extends Error {}

/** @throws {NodeError} the first node is of no use, or no journal can be kept */
export async function runReshard(options: ReshardOptions, printer: Printer): Promise<JobResult> {
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	if (options.recovery !== undefined) {
		return await recover(options.recovery, view, connections, options, printer);
	}
	if (!checkView(view, printer, true)) return await refuse('resharding', view, options, printer);
	try {
		const count = options.slotCount ?? (await askCount(printer));
		const target = await receivingNode(view, options, printer);
		if (target === null) return {exitCode: 2, report: null};
		const sources = await givingNodes(view, target, options, printer);
		if (sources === null) return {exitCode: options.from === undefined ? 1 : 2, report: null};
		const moves = planReshard(
			sources.map(({self, slots}) => ({id: self.id, slots})),
			count,
		).map((taken): SlotMove => ({...taken, target: target.self.id}));
		printReshard(view, target, sources, moves, count, printer);
		if (options.dryRun === true) {
			return await showPlan('reshard', moves, view, connections, options, printer);
		}
		if (options.yes !== true) {
			const answer = await ask(printer, 'Do you want to proceed with the proposed reshard plan (yes/no)? ');
			if (answer.toLowerCase() !== 'yes') return {exitCode: 0, report: nothingMoved('reshard')};
		}
		return await carryOut('reshard', moves, view, connections, options, printer);
	} catch (error) {
		if (!(error instanceof NobodyError)) throw error;
		printer.complaint(
			'Nobody is there to answer: nothing was changed. Give --slots, --to, --from and --yes.',
		);
		return {exitCode: 1, report: null};
	}
}

/** @throws {NodeError} the first node is of no use, or no journal can be kept */
export async function runMoveSlot(options: MoveSlotOptions, printer: Printer): Promise<JobResult> {
	using connections = new Connections({credentials: options.credentials});
	const view = await loadView(connections, options.node, (line) => printer.complaint(line));
	if (!checkView(view, printer, false)) return await refuse('moving slots', view, options, printer);
	const target = primaryByName(view, options.to);
	if (target === null) {
		printer.error(`*** The specified node (${options.to}) is not known or not a master, please retry.`);
		return {exitCode: 2, report: null};
	}
	const [start, end] = options.slots;
	const primaries = view.nodes.filter(isPrimary);
	const moves: SlotMove[] = [];
	for (let slot = start; slot <= end; slot++) {
		const source = primaries.find(({slots}) => slots.has(slot));
		if (source === undefined || source === target) continue;
		moves.push({slot, source: source.self.id, target: target.self.id});
	}
	if (options.dryRun === true) return await showPlan('move-slot', moves, view, connections, options, printer);
	return await carryOut('move-slot', moves, view, connections, options, printer);
}

async function ask(printer: Printer, question: string): Promise<string> {
	const answer = await printer.ask(question);
	if (answer === null) throw new NobodyError();
	return answer.trim();
}

async function askCount(printer: Printer): Promise<number> {
	for (;;) {
		const answer = await ask(printer, `How many slots do you want to move (from 1 to ${SLOT_COUNT})? `);
		const count = /^\d{1,5}$/.test(answer) ? Number(answer) : 0;
		if (count >= 1 && count <= SLOT_COUNT) return count;
	}
}

/** null when the one that the options name is none. */
async function receivingNode(
	view: ClusterView,
	options: ReshardOptions,
	printer: Printer,
): Promise<NodeView | null> {
	for (;;) {
		const name = options.to ?? (await ask(printer, 'What is the receiving node ID? '));
		const node = primaryByName(view, name);
		if (node !== null) return node;
		printer.error(`*** The specified node (${name}) is not known or not a master, please retry.`);
		if (options.to !== undefined) return null;
	}
}

/** null when the options name one that cannot give, or a person named none. */
async function givingNodes(
	view: ClusterView,
	target: NodeView,
	options: ReshardOptions,
	printer: Printer,
): Promise<NodeView[] | null> {
	const all = view.nodes.filter((node) => isPrimary(node) && node !== target);
	const sources: NodeView[] = [];
	const add = (name: string): boolean => {
		const node = primaryByName(view, name);
		if (node === null) {
			printer.error(`*** The specified node (${name}) is not known or not a master, please retry.`);
		} else if (node === target) {
			printer.error('*** It is not possible to use the target node as source node.');
		} else if (!sources.includes(node)) sources.push(node);
		return node !== null && node !== target;
	};
	if (options.from !== undefined) {
		if (options.from.includes('all')) return all;
		if (!options.from.every(add)) return null;
	} else {
		printer.line('Please enter all the source node IDs.');
		printer.line("  Type 'all' to use all the nodes as source nodes for the hash slots.");
		printer.line("  Type 'done' once you entered all the source nodes IDs.");
		for (;;) {
			const name = await ask(printer, `Source node #${sources.length + 1}: `);
			if (name === 'all') return all;
			if (name === 'done') break;
			add(name);
		}
	}
	if (sources.length > 0) return sources;
	printer.complaint('*** No source nodes given, operation aborted.');
	return null;
}

function printReshard(
	view: ClusterView,
	target: NodeView,
	sources: readonly NodeView[],
	moves: readonly SlotMove[],
	count: number,
	printer: Printer,
): void {
	const show = (node: NodeView): void => {
		for (const line of nodeLines(view, node)) printer.line(`    ${line}`);
	};
	printer.line(`\nReady to move ${count} slots.`);
	printer.line('  Source nodes:');
	for (const node of sources) show(node);
	printer.line('  Destination node:');
	show(target);
	printer.line('  Resharding plan:');
	for (const {slot, source} of moves) printer.line(`    Moving slot ${slot} from ${source}`);
}
