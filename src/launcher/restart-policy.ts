/**
 * When a node that crashed is started again (`restart: on-failure`). Pure: the time comes in from outside.
 *
 * There is no last attempt. A node that crashes again and again costs a thread's start every ten seconds and is told each
 * time; one that was given up would stay away after a fault that has long passed.
 */

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
/** A node that listened for this long was well: its next crash is a first one again. */
const WELL_AFTER_MS = 10_000;

/** How many crashes in a row this one makes; `ranMs` is how long the node listened before it, 0 if it never did. */
export const crashesInARow = (before: number, ranMs: number): number =>
	ranMs >= WELL_AFTER_MS ? 1 : before + 1;

/** How long to wait after the so-manieth crash in a row, from 1: doubles each time up to the longest. */
export const restartDelayMs = (crashes: number): number =>
	Math.min(FIRST_DELAY_MS * 2 ** (crashes - 1), LONGEST_DELAY_MS);
