/**
 * Publish and subscribe as commands see it. Implemented by src/node/pubsub.ts. Channels and patterns are strings of one character
 * a byte.
 *
 * Three spaces of names: channels, which reach the whole cluster; patterns over them; and sharded channels, which belong to a
 * slot as keys do.
 */
import type {Client} from './client.ts';

export type PubSubSpace = 'channels' | 'patterns' | 'shardChannels';

/** What a client listens to. A client has one while it listens to anything. */
export type Subscriptions = Readonly<Record<PubSubSpace, Set<string>>>;

export interface PubSubService {
	/** Does nothing when the client listens already. */
	subscribe(client: Client, space: PubSubSpace, name: string): void;
	/** False when the client did not listen. */
	unsubscribe(client: Client, space: PubSubSpace, name: string): boolean;
	/** From everything, without a word to the client. */
	forget(client: Client): void;
	/** Names that somebody listens to. */
	names(space: PubSubSpace): Iterable<string>;
	nameCount(space: PubSubSpace): number;
	/** Clients that listen to exactly this name. */
	subscriberCount(space: PubSubSpace, name: string): number;
	/** To the clients of this node. Number of those that were sent it; one that it matches twice counts twice. */
	publish(channel: Uint8Array, message: Uint8Array, isSharded: boolean): number;
}
