/**
 * How replicas and files learn which slots are hidden (Keyspace.hideSlots): in the command stream by a PING whose text they
 * know, in an RDB file by a field of its head. Every other server passes both by: a PING changes nothing, unknown fields are
 * skipped.
 *
 *     PING shoal:hide:0-99,7000        the keys of these slots, those to come too, are hidden
 *     PING shoal:show:0-99,7000        they are not any more
 */
import type {Keyspace} from '../data/keyspace.ts';
import {latin1} from '../lib/bytes.ts';
import {formatSlotRanges, parseSlotRange, type SlotRange, slotRanges} from '../slots/slot-ranges.ts';

/** The field of an RDB file: the ranges, as after `shoal:hide:`. */
export const HIDDEN_SLOTS_FIELD = 'shoal-hidden-slots';

const PREFIX = 'shoal:';
const LONGEST_BYTES = 256 * 1024;

/** The text of the PING that tells it. */
export const hiddenSlotsMark = (kind: 'hide' | 'show', ranges: Iterable<SlotRange>): string =>
	`${PREFIX}${kind}:${formatSlotRanges(ranges, ',')}`;

/** The text of the PING that says what the field says. */
export const hidingMark = (field: string): string => `${PREFIX}hide:${field}`;

/** What the field says of this keyspace; null when nothing is hidden. */
export function hiddenSlotsField(db: Keyspace): string | null {
	if (db.hiddenSlots.size === 0) return null;
	return formatSlotRanges(slotRanges([...db.hiddenSlots].toSorted((a, b) => a - b)), ',');
}

/** Does what the field of a file says. One that cannot be read says nothing. */
export function applyHiddenSlotsField(db: Keyspace, value: string): void {
	const slots = parseSlots(value);
	if (slots !== null) db.hideSlots(slots);
}

/** Does what the text of a PING says, if it says anything. Only to be called for one of the stream, or of a file. */
export function applyHiddenSlotsMark(db: Keyspace, text: Uint8Array): void {
	if (text.length > LONGEST_BYTES || text[0] !== PREFIX.charCodeAt(0)) return;
	const match = /^shoal:(hide|show):(.*)$/.exec(latin1(text));
	const slots = match === null ? null : parseSlots(match[2]!);
	if (slots === null) return;
	if (match![1] === 'hide') db.hideSlots(slots);
	else db.showSlots(slots);
}

/** Null when a part is no range. */
function parseSlots(text: string): number[] | null {
	const slots: number[] = [];
	for (const part of text.split(',')) {
		const range = parseSlotRange(part);
		if (range === null) return null;
		for (let slot = range[0]; slot <= range[1]; slot++) slots.push(slot);
	}
	return slots;
}
