/** The settings that decide how a key's last use is remembered, given to the databases. */
import type {Settings} from '../commands/settings.ts';
import type {Keyspace} from '../data/keyspace.ts';

/** The parameters of redis.conf that `applyAccessSettings` reads. */
export const ACCESS_PARAMETERS = ['maxmemory-policy', 'lfu-log-factor', 'lfu-decay-time'] as const;

export function applyAccessSettings(databases: readonly Keyspace[], settings: Settings): void {
	for (const {access} of databases) {
		access.policy = settings.maxMemoryPolicy.endsWith('-lfu') ? 'lfu' : 'lru';
		access.lfuLogFactor = settings.lfuLogFactor;
		access.lfuDecayMinutes = settings.lfuDecayMinutes;
	}
}
