/**
 * What an operator does to nodes, from whichever door the wish comes: targets in words go in, what became of each node comes
 * out. Plain objects, since they travel over the control endpoint.
 */
import {randomInt} from 'node:crypto';
import {LaunchError, messageOf, UsageError} from './errors.ts';
import type {NodeStatus} from './events.ts';
import type {Launcher} from './launcher.ts';
import type {NodeThread} from './node-thread.ts';
import {HIGHEST_PORT, shown} from './settings.ts';
import {resolveTargets, type TargetView} from './targets.ts';

/** The words of targets are explained in targets.ts. */
export type NodeAct =
	/** Ends the threads at once, nothing is flushed; gracefully: as `stop`. */
	| {readonly action: 'kill'; readonly targets: readonly string[]; readonly graceful?: boolean}
	/** From its directory, under its address. */
	| {readonly action: 'start'; readonly targets: readonly string[]}
	/** Killed, and started `afterMs` later (0). */
	| {
			readonly action: 'restart';
			readonly targets: readonly string[];
			readonly graceful?: boolean;
			readonly afterMs?: number;
	  }
	/** As SHUTDOWN does: what must be saved is saved. */
	| {readonly action: 'stop'; readonly targets: readonly string[]}
	/** One more, empty and alone; without a port on the next free one. */
	| {readonly action: 'add'; readonly port?: number};

export interface ActReport {
	readonly action: NodeAct['action'];
	/** It was done to every target. */
	readonly ok: boolean;
	/** Every target as it is now; `error` says why it was not done to it. */
	readonly nodes: readonly (NodeStatus & {readonly error?: string})[];
}

/** Resolves when all is done. @throws UsageError when a target means no node, LaunchError when `add` fails */
export async function carryOut(launcher: Launcher, act: NodeAct, by: string): Promise<ActReport> {
	const {fleet} = launcher;
	switch (act.action) {
		case 'add': {
			const node = await fleet.add(act.port);
			return {action: 'add', ok: true, nodes: [launcher.statusOf(node)]};
		}
		case 'start':
			return toEach(launcher, act, (node) => fleet.start(node));
		case 'stop':
			return toEach(launcher, act, (node) => fleet.end(node, {by, gracefully: true}));
		case 'kill':
			return toEach(launcher, act, (node) => fleet.end(node, {by, gracefully: act.graceful === true}));
		case 'restart':
			return toEach(launcher, act, (node) =>
				fleet.restart(node, act.afterMs ?? 0, {by, gracefully: act.graceful === true}),
			);
	}
}

async function toEach(
	launcher: Launcher,
	{action, targets}: Exclude<NodeAct, {action: 'add'}>,
	doIt: (node: NodeThread) => Promise<unknown>,
): Promise<ActReport> {
	const {fleet} = launcher;
	const isCandidate = (node: NodeThread): boolean => (action === 'start' ? node.isOver : node.isUp);
	const indexes = resolveTargets(targets, targetView(launcher, isCandidate));
	const outcomes = await Promise.all(
		indexes.map(async (index) => {
			const node = fleet.nodes[index];
			if (node === undefined) throw new LaunchError(`there is no node ${index}`);
			try {
				await doIt(node);
				return {};
			} catch (error) {
				if (!(error instanceof LaunchError)) throw error;
				return {error: messageOf(error)};
			}
		}),
	);
	return {
		action,
		ok: outcomes.every(({error}) => error === undefined),
		nodes: indexes.map((index, i) => ({...launcher.statusOf(fleet.nodes[index]!), ...outcomes[i]})),
	};
}

function targetView({fleet}: Launcher, isCandidate: (node: NodeThread) => boolean): TargetView {
	return {
		nodes: fleet.nodes.map((node) => {
			const {index, host, port} = node.start;
			const role = node.role?.role ?? 'primary';
			const primaryId = node.role?.primaryId ?? '';
			return {index, host, port, nodeId: node.nodeId, role, primaryId, isCandidate: isCandidate(node)};
		}),
		ownerOf: (slot) => fleet.ownerOf(slot),
		below: (bound) => (bound === 0 ? 0 : randomInt(bound)),
	};
}

/** Reads an act as it came over the control endpoint. @throws UsageError */
export function readAct(value: Readonly<Record<string, unknown>>): NodeAct {
	const {action} = value;
	switch (action) {
		case 'add':
			return {action, ...optional('port', value, isPort, `a port from 1 to ${HIGHEST_PORT}`)};
		case 'start':
		case 'stop':
			return {action, targets: targetsOf(value)};
		case 'kill':
			return {action, targets: targetsOf(value), ...optional('graceful', value, isBoolean, 'true or false')};
		case 'restart':
			return {
				action,
				targets: targetsOf(value),
				...optional('graceful', value, isBoolean, 'true or false'),
				...optional('afterMs', value, isDuration, 'milliseconds, an hour at most'),
			};
		default:
			throw new UsageError(`action: must be add, start, stop, kill or restart, not ${shown(action)}`);
	}
}

function targetsOf({targets}: Readonly<Record<string, unknown>>): string[] {
	if (!Array.isArray(targets) || !targets.every((word): word is string => typeof word === 'string'))
		throw new UsageError('targets: must be a list of words, such as ["7000"]');
	return targets;
}

function optional<K extends string, T>(
	key: K,
	value: Readonly<Record<string, unknown>>,
	fits: (value: unknown) => value is T,
	what: string,
): {readonly [key in K]?: T} {
	const given = value[key];
	if (given === undefined) return {};
	if (!fits(given)) throw new UsageError(`${key}: must be ${what}, not ${shown(given)}`);
	return {[key]: given} as {readonly [key in K]?: T};
}

const LONGEST_WAIT_MS = 3_600_000;

const isWhole = (value: unknown, least: number, most: number): value is number =>
	typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
const isPort = (value: unknown): value is number => isWhole(value, 1, HIGHEST_PORT);
const isDuration = (value: unknown): value is number => isWhole(value, 0, LONGEST_WAIT_MS);
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
