/** The version of this package, for `--version` and the status. The tests compare it with package.json. */
export const version = '0.1.0';
