/** INFO persistence: files, what is being made of them, and what became of the last ones. */
import type {InfoSources, Lines} from './info.ts';
import type {LoadingProgress} from './recovery.ts';

export function persistence({persistence: files, clock, memory}: InfoSources): Lines {
	const {rdb, aof, loading, snapshotProgress} = files;
	const isBusy = files.isBackgroundBusy;
	const {taken, total} = isBusy ? snapshotProgress : {taken: 0, total: 0};
	return [
		['loading', loading === null ? 0 : 1],
		['async_loading', 0],
		['current_cow_peak', 0],
		['current_cow_size', 0],
		['current_cow_size_age', 0],
		['current_fork_perc', (total === 0 ? 0 : (taken / total) * 100).toFixed(2)],
		['current_save_keys_processed', taken],
		['current_save_keys_total', total],
		['rdb_changes_since_last_save', rdb.changeCount],
		['rdb_bgsave_in_progress', Number(rdb.isSaving)],
		['rdb_last_save_time', rdb.lastSaveSeconds],
		['rdb_last_bgsave_status', status(rdb.isLastOk)],
		['rdb_last_bgsave_time_sec', rdb.lastSeconds],
		['rdb_current_bgsave_time_sec', rdb.currentSeconds],
		['rdb_saves', rdb.savesCount],
		['rdb_last_cow_size', 0],
		['rdb_last_load_keys_expired', files.expiredCount],
		['rdb_last_load_keys_loaded', files.loadedCount],
		['aof_enabled', Number(aof.isOn)],
		['aof_rewrite_in_progress', Number(aof.isRewriting)],
		['aof_rewrite_scheduled', Number(aof.isScheduled)],
		['aof_last_rewrite_time_sec', aof.lastRewriteSeconds],
		['aof_current_rewrite_time_sec', aof.currentRewriteSeconds],
		['aof_last_bgrewrite_status', status(aof.isLastRewriteOk)],
		['aof_rewrites', aof.rewritesCount],
		['aof_rewrites_consecutive_failures', aof.failuresInRow],
		['aof_last_write_status', status(aof.failure === null)],
		['aof_last_cow_size', 0],
		['module_fork_in_progress', 0],
		['module_fork_last_cow_size', 0],
		...(aof.isOn
			? ([
					['aof_current_size', aof.currentBytes],
					['aof_base_size', aof.baseBytes],
					['aof_pending_rewrite', 0],
					['aof_buffer_length', aof.pendingBytes],
					['aof_pending_bio_fsync', Number(aof.isFlushing)],
					['aof_delayed_fsync', aof.delayedCount],
				] as const)
			: []),
		...(loading === null ? [] : loadingLines(loading, clock.nowMs, memory.usedBytes())),
	];
}

function loadingLines(
	{startedAtMs, totalBytes, loadedBytes}: LoadingProgress,
	nowMs: number,
	usedBytes: number,
): Lines {
	const seconds = Math.max(0, (nowMs - startedAtMs) / 1000);
	const share = totalBytes === 0 ? 1 : loadedBytes / totalBytes;
	const leftSeconds = share === 0 ? 1 : (seconds / share) * (1 - share);
	return [
		['loading_start_time', Math.floor(startedAtMs / 1000)],
		['loading_total_bytes', totalBytes],
		['loading_rdb_used_mem', usedBytes],
		['loading_loaded_bytes', loadedBytes],
		['loading_loaded_perc', (share * 100).toFixed(2)],
		['loading_eta_seconds', Math.floor(leftSeconds)],
	];
}

const status = (isOk: boolean): string => (isOk ? 'ok' : 'err');
