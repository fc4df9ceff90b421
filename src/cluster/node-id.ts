/**
 * Names of cluster nodes. Chapter: Cluster Specification, "Cluster node attributes".
 */

import type {Random} from './config.ts';

/** 40 lower-case hexadecimal digits; a node keeps its id for life (only RESET HARD gives it another). */
export type NodeId = string & {readonly __brand: 'NodeId'};

const NODE_ID = /^[0-9a-f]{40}$/;

export function isNodeId(text: unknown): text is NodeId {
	return typeof text === 'string' && NODE_ID.test(text);
}

/** The id that `text` spells, or null. */
export function parseNodeId(text: string): NodeId | null {
	return isNodeId(text) ? text : null;
}

/** A fresh id of 160 random bits, as good as the generator that is passed in. */
export function randomNodeId(random: Random): NodeId {
	let digits = '';
	for (let word = 0; word < 5; word++) digits += (random.next32() >>> 0).toString(16).padStart(8, '0');
	return digits as NodeId;
}
