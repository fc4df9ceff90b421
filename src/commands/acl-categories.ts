/** ACL categories of a command, derived from its flags and its group as Redis 7.0 sets them. */

/** In the order of COMMAND INFO and ACL CAT. */
export const CATEGORIES = [
	'keyspace',
	'read',
	'write',
	'set',
	'sortedset',
	'list',
	'hash',
	'string',
	'bitmap',
	'hyperloglog',
	'geo',
	'stream',
	'pubsub',
	'admin',
	'fast',
	'slow',
	'blocking',
	'dangerous',
	'connection',
	'transaction',
	'scripting',
] as const;
export type Category = (typeof CATEGORIES)[number];

/** As COMMAND DOCS prints it. */
export type Group =
	| 'string'
	| 'bitmap'
	| 'list'
	| 'hash'
	| 'set'
	| 'sorted-set'
	| 'hyperloglog'
	| 'geo'
	| 'stream'
	| 'generic'
	| 'connection'
	| 'server'
	| 'cluster'
	| 'pubsub'
	| 'scripting'
	| 'transactions';

/** Server and cluster commands are in no category by their group. */
const CATEGORY_OF_GROUP: Readonly<Partial<Record<Group, Category>>> = {
	string: 'string',
	bitmap: 'bitmap',
	list: 'list',
	hash: 'hash',
	set: 'set',
	'sorted-set': 'sortedset',
	hyperloglog: 'hyperloglog',
	geo: 'geo',
	stream: 'stream',
	generic: 'keyspace',
	connection: 'connection',
	pubsub: 'pubsub',
	scripting: 'scripting',
	transactions: 'transaction',
};

export interface CategorySource {
	readonly group: Group;
	readonly flags: readonly string[];
	/** A container that is never run by itself is in no group's category. */
	readonly isContainer: boolean;
	/** In place of the group's category. */
	readonly categories?: readonly Category[];
}

export function deriveCategories({group, flags, isContainer, categories}: CategorySource): Category[] {
	const ofGroup = isContainer ? undefined : CATEGORY_OF_GROUP[group];
	const found = new Set<Category>(categories ?? (ofGroup === undefined ? [] : [ofGroup]));
	const has = (flag: string): boolean => flags.includes(flag);
	if (has('write')) found.add('write');
	if (has('readonly') && !found.has('scripting')) found.add('read');
	if (has('admin')) found.add('admin').add('dangerous');
	if (has('pubsub')) found.add('pubsub');
	if (has('blocking')) found.add('blocking');
	found.add(has('fast') ? 'fast' : 'slow');
	return CATEGORIES.filter((category) => found.has(category));
}
