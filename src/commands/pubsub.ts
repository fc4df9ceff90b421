/** SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB. Who listens to what, and the delivery, are the service's. */
import {latin1, latin1ToBytes} from '../lib/bytes.ts';
import {globMatch} from '../lib/glob.ts';
import type {ReplyWriter} from '../resp/reply-writer.ts';
import {block, bytes, custom, many, optional, pattern} from './args.ts';
import type {Client} from './client.ts';
import {type Command, command} from './command.ts';
import type {Context} from './context.ts';
import {CommandError} from './errors.ts';
import {replyHelp} from './help.ts';
import type {KeySpec} from './key-specs.ts';
import type {PubSubService, PubSubSpace} from './pubsub-service.ts';
import {badSubcommand} from './subcommand-arguments.ts';

const facts = {group: 'pubsub', flags: ['pubsub', 'noscript', 'loading', 'stale']} as const;
const publishing = {group: 'pubsub', flags: ['pubsub', 'loading', 'stale', 'fast']} as const;
const asking = {group: 'pubsub', flags: ['pubsub', 'loading', 'stale']} as const;

/** Sharded channels are found as keys are, but are none. */
const shardChannels = (lastKey: number): readonly KeySpec[] => [
	{flags: ['not_key'], begin: {index: 1}, find: {lastKey, step: 1, limit: 0}},
];

const NOT_WHERE_EACH_IS_ANSWERED = new CommandError(
	"ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
);

const text = (name: Uint8Array): string => latin1(name, 0, name.length);

/** What the number behind a confirmation counts. */
function subscriptionCount({subscriptions}: Client, space: PubSubSpace): number {
	if (subscriptions === null) return 0;
	if (space === 'shardChannels') return subscriptions.shardChannels.size;
	return subscriptions.channels.size + subscriptions.patterns.size;
}

function confirm(
	reply: ReplyWriter,
	client: Client,
	kind: string,
	name: Uint8Array | null,
	space: PubSubSpace,
): void {
	reply.push(3);
	reply.bulkText(kind);
	if (name === null) reply.null();
	else reply.bulk(name);
	reply.integer(subscriptionCount(client, space));
}

function subscribeAll(
	{client, reply, services: {pubsub}}: Context,
	space: PubSubSpace,
	kind: string,
	names: readonly Uint8Array[],
): void {
	for (const name of names) {
		pubsub.subscribe(client, space, text(name));
		confirm(reply, client, kind, name, space);
	}
}

function unsubscribeAll(
	{client, reply, services: {pubsub}}: Context,
	space: PubSubSpace,
	kind: string,
	names: readonly Uint8Array[] | undefined,
): void {
	const given = names ?? [...(client.subscriptions?.[space] ?? [])].map((name) => latin1ToBytes(name));
	for (const name of given) {
		pubsub.unsubscribe(client, space, text(name));
		confirm(reply, client, kind, name, space);
	}
	if (given.length === 0) confirm(reply, client, kind, null, space);
}

const subscribe = command({
	...facts,
	name: 'subscribe',
	since: '2.0.0',
	summary: 'Listen for messages published to the given channels',
	complexity: 'O(N) where N is the number of channels to subscribe to.',
	args: [many(bytes('channel'))],
	run(context, names) {
		subscribeAll(context, 'channels', 'subscribe', names);
	},
});

const unsubscribe = command({
	...facts,
	name: 'unsubscribe',
	since: '2.0.0',
	summary: 'Stop listening for messages posted to the given channels',
	complexity: 'O(N) where N is the number of clients already subscribed to a channel.',
	args: [optional(many(bytes('channel')))],
	run(context, names) {
		unsubscribeAll(context, 'channels', 'unsubscribe', names);
	},
});

const pSubscribe = command({
	...facts,
	name: 'psubscribe',
	since: '2.0.0',
	summary: 'Listen for messages published to channels matching the given patterns',
	complexity: 'O(N) where N is the number of patterns the client is already subscribed to.',
	args: [many(bytes('pattern'))],
	documentedArgs: [many(block('pattern', {pattern: pattern('pattern')}))],
	run(context, names) {
		subscribeAll(context, 'patterns', 'psubscribe', names);
	},
});

const pUnsubscribe = command({
	...facts,
	name: 'punsubscribe',
	since: '2.0.0',
	summary: 'Stop listening for messages posted to channels matching the given patterns',
	complexity:
		'O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).',
	args: [optional(many(pattern('pattern')))],
	run(context, names) {
		unsubscribeAll(context, 'patterns', 'punsubscribe', names);
	},
});

const sSubscribe = command({
	...facts,
	name: 'ssubscribe',
	since: '7.0.0',
	summary: 'Listen for messages published to the given shard channels',
	complexity: 'O(N) where N is the number of shard channels to subscribe to.',
	keySpecs: shardChannels(-1),
	args: [many(bytes('shardchannel'))],
	run(context, names) {
		if (!context.client.mayBlock) throw NOT_WHERE_EACH_IS_ANSWERED;
		subscribeAll(context, 'shardChannels', 'ssubscribe', names);
	},
});

const sUnsubscribe = command({
	...facts,
	name: 'sunsubscribe',
	since: '7.0.0',
	summary: 'Stop listening for messages posted to the given shard channels',
	complexity: 'O(N) where N is the number of clients already subscribed to a shard channel.',
	keySpecs: shardChannels(-1),
	args: [optional(many(bytes('shardchannel')))],
	run(context, names) {
		unsubscribeAll(context, 'shardChannels', 'sunsubscribe', names);
	},
});

const publish = command({
	...publishing,
	name: 'publish',
	since: '2.0.0',
	summary: 'Post a message to a channel',
	complexity:
		'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).',
	args: [bytes('channel'), bytes('message')],
	run(context, channel, message) {
		post(context, channel, message, false);
	},
});

const sPublish = command({
	...publishing,
	name: 'spublish',
	since: '7.0.0',
	summary: 'Post a message to a shard channel',
	complexity: 'O(N) where N is the number of clients subscribed to the receiving shard channel.',
	keySpecs: shardChannels(0),
	args: [bytes('shardchannel'), bytes('message')],
	run(context, channel, message) {
		post(context, channel, message, true);
	},
});

/** In a cluster the bus carries it on, elsewhere the replication stream. */
function post(
	{reply, services}: Context,
	channel: Uint8Array,
	message: Uint8Array,
	isSharded: boolean,
): void {
	const {cluster, propagation, pubsub} = services;
	const count = pubsub.publish(channel, message, isSharded);
	if (cluster === null) propagation.forceForReplicas();
	else cluster.publish(channel, message, isSharded);
	reply.integer(count);
}

const pubSub = command({
	name: 'pubsub',
	since: '2.8.0',
	group: 'pubsub',
	flags: [],
	summary: 'A container for Pub/Sub commands',
	complexity: 'Depends on subcommand.',
});

function replyNames(
	reply: ReplyWriter,
	pubsub: PubSubService,
	space: PubSubSpace,
	glob: Uint8Array | undefined,
): void {
	let count = 0;
	const token = reply.deferArray();
	for (const name of pubsub.names(space)) {
		const channel = latin1ToBytes(name);
		if (glob !== undefined && !globMatch(glob, channel)) continue;
		reply.bulk(channel);
		count++;
	}
	reply.closeArray(token, count);
}

function replyCounts(
	reply: ReplyWriter,
	pubsub: PubSubService,
	space: PubSubSpace,
	names: readonly Uint8Array[] = [],
): void {
	reply.array(names.length * 2);
	for (const name of names) {
		reply.bulk(name);
		reply.integer(pubsub.subscriberCount(space, text(name)));
	}
}

/** The subcommand itself minds what is too much. */
const onePattern = custom<Uint8Array | undefined>([optional(pattern('pattern'))], {
	min: 0,
	max: Infinity,
	read(cursor) {
		if (cursor.end - cursor.at > 1) throw badSubcommand(cursor.request, 'PUBSUB');
		return cursor.at < cursor.end ? cursor.request.bytes(cursor.take()) : undefined;
	},
});

const pubSubChannels = command({
	...asking,
	name: 'pubsub|channels',
	since: '2.8.0',
	summary: 'List active channels',
	complexity:
		'O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)',
	args: [onePattern],
	run({reply, services: {pubsub}}, glob) {
		replyNames(reply, pubsub, 'channels', glob);
	},
});

const pubSubNumSub = command({
	...asking,
	name: 'pubsub|numsub',
	since: '2.8.0',
	summary: 'Get the count of subscribers for channels',
	complexity: 'O(N) for the NUMSUB subcommand, where N is the number of requested channels',
	args: [optional(many(bytes('channel')))],
	run({reply, services: {pubsub}}, names) {
		replyCounts(reply, pubsub, 'channels', names);
	},
});

const pubSubNumPat = command({
	...asking,
	name: 'pubsub|numpat',
	since: '2.8.0',
	summary: 'Get the count of unique patterns pattern subscriptions',
	complexity: 'O(1)',
	run({reply, services: {pubsub}}) {
		reply.integer(pubsub.nameCount('patterns'));
	},
});

const pubSubShardChannels = command({
	...asking,
	name: 'pubsub|shardchannels',
	since: '7.0.0',
	summary: 'List active shard channels',
	complexity:
		'O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).',
	args: [onePattern],
	run({reply, services: {pubsub}}, glob) {
		replyNames(reply, pubsub, 'shardChannels', glob);
	},
});

const pubSubShardNumSub = command({
	...asking,
	name: 'pubsub|shardnumsub',
	since: '7.0.0',
	summary: 'Get the count of subscribers for shard channels',
	complexity: 'O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels',
	args: [optional(many(bytes('shardchannel')))],
	run({reply, services: {pubsub}}, names) {
		replyCounts(reply, pubsub, 'shardChannels', names);
	},
});

const HELP = [
	'CHANNELS [<pattern>]',
	"    Return the currently active channels matching a <pattern> (default: '*').",
	'NUMPAT',
	'    Return number of subscriptions to patterns.',
	'NUMSUB [<channel> ...]',
	'    Return the number of subscribers for the specified channels, excluding',
	'    pattern subscriptions(default: no channels).',
	'SHARDCHANNELS [<pattern>]',
	"    Return the currently active shard level channels matching a <pattern> (default: '*').",
	'SHARDNUMSUB [<shardchannel> ...]',
	'    Return the number of subscribers for the specified shard level channel(s)',
];

const pubSubHelp = command({
	name: 'pubsub|help',
	since: '6.2.0',
	group: 'pubsub',
	flags: ['loading', 'stale'],
	categories: [],
	summary: 'Show helpful text about the different subcommands',
	complexity: 'O(1)',
	run({reply}) {
		replyHelp(reply, 'PUBSUB', HELP);
	},
});

export const pubSubCommands: readonly Command[] = [
	subscribe,
	unsubscribe,
	pSubscribe,
	pUnsubscribe,
	sSubscribe,
	sUnsubscribe,
	publish,
	sPublish,
	pubSub,
	pubSubChannels,
	pubSubNumSub,
	pubSubNumPat,
	pubSubShardChannels,
	pubSubShardNumSub,
	pubSubHelp,
];
