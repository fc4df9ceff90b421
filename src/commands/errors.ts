/**
 * The error lines that clients match on, to the letter of Redis 7.0, and the exception that carries them.
 *
 * A handler throws a `CommandError` (or calls `reply.error()`) before it changed anything; the executor
 * rewinds the reply and writes the line. Fixed lines are prebuilt here, so that a failing command costs no
 * allocation.
 */

import {latin1} from '../lib/bytes.ts';
import type {Request} from '../resp/request.ts';

/** The client's mistake: `message` is the whole error line without the leading `-`. Carries no stack. */
export class CommandError extends Error {
	constructor(line: string) {
		const limit = Error.stackTraceLimit;
		Error.stackTraceLimit = 0;
		super(line);
		Error.stackTraceLimit = limit;
	}
}

const err = (text: string): CommandError => new CommandError(`ERR ${text}`);

export const SYNTAX_ERROR = err('syntax error');
export const NOT_AN_INTEGER = err('value is not an integer or out of range');
export const NOT_A_FLOAT = err('value is not a valid float');
export const OUT_OF_RANGE = err('value is out of range');
export const MUST_BE_POSITIVE = err('value is out of range, must be positive');
export const WRONG_TYPE = new CommandError(
	'WRONGTYPE Operation against a key holding the wrong kind of value',
);
export const NO_SUCH_KEY = err('no such key');
export const SAME_OBJECT = err('source and destination objects are the same');
export const INVALID_CURSOR = err('invalid cursor');
export const DB_INDEX_OUT_OF_RANGE = err('DB index is out of range');
export const INCREMENT_OVERFLOW = err('increment or decrement would overflow');
export const INCREMENT_NAN = err('increment would produce NaN or Infinity');
export const STRING_TOO_LONG = err('string exceeds maximum allowed size (proto-max-bulk-len)');
export const OFFSET_OUT_OF_RANGE = err('offset is out of range');
export const BIT_OFFSET_INVALID = err('bit offset is not an integer or out of range');
export const BIT_INVALID = err('bit is not an integer or out of range');
export const CLUSTER_DISABLED = err('This instance has cluster support disabled');

/**
 * Thrown by a grammar value where upstream answers with the arity error instead of a syntax error (MSET with
 * an odd number of arguments); `Command` turns it into the line that names itself.
 */
export const WRONG_ARITY = err('wrong number of arguments');

/** `name` as in COMMAND INFO: `set`, `client|kill`. */
export function wrongArity(name: string): string {
	return `ERR wrong number of arguments for '${name}' command`;
}

export function invalidExpire(name: string): CommandError {
	return err(`invalid expire time in '${name}' command`);
}

/** Upstream shows at most this many bytes of the command and of its arguments together. */
const SHOWN_BYTES = 128;

/** The line for a first argument that names no command. */
export function unknownCommand(request: Request): string {
	let shown = '';
	for (let i = 1; i < request.count && shown.length < SHOWN_BYTES; i++) {
		shown += `'${printable(request, i, SHOWN_BYTES - shown.length)}' `;
	}
	return `ERR unknown command '${printable(request, 0, SHOWN_BYTES)}', with args beginning with: ${shown}`;
}

/** The line for a container command whose second argument names none of its subcommands. */
export function unknownSubcommand(request: Request): string {
	const container = toUpper(printable(request, 0, request.lengths[0]!));
	return `ERR unknown subcommand '${printable(request, 1, SHOWN_BYTES)}'. Try ${container} HELP.`;
}

/**
 * At most `limit` bytes of an argument for an error line, cut at a NUL as a C string is: one character a
 * byte, which is what `reply.error` writes.
 */
export function printable(request: Request, index: number, limit: number): string {
	const at = request.offsets[index]!;
	const shown = latin1(request.region.bytes, at, at + Math.min(limit, request.lengths[index]!));
	const nul = shown.indexOf('\0');
	return nul < 0 ? shown : shown.slice(0, nul);
}

/** ASCII letters only, as toupper() in the C locale. */
function toUpper(text: string): string {
	return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
