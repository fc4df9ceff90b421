/**
 * Runs command lines on a command table without a server: the parser, the table and the reply writer are the
 * real ones.
 */

import {Client} from '../../src/commands/client.ts';
import type {Command} from '../../src/commands/command.ts';
import type {Context} from '../../src/commands/context.ts';
import {CommandError, wrongArity} from '../../src/commands/errors.ts';
import {NO_MIGRATION} from '../../src/commands/migration-service.ts';
import {NO_PERSISTENCE} from '../../src/commands/persistence-service.ts';
import {NO_PROPAGATION} from '../../src/commands/propagation.ts';
import type {Services} from '../../src/commands/services.ts';
import {CommandTable} from '../../src/commands/table.ts';
import type {Keyspace} from '../../src/data/keyspace.ts';
import {loneReplication} from '../helpers/lone-replication.ts';
import {latin1, latin1ToBytes, toBytes} from '../../src/lib/bytes.ts';
import {regionOf} from '../../src/lib/region.ts';
import {type Reply, ReplyParser} from '../../src/resp/reply-parser.ts';
import {ReplyWriter} from '../../src/resp/reply-writer.ts';
import {COMPLETE, RequestParser} from '../../src/resp/request-parser.ts';
import {Request} from '../../src/resp/request.ts';

export type Word = string | Uint8Array;

export interface RunnerOptions {
	readonly commands: readonly Command[];
	readonly databases?: readonly Keyspace[];
	/** What the handlers find in `context.services` beside the table and the databases. */
	readonly services?: Partial<Services>;
}

/** One client of a node that is only a command table. */
export class CommandRunner {
	readonly table: CommandTable;
	readonly client: Client;
	readonly context: Context;
	readonly reply = new ReplyWriter();
	readonly #parser = new RequestParser();

	constructor({commands, databases = [], services = {}}: RunnerOptions) {
		this.table = new CommandTable(commands);
		const connection = {
			fd: 0,
			pendingInputBytes: 0,
			inputBufferBytes: 0,
			pendingOutputBytes: 0,
			pendingOutputBuffers: 0,
			close() {},
			closeAfterReplies() {},
			push() {},
			resume() {},
			feed() {},
			setHeldBytes() {},
		};
		this.client = new Client(1, connection, '127.0.0.1:1', '127.0.0.1:2', 0);
		this.context = {
			reply: this.reply,
			request: new Request(),
			db: databases[0] as Keyspace,
			client: this.client,
			services: {
				cluster: null,
				slotMigrations: null,
				propagation: NO_PROPAGATION,
				persistence: NO_PERSISTENCE,
				replication: loneReplication,
				migration: NO_MIGRATION,
				databases,
				table: this.table,
				...services,
			} as unknown as Services,
		};
	}

	/** The bytes of the reply, as a string of one character a byte. */
	raw(...words: readonly Word[]): string {
		const {reply, context} = this;
		const {request} = context;
		reply.clear();
		reply.protocol = this.client.protocol;
		this.parse(request, ...words);
		const command = this.table.find(request);
		if (command === null) reply.error(this.table.notFound(request));
		else if (!command.acceptsCount(request.count)) reply.error(wrongArity(command.name));
		else {
			try {
				command.execute(context);
			} catch (error) {
				if (!(error instanceof CommandError)) throw error;
				reply.rewind(0);
				reply.error(error.message);
			}
		}
		return latin1(reply.view(0, reply.length));
	}

	/** The reply as a value. */
	run(...words: readonly Word[]): Reply {
		let value: Reply = null;
		new ReplyParser().feed(latin1ToBytes(this.raw(...words)), (reply) => (value = reply));
		return value;
	}

	/** Fills a request with the words of a command. */
	parse(request: Request, ...words: readonly Word[]): Request {
		const bytes = encode(words);
		if (this.#parser.parse(request, regionOf(bytes), 0, bytes.length) !== COMPLETE)
			throw new Error('not complete');
		return request;
	}
}

/** A command as clients send it. */
export function encode(words: readonly Word[]): Uint8Array {
	const parts = words.map((word) => (typeof word === 'string' ? toBytes(word) : word));
	const lines = parts.map((part) => `$${part.length}\r\n${latin1(part)}\r\n`);
	return latin1ToBytes(`*${words.length}\r\n${lines.join('')}`);
}
