/** Ctrl-C while a job runs. */

/** Calls `act` at each SIGINT instead of ending the process; the returned function ends that. */
export function onInterrupt(act: () => void): () => void {
	process.on('SIGINT', act);
	return () => process.off('SIGINT', act);
}
