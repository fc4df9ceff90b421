/**
 * Assertions that stay on in production. A failed one means that shoal itself is wrong: nobody catches it,
 * the worker dies with its message, and the cluster treats that as any other crash.
 */

/** Thrown by a failed assertion; never by wrong input of a client, a peer or the machine. */
export class AssertionError extends Error {
	override readonly name = 'AssertionError';
}

/** Throws when the condition does not hold. The message says what was believed, not what to do. */
export function assert(condition: boolean, message: string): asserts condition {
	if (!condition) {
		throw new AssertionError(message);
	}
}

/** The end of an exhaustive `switch`: does not compile while a case is missing. */
export function unreachable(value: never): never {
	throw new AssertionError(`unreachable: ${String(value)}`);
}
