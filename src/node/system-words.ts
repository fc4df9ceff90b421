/** What is wrong with the disk, in the words that Redis shows: those of strerror. */
export function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const words = SYSTEM_WORDS[(error as NodeJS.ErrnoException).code ?? ''];
	return words ?? error.message;
}

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
	EACCES: 'Permission denied',
	EDQUOT: 'Disk quota exceeded',
	EFBIG: 'File too large',
	EIO: 'Input/output error',
	EISDIR: 'Is a directory',
	EMFILE: 'Too many open files',
	ENOENT: 'No such file or directory',
	ENOSPC: 'No space left on device',
	ENOTDIR: 'Not a directory',
	EPERM: 'Operation not permitted',
	EROFS: 'Read-only file system',
};
