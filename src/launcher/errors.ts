/** The errors that a person sees as lines and never as a stack: what they asked for cannot be had, and why. */

/** Wrong options or a wrong cluster.yaml: nothing was begun. Exit code 2. The message may be several lines, one a mistake. */
export class UsageError extends Error {
	override readonly name = 'UsageError';
}

/** The machine does not give what is needed (port, directory, memory), or what ran broke. Exit code 1. */
export class LaunchError extends Error {
	override readonly name = 'LaunchError';
}

/** The system's error code (`EADDRINUSE`), or undefined where the value is no such error. */
export function errorCode(error: unknown): string | undefined {
	if (!(error instanceof Error) || !('code' in error)) return undefined;
	return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
