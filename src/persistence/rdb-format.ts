/** The numbers of the RDB format, as redis-server 7.0 writes them; a dump is the form of a single value. */

/** What is written. */
export const RDB_VERSION = 10;
/** What is read: from 1 to this. The value types of later versions are refused where they occur. */
export const MAX_RDB_VERSION = 11;
/** From this version on a checksum follows the end. */
export const CHECKSUM_VERSION = 5;

export const MAGIC = 'REDIS';
/** `REDIS` and four digits. */
export const MAGIC_BYTES = 9;
export const CHECKSUM_BYTES = 8;
/** Behind a dumped value: two bytes of version, and the checksum. */
export const DUMP_FOOTER_BYTES = 2 + CHECKSUM_BYTES;

// What an entry of the file begins with; below these stand the types of values.

export const FUNCTION = 245;
export const FUNCTION_BEFORE_RELEASE = 246;
export const MODULE_AUX = 247;
export const IDLE = 248;
export const FREQUENCY = 249;
export const AUX = 250;
export const RESIZE_DB = 251;
export const EXPIRY_MS = 252;
export const EXPIRY_SECONDS = 253;
export const SELECT_DB = 254;
export const END = 255;

// The two upper bits of a length.

export const LENGTH_6 = 0;
export const LENGTH_14 = 1;
export const LENGTH_ENCODED = 3;
/** The whole byte before four, or eight, bytes of a length. */
export const LENGTH_32 = 0x80;
export const LENGTH_64 = 0x81;

// How a string is encoded: the lower bits beside LENGTH_ENCODED.

export const ENCODED_INT8 = 0;
export const ENCODED_INT16 = 1;
export const ENCODED_INT32 = 2;
export const ENCODED_LZF = 3;

/** The type of values that are strings. */
export const STRING_VALUE = 0;

/** What the types of values are called in messages. */
export const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
	[0, 'string'],
	[1, 'list'],
	[2, 'set'],
	[3, 'zset'],
	[4, 'hash'],
	[5, 'zset'],
	[6, 'module'],
	[7, 'module'],
	[9, 'hash'],
	[10, 'list'],
	[11, 'set'],
	[12, 'zset'],
	[13, 'hash'],
	[14, 'list'],
	[15, 'stream'],
	[16, 'hash'],
	[17, 'zset'],
	[18, 'list'],
	[19, 'stream'],
	[20, 'set'],
	[21, 'stream'],
]);

/** What a record tells of its use beside value and expiry. Which of them, `maxmemory-policy` says. */
export const NO_ACCESS = 0;
/** Seconds since the last use. */
export const IDLE_ACCESS = 1;
/** The logarithmic counter of uses, 0 to 255. */
export const FREQUENCY_ACCESS = 2;
export type AccessKind = typeof NO_ACCESS | typeof IDLE_ACCESS | typeof FREQUENCY_ACCESS;

/** The file or payload is not what it should be. */
export class RdbError extends Error {
	/** Where, in bytes from the file's begin. */
	readonly offset: number;

	constructor(what: string, offset: number) {
		super(`${what} at offset ${offset}`);
		this.offset = offset;
	}
}
