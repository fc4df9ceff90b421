/**
 * How a job is ended half-way. It is never broken off: it ends by itself after the step under way, because `Printer.progress`,
 * which tells of every step that is done, throws what stands here when somebody wishes so. Moves of slots, which run side by
 * side and keep a journal, ask the printer themselves (run-moves.ts).
 */

/** Somebody cancelled the job. */
export class CancelledError extends Error {
	override readonly name = 'CancelledError';
	/** Whether a step was done before. */
	readonly isPartlyDone: boolean;

	constructor(isPartlyDone: boolean) {
		super(
			isPartlyDone
				? 'Cancelled after the step that was under way: the work is partly done.'
				: 'Cancelled: nothing was done.',
		);
		this.isPartlyDone = isPartlyDone;
	}
}
