/**
 * Reads the answer of `CLUSTER NODES` (Cluster Specification, Cluster topology), of Redis 3.0 to 8 and of Valkey:
 *
 *     <id> <ip:port@busPort,hostname,aux=value> <flags> <primary|-> <ping> <pong> <epoch> <link> <slot> ... [slot->-id]
 *
 * The bus port came with 4.0, the host name with 7.0, auxiliary fields with 7.2. What a newer server adds is passed over.
 */

import {parseSlotRange, type SlotRange} from '../slots/slot-ranges.ts';
import {isSlot} from '../slots/key-slot.ts';
import {parseNodeAddress, type NodeAddress} from './endpoint.ts';

/** One node as another one, or it itself, describes it. */
export interface NodeLine extends NodeAddress {
	readonly id: string;
	/** Announced host name, null without one. */
	readonly hostname: string | null;
	/** As written: `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`, `noaddr`, `nofailover`, `noflags`. */
	readonly flags: readonly string[];
	/** The primary that it replicates; null for a primary. */
	readonly primaryId: string | null;
	readonly configEpoch: number;
	/** Whether the link from the speaker to this node is up. */
	readonly connected: boolean;
	/** Slots that it serves, as the speaker knows. */
	readonly slots: readonly SlotRange[];
	/** Slot -> id of the node it goes to. Only on the speaker's own line. */
	readonly migrating: ReadonlyMap<number, string>;
	/** Slot -> id of the node it comes from. Only on the speaker's own line. */
	readonly importing: ReadonlyMap<number, string>;
}

const ID = /^[0-9a-f]{40}$/i;
const OPEN_SLOT = /^\[(\d{1,5})-([<>])-([0-9a-f]+)\]$/i;
const FIELDS_BEFORE_SLOTS = 8;

/** Reads every line that describes a node; others (`vars` of a nodes.conf, what cannot be read) are passed over. */
export function parseNodesText(text: string): NodeLine[] {
	return text.split('\n').flatMap((line) => {
		const node = parseNodeLine(line);
		return node === null ? [] : [node];
	});
}

/** The line in which the speaker describes itself. */
export function ownLine(lines: readonly NodeLine[]): NodeLine | null {
	return lines.find(({flags}) => flags.includes('myself')) ?? null;
}

export function isReplica({flags}: NodeLine): boolean {
	return flags.includes('slave') || flags.includes('replica');
}

function parseNodeLine(line: string): NodeLine | null {
	const fields = line.trim().split(/\s+/);
	if (fields.length < FIELDS_BEFORE_SLOTS) return null;
	const [id, place, flagText, primary, , , epoch, link] = fields as [string, ...string[]];
	const [addressText, hostname] = place?.split(',') ?? [];
	const address = parseNodeAddress(addressText ?? '');
	if (!ID.test(id) || address === null || flagText === undefined) return null;

	const slots: SlotRange[] = [];
	const migrating = new Map<number, string>();
	const importing = new Map<number, string>();
	for (const field of fields.slice(FIELDS_BEFORE_SLOTS)) {
		const range = parseSlotRange(field);
		if (range !== null) slots.push(range);
		const open = OPEN_SLOT.exec(field);
		if (open !== null && isSlot(Number(open[1]))) {
			(open[2] === '>' ? migrating : importing).set(Number(open[1]), open[3] ?? '');
		}
	}
	return {
		...address,
		id,
		hostname: hostname === undefined || hostname === '' || hostname.includes('=') ? null : hostname,
		flags: flagText.split(','),
		primaryId: primary !== undefined && ID.test(primary) ? primary : null,
		configEpoch: Number(epoch) || 0,
		connected: link === 'connected',
		slots,
		migrating,
		importing,
	};
}
