import {SLOT_COUNT} from '../slots/key-slot.ts';

const GROUP_SHIFT = 7;
const GROUP_COUNT = SLOT_COUNT >>> GROUP_SHIFT;
const GROUP_SLOTS = 1 << GROUP_SHIFT;

/** How many keys there are, by slot and by group of 128 slots: what finds the next, or a random, slot with keys. */
export class SlotCounts {
	readonly slots = new Int32Array(SLOT_COUNT);
	readonly groups = new Int32Array(GROUP_COUNT);
	total = 0;

	add(slot: number, change: number): void {
		this.slots[slot]! += change;
		this.groups[slot >>> GROUP_SHIFT]! += change;
		this.total += change;
	}

	/** The first slot from this one on that has keys; SLOT_COUNT when there is none. */
	next(slot: number): number {
		while (slot < SLOT_COUNT && this.slots[slot] === 0) {
			const atGroup = (slot & (GROUP_SLOTS - 1)) === 0;
			slot += atGroup && this.groups[slot >>> GROUP_SHIFT] === 0 ? GROUP_SLOTS : 1;
		}
		return slot;
	}

	/** The slot of the n-th key when all are numbered slot by slot. */
	slotOf(n: number): number {
		let group = 0;
		while (n >= this.groups[group]!) {
			n -= this.groups[group++]!;
		}
		let slot = group << GROUP_SHIFT;
		while (n >= this.slots[slot]!) {
			n -= this.slots[slot++]!;
		}
		return slot;
	}
}
