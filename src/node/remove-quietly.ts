/** Removes what is left of something that failed, where nobody can do more about it than has been told already. */
import type {DataDisk} from './ports.ts';

export function removeQuietly(disk: DataDisk, file: string): void {
	try {
		disk.removeSync(file);
	} catch {
		// A disk that failed may fail here too.
	}
}
