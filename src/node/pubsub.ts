/**
 * Who listens to which channels, and the delivery of messages to them. A message is encoded once a protocol; every subscriber's
 * connection is given the same bytes.
 */
import type {Client} from '../commands/client.ts';
import type {PubSubService, PubSubSpace} from '../commands/pubsub-service.ts';
import {latin1, latin1ToBytes} from '../lib/bytes.ts';
import {globMatch} from '../lib/glob.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import {keySlot} from '../slots/key-slot.ts';

type Listeners = Map<string, Set<Client>>;

export class PubSub implements PubSubService {
	readonly #listeners: Readonly<Record<PubSubSpace, Listeners>> = {
		channels: new Map(),
		patterns: new Map(),
		shardChannels: new Map(),
	};
	/** The bytes of each pattern that somebody listens to. */
	readonly #globs = new Map<string, Uint8Array>();
	readonly #writer = new ReplyWriter();

	subscribe(client: Client, space: PubSubSpace, name: string): void {
		client.subscriptions ??= {channels: new Set(), patterns: new Set(), shardChannels: new Set()};
		client.subscriptions[space].add(name);
		const all = this.#listeners[space];
		const clients = all.get(name);
		if (clients !== undefined) {
			clients.add(client);
			return;
		}
		all.set(name, new Set([client]));
		if (space === 'patterns') this.#globs.set(name, latin1ToBytes(name));
	}

	unsubscribe(client: Client, space: PubSubSpace, name: string): boolean {
		const {subscriptions} = client;
		if (subscriptions === null || !subscriptions[space].delete(name)) return false;
		this.#remove(client, space, name);
		const {channels, patterns, shardChannels} = subscriptions;
		if (channels.size + patterns.size + shardChannels.size === 0) client.subscriptions = null;
		return true;
	}

	forget(client: Client): void {
		const {subscriptions} = client;
		if (subscriptions === null) return;
		client.subscriptions = null;
		for (const space of ['channels', 'patterns', 'shardChannels'] as const)
			for (const name of subscriptions[space]) this.#remove(client, space, name);
	}

	#remove(client: Client, space: PubSubSpace, name: string): void {
		const all = this.#listeners[space];
		const clients = all.get(name)!;
		clients.delete(client);
		if (clients.size > 0) return;
		all.delete(name);
		if (space === 'patterns') this.#globs.delete(name);
	}

	names(space: PubSubSpace): Iterable<string> {
		return this.#listeners[space].keys();
	}

	nameCount(space: PubSubSpace): number {
		return this.#listeners[space].size;
	}

	subscriberCount(space: PubSubSpace, name: string): number {
		return this.#listeners[space].get(name)?.size ?? 0;
	}

	publish(channel: Uint8Array, message: Uint8Array, isSharded: boolean): number {
		const listeners = this.#listeners[isSharded ? 'shardChannels' : 'channels'];
		let count = 0;
		if (listeners.size > 0) {
			const clients = listeners.get(latin1(channel, 0, channel.length));
			if (clients !== undefined) {
				count += clients.size;
				this.#deliver(clients, [isSharded ? SMESSAGE : MESSAGE, channel, message]);
			}
		}
		if (isSharded) return count;
		for (const [name, glob] of this.#globs) {
			if (!globMatch(glob, channel)) continue;
			const clients = this.#listeners.patterns.get(name)!;
			count += clients.size;
			this.#deliver(clients, [PMESSAGE, glob, channel, message]);
		}
		return count;
	}

	/** Sharded channels of slots that are served elsewhere now: their subscribers are told, and must go there. */
	dropUnserved(isServed: (slot: number) => boolean): void {
		const all = this.#listeners.shardChannels;
		if (all.size === 0) return;
		for (const [name, clients] of all) {
			const channel = latin1ToBytes(name);
			if (isServed(keySlot(channel))) continue;
			for (const client of clients) {
				this.unsubscribe(client, 'shardChannels', name);
				const left = client.subscriptions?.shardChannels.size ?? 0;
				client.connection.push(this.#encode(client.protocol, [SUNSUBSCRIBE, channel], left));
			}
		}
	}

	#deliver(clients: Iterable<Client>, words: readonly Uint8Array[]): void {
		let inResp2: Uint8Array | null = null;
		let inResp3: Uint8Array | null = null;
		// One that is closed for not reading leaves the set meanwhile; the others are served.
		for (const client of clients) {
			if (client.protocol === 2) client.connection.push((inResp2 ??= this.#encode(2, words)));
			else client.connection.push((inResp3 ??= this.#encode(3, words)));
		}
	}

	#encode(protocol: 2 | 3, words: readonly Uint8Array[], count = -1): Uint8Array {
		const writer = this.#writer;
		writer.clear();
		writer.protocol = protocol;
		writer.push(words.length + (count < 0 ? 0 : 1));
		for (const word of words) writer.bulk(word);
		if (count >= 0) writer.integer(count);
		return writer.view(0, writer.length).slice();
	}
}

const MESSAGE = latin1ToBytes('message');
const PMESSAGE = latin1ToBytes('pmessage');
const SMESSAGE = latin1ToBytes('smessage');
const SUNSUBSCRIBE = latin1ToBytes('sunsubscribe');
