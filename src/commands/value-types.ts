/** What commands that take a key of any type know of its value. */

/** Names of the types as TYPE prints them and SCAN ... TYPE reads them, at the index of their number. */
export const TYPE_NAMES: readonly string[] = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

/** What the object of every value that is not a string offers. */
export interface ObjectValue {
	/** As OBJECT ENCODING prints it. */
	readonly encoding: string;
	/** Another object that is equal and shares nothing that can change. */
	clone(): ObjectValue;
}
