/** Where jobs that move slots keep their journal: whoever runs a job says where its process writes, and nobody else. */
import type {TribJob} from '../trib/messages.ts';

export function withJournal(job: TribJob, directory: string): TribJob {
	switch (job.command) {
		case 'reshard':
		case 'rebalance':
		case 'move-slot':
			return {...job, options: {...job.options, journalDir: directory}} as TribJob;
		default:
			return job;
	}
}
