/** All command families: together they are the command table. */

import {bitmapCommands} from './bitmap.ts';
import {clientCommands} from './client-commands.ts';
import {clusterCommands} from './cluster.ts';
import type {Command} from './command.ts';
import {commandCommands} from './command-command.ts';
import {configCommands} from './config-commands.ts';
import {connectionCommands} from './connection.ts';
import {debugCommands} from './debug.ts';
import {genericCommands} from './generic.ts';
import {latencyCommands} from './latency-commands.ts';
import {memoryCommands} from './memory-commands.ts';
import {persistenceCommands} from './persistence-commands.ts';
import {pubSubCommands} from './pubsub.ts';
import {replicationCommands} from './replication-commands.ts';
import {serverCommands} from './server.ts';
import {slowlogCommands} from './slowlog-commands.ts';
import {stringCommands} from './string.ts';
import {transactionCommands} from './transaction-commands.ts';

export const allCommands: readonly Command[] = [
	...stringCommands,
	...bitmapCommands,
	...genericCommands,
	...connectionCommands,
	...clientCommands,
	...serverCommands,
	...persistenceCommands,
	...configCommands,
	...commandCommands,
	...memoryCommands,
	...latencyCommands,
	...slowlogCommands,
	...debugCommands,
	...clusterCommands,
	...replicationCommands,
	...transactionCommands,
	...pubSubCommands,
];
