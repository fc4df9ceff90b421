/** Whether the nodes of a cluster see what they shall see, and who does not. Pure. */

import {formatEndpoint} from './endpoint.ts';
import type {NodeLine} from './nodes-text.ts';
import type {ExpectedNode} from './plan.ts';
import {slotSignature} from './view.ts';

/** What one node does not see yet. */
export interface Gap {
	/** `host:port` of the node that does not agree. */
	readonly node: string;
	/** Addresses of the nodes that it does not know. */
	readonly unknown: readonly string[];
	/** It knows all, and gives some slot another owner, or none. */
	readonly slotsDiffer: boolean;
	/** All is well but for handshakes that still go on, with nodes known already: they are about to vanish. */
	readonly isHandshaking: boolean;
}

/** Compares what nodes say with one expectation. */
export class Agreement {
	readonly #expected: readonly ExpectedNode[];
	readonly #signature: string;

	constructor(expected: readonly ExpectedNode[]) {
		this.#expected = expected;
		this.#signature = slotSignature(expected);
	}

	/** null when `node`, which sees `lines`, agrees. */
	gap(node: ExpectedNode, lines: readonly NodeLine[]): Gap | null {
		// A node in handshake goes by an invented id, so that a known id is a node met for good.
		const known = new Set(lines.map(({id}) => id));
		const unknown = this.#expected.filter(({id}) => !known.has(id));
		const slotsDiffer = unknown.length === 0 && slotSignature(lines) !== this.#signature;
		const isWhole = unknown.length === 0 && !slotsDiffer;
		const isHandshaking = isWhole && lines.some(({flags}) => flags.includes('handshake'));
		if (isWhole && !isHandshaking) return null;
		return {
			node: formatEndpoint(node.endpoint),
			unknown: unknown.map(({endpoint}) => formatEndpoint(endpoint)),
			slotsDiffer,
			isHandshaking,
		};
	}
}

/** `127.0.0.1:7003 does not know 127.0.0.1:7001, 127.0.0.1:7002` */
export function formatGap({node, unknown, isHandshaking}: Gap): string {
	if (isHandshaking) return `${node} is still shaking hands`;
	return unknown.length > 0
		? `${node} does not know ${unknown.join(', ')}`
		: `${node} sees other owners of slots`;
}

/**
 * The addresses to which nodes have no link, each with the nodes that lack it.
 * @param views what each node, by its address, sees
 */
export function missingLinks(views: ReadonlyMap<string, readonly NodeLine[]>): Map<string, string[]> {
	const missing = new Map<string, string[]>();
	for (const [from, lines] of views) {
		for (const line of lines) {
			const isMissing = !line.connected || line.flags.includes('handshake');
			if (!isMissing || line.flags.includes('myself')) continue;
			const to = line.busPort === null ? formatEndpoint(line) : `${formatEndpoint(line)}@${line.busPort}`;
			missing.set(to, [...(missing.get(to) ?? []), from]);
		}
	}
	return missing;
}
