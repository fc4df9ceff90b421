/** Runs the commands of an append-only file on the databases: without the checks that clients must pass, and nothing goes on. */
import {Client, NO_CONNECTION} from '../commands/client.ts';
import type {Context} from '../commands/context.ts';
import {CommandError} from '../commands/errors.ts';
import {NO_PERSISTENCE} from '../commands/persistence-service.ts';
import {NO_PROPAGATION} from '../commands/propagation.ts';
import type {Services} from '../commands/services.ts';
import {latin1} from '../lib/bytes.ts';
import type {AofVisitor} from '../persistence/aof-reader.ts';
import {ReplyWriter} from '../resp/reply-writer.ts';
import {Request} from '../resp/request.ts';

/** The file is in form, but what it says cannot be run. */
export class AofContentError extends Error {
	override readonly name = 'AofContentError';
}

const SHOWN_NAME_BYTES = 64;

export class AofPlayer implements AofVisitor {
	readonly #services: Services;
	readonly #context: {-readonly [K in keyof Context]: Context[K]};
	/** Commands that replied with an error, and the last such reply. */
	refusedCount = 0;
	lastRefusal = '';

	constructor(services: Services) {
		const client = new Client(0, NO_CONNECTION, '', '', services.clock.nowMs);
		// The file is the primary's word.
		client.isPrimary = true;
		this.#services = {...services, propagation: NO_PROPAGATION, persistence: NO_PERSISTENCE};
		this.#context = {
			reply: new ReplyWriter(),
			request: new Request(),
			client,
			services: this.#services,
			db: services.databases[0]!,
		};
	}

	/** @throws AofContentError */
	onCommand(request: Request): void {
		const context = this.#context;
		const {table, databases, clock} = this.#services;
		const command = table.find(request);
		if (command === null || command.isContainer)
			throw new AofContentError(
				`unknown command '${latin1(request.bytes(0).subarray(0, SHOWN_NAME_BYTES))}'`,
			);
		if (!command.acceptsCount(request.count))
			throw new AofContentError(`wrong number of arguments for '${command.name}'`);
		const db = databases[context.client.databaseIndex]!;
		db.now = clock.nowMs;
		// Clients are answered between two pieces: their commands set it for themselves.
		db.expiredKeys = 'ignore';
		request.slot = -1;
		context.request = request;
		context.db = db;
		try {
			command.execute(context);
		} catch (error) {
			if (!(error instanceof CommandError)) throw error;
			// What follows would go to another database.
			if (command.name === 'select') throw new AofContentError(error.message);
			this.refusedCount++;
			this.lastRefusal = `${command.name}: ${error.message}`;
		}
		context.reply.clear();
	}
}
