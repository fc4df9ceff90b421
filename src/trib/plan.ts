/**
 * What the manager is going to do, as data that can be printed, shown as JSON and carried out: the third of its four stages.
 * Pure.
 */

import type {SlotRange} from '../slots/slot-ranges.ts';
import type {Word} from './client.ts';
import {formatEndpoint} from './endpoint.ts';
import type {Endpoint} from './messages.ts';

/** One command to one node. */
export interface CallStep {
	readonly kind: 'call';
	readonly node: Endpoint;
	/** Text, or bytes that are shown by their number. */
	readonly words: readonly Word[];
	/** An error reply does not stop the plan; the reason why. */
	readonly mayFail?: string;
	/** The node goes away instead of answering. */
	readonly endsNode?: boolean;
}

/** Gives a node slots that nobody serves. */
export interface AddSlotsStep {
	readonly kind: 'add-slots';
	readonly node: Endpoint;
	readonly slots: readonly SlotRange[];
}

/** A node as it shall be seen by all. */
export interface ExpectedNode {
	readonly id: string;
	readonly endpoint: Endpoint;
	readonly slots: readonly SlotRange[];
}

/** Wait until each node knows all the others and sees the slots where they belong. */
export interface WaitStep {
	readonly kind: 'wait-for-agreement';
	readonly nodes: readonly ExpectedNode[];
	readonly timeoutMs: number;
	/** What helps those who have not agreed after a while; whether it succeeds does not matter. */
	readonly ifLate: {readonly afterMs: number; readonly steps: readonly CallStep[]} | null;
	/** Without the line and the dots of redis-cli, where it does not wait. */
	readonly isQuiet?: boolean;
}

export type Step = CallStep | AddSlotsStep | WaitStep;

/** Steps that do not depend on each other and go out at once. The next stage starts when all are done. */
export interface Stage {
	/** Lines before it, `>>> ...`. */
	readonly announce?: readonly string[];
	readonly steps: readonly Step[];
	/** Lines after it. */
	readonly conclude?: readonly string[];
}

export type Plan = readonly Stage[];

export function stepCount(plan: Plan): number {
	return plan.reduce((sum, stage) => sum + stage.steps.length, 0);
}

/** `127.0.0.1:7000> CLUSTER ADDSLOTSRANGE 0 5460`, a line a step. */
export function formatPlan(plan: Plan): string[] {
	return plan.flatMap(({steps}) => steps.map(formatStep));
}

export function formatStep(step: Step): string {
	if (step.kind === 'wait-for-agreement') {
		const late = step.ifLate === null ? '' : `; after ${step.ifLate.afterMs} ms all greet each other`;
		return `wait until ${step.nodes.length} nodes agree, at most ${step.timeoutMs / 1000} s${late}`;
	}
	return `${formatEndpoint(step.node)}> ${printedWords(step).join(' ')}`;
}

/** A step as reports carry it. */
export type StepReport =
	| {readonly do: 'call'; readonly node: string; readonly command: readonly string[]}
	| {
			readonly do: 'wait-for-agreement';
			readonly nodes: readonly string[];
			readonly timeoutMs: number;
	  };

export function planReport(plan: Plan): StepReport[] {
	return plan.flatMap(({steps}) =>
		steps.map((step): StepReport => {
			if (step.kind !== 'wait-for-agreement') {
				return {do: 'call', node: formatEndpoint(step.node), command: printedWords(step)};
			}
			const nodes = step.nodes.map(({endpoint}) => formatEndpoint(endpoint));
			return {do: 'wait-for-agreement', nodes, timeoutMs: step.timeoutMs};
		}),
	);
}

/** The command of a step. */
export function wordsOf(step: CallStep | AddSlotsStep): readonly Word[] {
	if (step.kind === 'call') return step.words;
	return ['CLUSTER', 'ADDSLOTSRANGE', ...step.slots.flatMap(([start, end]) => [String(start), String(end)])];
}

function printedWords(step: CallStep | AddSlotsStep): string[] {
	return wordsOf(step).map((word) => (typeof word === 'string' ? word : `<${word.length} bytes>`));
}

/** The same for a server before Redis 7.0, which takes slots one by one; null when there is no other form. */
export function olderWordsOf(step: CallStep | AddSlotsStep): readonly string[] | null {
	return step.kind === 'call' ? null : ['CLUSTER', 'ADDSLOTS', ...step.slots.flatMap(eachSlot)];
}

export function setConfigEpoch(node: Endpoint, epoch: number): CallStep {
	return {
		kind: 'call',
		node,
		words: ['CLUSTER', 'SET-CONFIG-EPOCH', String(epoch)],
		mayFail: 'a node that has an epoch keeps it, and nodes with the same one settle that among themselves',
	};
}

/** Makes `node` greet the node at `ip`. @param busPort null when it is where it always is */
export function meet(node: Endpoint, ip: string, port: number, busPort: number | null): CallStep {
	const words = ['CLUSTER', 'MEET', ip, String(port)];
	// Before Redis 4.0 the command takes no bus port.
	return {kind: 'call', node, words: busPort === null ? words : [...words, String(busPort)]};
}

export function replicate(node: Endpoint, primaryId: string): CallStep {
	return {kind: 'call', node, words: ['CLUSTER', 'REPLICATE', primaryId]};
}

function eachSlot([start, end]: SlotRange): string[] {
	return Array.from({length: end - start + 1}, (_, i) => String(start + i));
}
