#ifndef CLI_EARLY_H
#define CLI_EARLY_H

/* OpenBLAS starts a thread for every processor as soon as it is loaded, each of which maps 128 MB
 * and waits for ever when there is no room (ulimit -v), and so does the end of the program. It asks
 * on how many processors the process may run: until main() that is one, as far as the system's
 * loader looks at .preinit_array (glibc). This gives the others back. */
void cli_early_over(void);

#endif
