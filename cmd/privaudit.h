/*
 * Between the files of privaudit.
 */
#ifndef CMD_PRIVAUDIT_H
#define CMD_PRIVAUDIT_H

/* privaudit prove: argv[0] is "prove". Returns the exit status. */
int privaudit_prove(int argc, char **argv);

#endif
