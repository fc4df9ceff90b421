/**
 * Which nodes the words of an operator mean: `shoal chaos kill primaries`. Pure, but for the choice of a random node, which
 * comes from outside.
 *
 *     node 1, 1          by index, from 0            primaries, replicas, all    of the nodes that it can be done to
 *     7001               by port                     random, one                 any one of them
 *     127.0.0.1:7001     by address                  owner-of:<key or slot>      who serves it; a number is a slot
 *     3f9a0c             by id, or how it begins         shard:<n>                 a primary and its replicas, from 0
 *                                                        minority, majority        so many of the primaries
 *
 * Several of them mean all of the nodes that they mean.
 */
import {keySlot, SLOT_COUNT} from '../slots/key-slot.ts';
import {UsageError} from './errors.ts';
import type {NodeRole} from './events.ts';
import {sameHost} from './mesh.ts';
import {nearest} from './nearest.ts';

/** A node as a target. */
export interface TargetNode {
	readonly index: number;
	readonly host: string;
	readonly port: number;
	/** Empty: not known. */
	readonly nodeId: string;
	readonly role: NodeRole;
	/** Id of the primary that it follows; empty: none, or not known. */
	readonly primaryId: string;
	/** Whether it can be done to this node now: words that name none in particular choose among these. */
	readonly isCandidate: boolean;
}

export interface TargetView {
	readonly nodes: readonly TargetNode[];
	/** Index of the node that serves the slot; null when none does, or none of this launcher. */
	ownerOf(slot: number): number | null;
	/** A whole number from 0 up to, and without, `bound`. */
	below(bound: number): number;
}

const WORDS = [
	'all',
	'primaries',
	'replicas',
	'random',
	'one',
	'minority',
	'majority',
	'shard',
	'owner-of',
] as const;
const HINT =
	'name a node by index, port, host:port or id, or write all, primaries, replicas, random, minority, majority, shard:<n>, owner-of:<key or slot>';

/**
 * The indexes that the words mean, in order and each once; at least one.
 * @throws UsageError when any of the words means no node, or an id's beginning means several
 */
export function resolveTargets(words: readonly string[], view: TargetView): number[] {
	const targets = joinNames(words);
	if (targets.length === 0) throw new UsageError(`no node is named; ${HINT}`);
	return [...new Set(targets.flatMap((target) => resolveOne(target, view)))].toSorted((a, b) => a - b);
}

/** `node 1` is one target, be it one word or two: `1`. */
function joinNames(words: readonly string[]): string[] {
	return words
		.map((word) => /^node[ #-]?(\d{1,5})$/i.exec(word)?.[1] ?? word)
		.filter((word, i) => word.toLowerCase() !== 'node' || !/^\d{1,5}$/.test(words[i + 1] ?? ''));
}

function resolveOne(word: string, view: TargetView): number[] {
	const candidates = view.nodes.filter(({isCandidate}) => isCandidate);
	const lower = word.toLowerCase();
	switch (lower) {
		case 'all':
			return indexesOf(candidates, word);
		case 'primaries':
			return indexesOf(
				candidates.filter(({role}) => role === 'primary'),
				word,
			);
		case 'replicas':
			return indexesOf(
				candidates.filter(({role}) => role === 'replica'),
				word,
			);
		case 'one':
		case 'random':
			return indexesOf(candidates.slice(view.below(candidates.length)).slice(0, 1), word);
		case 'minority':
		case 'majority':
			return resolvePart(lower, view);
		default:
			if (lower.startsWith('shard:')) return resolveShard(word.slice('shard:'.length), view);
			return lower.startsWith('owner-of:')
				? [resolveOwner(word.slice('owner-of:'.length), view)]
				: [resolveNode(word, view.nodes)];
	}
}

function indexesOf(nodes: readonly TargetNode[], word: string): number[] {
	if (nodes.length === 0) throw new UsageError(`${word}: there is no such node that this can be done to`);
	return nodes.map(({index}) => index);
}

/**
 * So many primaries that the rest is a majority of all of them, or so many that the rest is none: what a failover survives,
 * and what prevents it. Those that it cannot be done to count among all of them.
 */
function resolvePart(word: 'minority' | 'majority', view: TargetView): number[] {
	const primaries = servers(view);
	const majority = Math.floor(primaries.length / 2) + 1;
	const wanted = word === 'majority' ? majority : primaries.length - majority;
	const candidates = primaries.filter(({isCandidate}) => isCandidate);
	if (wanted === 0 || candidates.length < wanted) {
		throw new UsageError(
			`${word}: of ${primaries.length} primaries that is ${wanted}, and it can be done to ${candidates.length} of them`,
		);
	}
	return candidates.slice(0, wanted).map(({index}) => index);
}

/** The primaries that count in the cluster: each serves a slot at least, alive or not. In the order of nodes. */
function servers(view: TargetView): TargetNode[] {
	const owners = new Set(Array.from({length: SLOT_COUNT}, (_, slot) => view.ownerOf(slot)));
	return view.nodes.filter(({index}) => owners.has(index));
}

/** Shards are counted in the order of their primaries. */
function resolveShard(number: string, view: TargetView): number[] {
	const primaries = servers(view);
	const primary = /^\d{1,5}$/.test(number) ? primaries[Number(number)] : undefined;
	if (primary === undefined) {
		throw new UsageError(
			`shard:${number}: there is no such shard${primaries.length === 0 ? '' : `; there are 0 to ${primaries.length - 1}`}`,
		);
	}
	const members = view.nodes.filter(
		(node) => node === primary || (primary.nodeId !== '' && node.primaryId === primary.nodeId),
	);
	return indexesOf(
		members.filter(({isCandidate}) => isCandidate),
		`shard:${number}`,
	);
}

function resolveOwner(keyOrSlot: string, view: TargetView): number {
	if (keyOrSlot === '') throw new UsageError('owner-of: needs a key or a slot, as in owner-of:user:1000');
	const isSlot = /^\d{1,5}$/.test(keyOrSlot) && Number(keyOrSlot) < SLOT_COUNT;
	const slot = isSlot ? Number(keyOrSlot) : keySlot(new TextEncoder().encode(keyOrSlot));
	const owner = view.ownerOf(slot);
	if (owner === null) throw new UsageError(`owner-of:${keyOrSlot}: no node here serves slot ${slot}`);
	return owner;
}

function resolveNode(word: string, nodes: readonly TargetNode[]): number {
	const found = findByAddress(word, nodes) ?? findById(word, nodes);
	if (found !== null) return found.index;
	const ports = nodes.map(({port}) => port).join(', ');
	throw new UsageError(
		`${word}: there is no such node${nearest(word, WORDS) || `; there are 0 to ${nodes.length - 1}, on ports ${ports}`}`,
	);
}

function findByAddress(word: string, nodes: readonly TargetNode[]): TargetNode | null {
	if (/^\d{1,5}$/.test(word)) {
		const number = Number(word);
		return nodes.find(({index}) => index === number) ?? nodes.find(({port}) => port === number) ?? null;
	}
	const [, bracketed, plain, port] = /^(?:\[(.+)\]|(.+)):(\d{1,5})$/.exec(word) ?? [];
	const host = bracketed ?? plain;
	if (host === undefined) return null;
	return nodes.find((node) => node.port === Number(port) && sameHost(node.host, host)) ?? null;
}

function findById(word: string, nodes: readonly TargetNode[]): TargetNode | null {
	if (!/^[0-9a-f]{1,40}$/i.test(word)) return null;
	const found = nodes.filter(({nodeId}) => nodeId.startsWith(word.toLowerCase()));
	if (found.length > 1) {
		const which = found.map(({port, nodeId}) => `${nodeId.slice(0, word.length + 8)} (${port})`).join(', ');
		throw new UsageError(`${word}: several ids begin so: ${which}; write more of it, or the port`);
	}
	return found[0] ?? null;
}
