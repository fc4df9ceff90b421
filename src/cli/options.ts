/** Options that several commands have. */
import {Option} from 'commander';

export const dataDirOption = (): Option =>
	new Option(
		'--data-dir <directory>',
		'where the nodes keep their files (default: that of ./cluster.yaml, or .shoal)',
	);
