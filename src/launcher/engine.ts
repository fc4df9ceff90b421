/**
 * What nodes are made of. The fleet starts, ends and revives nodes without knowing it; an engine gives them their bodies:
 * worker threads of this process (thread-engine.ts) or processes of redis-server and its kin (process-engine.ts).
 */
import type {NodePlace} from './messages.ts';
import type {NodeBody, NodeVoice} from './node-handle.ts';

export interface Engine {
	/** For people: `shoal 0.1.0`, `redis-server 7.0.15`. */
	readonly title: string;
	/** How many places for nodes there are; of use after `open`. */
	readonly placeCount: number;
	/** Before the first node: so many are started at once. */
	open(nodeCount: number): void;
	/** Starts a node and resolves nothing: the voice tells what becomes of it, never before this has returned. */
	embody(place: NodePlace, voice: NodeVoice): NodeBody;
	/** Index of the node that serves the slot, as the node at place `witness` sees it; null: none, or none of ours. */
	ownerOf(slot: number, witness: number): number | null;
	/** The start is over and this node runs: time for what makes the next start faster. */
	prepareNext(running: number): void;
}
